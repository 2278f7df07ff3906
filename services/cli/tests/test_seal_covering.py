"""How far a checkpoint may reach, and when there is one to make."""

import datetime as dt

import pytest

from pcare_audit.checkpoint import ActsHead, Checkpoint
from pcare_cli.sealing.covering import behind, covered, instant, is_due

NOW = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
ACTS = ActsHead(3, bytes(32))


def checkpoint(time: dt.datetime = NOW, acts: ActsHead | None = ACTS) -> Checkpoint:
    return Checkpoint("uk.nhs.ncl.personalised-care/x", 5, bytes(32), time, acts, {"t/0": 9})


@pytest.mark.parametrize(
    ("before", "cursors", "committed", "merges", "reached"),
    [
        ({}, {}, {}, 0, {}),
        ({}, {"t/0": 9, "t/1": 4}, {"t/0": 7, "t/1": 5}, 0, {"t/0": 7, "t/1": 4}),
        ({}, {"t/0": 9}, {}, 0, {}),  # Kafka remembers nothing: nothing is known to be on the log
        ({}, {"t/0": 0}, {"t/0": 0}, 0, {}),
        ({"t/0": 8, "u/3": 2}, {"t/0": 9}, {"t/0": 7}, 12, {"t/0": 8, "u/3": 2, "pcare.acts/0": 12}),
    ],
)
def test_what_is_covered_is_in_the_database_and_on_the_log_and_never_less(
    before: dict[str, int],
    cursors: dict[str, int],
    committed: dict[str, int],
    merges: int,
    reached: dict[str, int],
) -> None:
    assert covered(before, cursors, committed, merges) == reached


def test_a_database_that_lacks_what_was_sealed_is_behind() -> None:
    assert behind({"t/0": 9}, {"t/0": 9, "t/1": 1}, 0) is None
    assert behind({"t/0": 9}, {"t/0": 8}, 0) == "t/0 is sealed below 9, and the database ends at 8"
    assert behind({"t/0": 9}, {}, 0) == "t/0 is sealed below 9, and the database ends at 0"
    assert behind({"pcare.acts/0": 4}, {}, 4) is None
    assert behind({"pcare.acts/0": 4}, {}, 3) is not None


def test_a_checkpoint_is_made_of_something_new_or_on_demand_and_every_day() -> None:
    last = checkpoint()
    assert not is_due(last, 5, ACTS, NOW + dt.timedelta(hours=23))
    assert is_due(last, 5, ACTS, NOW + dt.timedelta(days=1))
    assert is_due(last, 6, ACTS, NOW)
    assert is_due(last, 5, ActsHead(4, bytes(32)), NOW)
    assert is_due(last, 5, ACTS, NOW, asked=True)
    assert not is_due(None, 0, None, NOW)
    assert is_due(None, 0, None, NOW, asked=True)
    assert is_due(None, 1, None, NOW)
    assert is_due(None, 0, ACTS, NOW)


def test_each_is_later_than_the_one_before_though_a_clock_goes_back() -> None:
    fine = NOW.replace(microsecond=123_456)
    assert instant(fine, None) == NOW.replace(microsecond=123_000)
    assert instant(fine, checkpoint(NOW)) == NOW.replace(microsecond=123_000)
    assert instant(NOW - dt.timedelta(hours=1), checkpoint(NOW)) == NOW.replace(microsecond=1_000)
