"""Whether a topic still holds all of a time: where it may not, nothing that came of it is called a number."""

import datetime as dt

import pytest

from pcare_cli.statements.handed_over import is_held

SINCE = dt.datetime(2024, 3, 5, tzinfo=dt.UTC)
BEFORE, AFTER = SINCE - dt.timedelta(seconds=1), SINCE + dt.timedelta(days=3)


@pytest.mark.parametrize(
    ("begins", "oldest", "deleted_before", "lowest", "held"),
    [
        (0, None, AFTER, None, True),  # nothing was ever deleted
        (0, AFTER, AFTER, None, True),
        (7, BEFORE, AFTER, 9, True),  # what is left begins earlier
        (7, SINCE, AFTER, 9, False),  # what came at the first instant may be gone
        (7, None, AFTER, None, False),  # all is deleted, and so old that it may be of this time
        (7, None, BEFORE, None, True),  # all is deleted, and older than this time
        (7, AFTER, SINCE, 7, True),
        (7, AFTER, BEFORE, 6, False),  # a row's record is gone: somebody deleted more than age does
    ],
)
def test_a_time_is_held_where_nothing_of_it_can_be_gone(
    begins: int, oldest: dt.datetime | None, deleted_before: dt.datetime, lowest: int | None, *, held: bool
) -> None:
    found = is_held(SINCE, begins=begins, oldest=oldest, deleted_before=deleted_before, lowest=lowest)
    assert found is held
