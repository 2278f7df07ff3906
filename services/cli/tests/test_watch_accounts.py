"""Whether every record is accounted for, told from offsets where that is enough and by reading where it is not."""

import pytest

from pcare_cli.accounting import Cursor
from pcare_cli.watch.accounts import AT_ONCE, Accounts, Standstill, ToRead

P0, P1 = ("interventions.submitted", 0), ("interventions.submitted", 1)


def cursor(next_offset: int, recorded: int, *, base: int = 0, rejected: int = 0) -> Cursor:
    return Cursor(*P0, base, next_offset, recorded, 0, rejected)


def read(accounts: Accounts, of: Cursor, records: int, *, log_start: int = 0) -> int | None:
    wanted = accounts.to_read(of, log_start)
    assert wanted is not None
    accounts.was_read(of, wanted, records)
    return accounts.difference(of)


def test_where_each_offset_has_an_outcome_nothing_is_read() -> None:
    accounts = Accounts()
    assert accounts.to_read(cursor(25, 13, base=10, rejected=2), 10) is None
    assert accounts.difference(cursor(25, 13, base=10, rejected=2)) == 0


def test_markers_of_transactions_are_no_events() -> None:
    accounts = Accounts()
    assert read(accounts, cursor(25, 13, base=10), 13, log_start=10) == 0


def test_a_record_without_an_outcome_is_missed_for_as_long_as_it_has_none() -> None:
    accounts = Accounts()
    assert accounts.to_read(cursor(10, 10), 0) is None
    assert read(accounts, cursor(20, 19), 10) == 1
    assert read(accounts, cursor(30, 29), 10) == 1  # of the offsets from 20 on only
    assert accounts.to_read(cursor(30, 30), 0) is None
    assert accounts.difference(cursor(30, 30)) == 0


def test_an_outcome_without_a_record_is_one_too_many() -> None:
    assert read(Accounts(), cursor(10, 9), 8) == -1


def test_only_what_is_new_is_read_and_no_more_at_once_than_is_bearable() -> None:
    accounts = Accounts()
    late = cursor(AT_ONCE + 50, AT_ONCE + 40)
    assert accounts.to_read(late, 0) == ToRead(0, AT_ONCE)
    accounts.was_read(late, ToRead(0, AT_ONCE), AT_ONCE - 10)
    assert accounts.difference(late) is None
    assert accounts.to_read(late, 0) == ToRead(AT_ONCE, AT_ONCE + 50)
    accounts.was_read(late, ToRead(AT_ONCE, AT_ONCE + 50), 50)
    assert accounts.difference(late) == 0
    assert accounts.to_read(cursor(AT_ONCE + 60, AT_ONCE + 49), 0) == ToRead(AT_ONCE + 50, AT_ONCE + 60)


def test_what_retention_has_deleted_cannot_be_counted_and_is_not_guessed() -> None:
    accounts = Accounts()
    assert accounts.to_read(cursor(100, 80), 50) is None
    assert accounts.difference(cursor(100, 80)) == 0
    assert read(accounts, cursor(110, 89), 10, log_start=50) == 1


def test_what_a_person_passed_over_is_no_record_and_has_no_outcome() -> None:
    accounts = Accounts()
    passed_over = Cursor(*P0, 0, 20, 15, 0, 0, lost=5)
    assert read(accounts, passed_over, 15) == 0


def test_after_a_gap_that_was_accepted_nothing_is_asked_for_that_retention_has_deleted() -> None:
    accounts = Accounts()
    assert accounts.to_read(cursor(100, 100), 0) is None
    passed_over = Cursor(*P0, 0, 200, 100, 0, 0, lost=100)
    assert accounts.to_read(passed_over, 200) is None
    assert accounts.difference(passed_over) == 0
    assert read(accounts, Cursor(*P0, 0, 210, 109, 0, 0, lost=100), 10, log_start=200) == 1


def test_what_retention_deletes_while_it_is_read_is_not_asked_for_again() -> None:
    accounts = Accounts()
    late = cursor(AT_ONCE + 50, AT_ONCE + 40)
    assert accounts.to_read(late, 0) == ToRead(0, AT_ONCE)
    assert accounts.to_read(late, 10) is None
    assert accounts.difference(late) == 0


@pytest.mark.parametrize("base", [100, 40])
def test_a_cursor_that_began_to_count_anew_is_none_that_lost_its_outcomes(base: int) -> None:
    accounts = Accounts()
    accounts.to_read(cursor(100, 100), 0)
    accounts.difference(cursor(100, 100))
    anew = cursor(100, 100 - base, base=base)  # as after `pcare republish`, or a rebuild from what is left of the log
    assert accounts.to_read(anew, base) is None
    assert accounts.difference(anew) == 0


def test_a_cursor_that_went_back_is_counted_anew() -> None:
    accounts = Accounts()
    accounts.to_read(cursor(20, 20), 0)
    accounts.difference(cursor(20, 20))
    assert accounts.to_read(cursor(10, 9), 0) is None
    assert accounts.difference(cursor(10, 9)) is None
    assert read(accounts, cursor(10, 9), 9) == 0


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ([(5, 5, 0), (5, 5, 60)], 0.0),  # nothing to do
        ([(5, 9, 0), (5, 9, 60), (5, 9, 90)], 90.0),
        ([(5, 9, 0), (6, 9, 60), (6, 9, 90)], 30.0),
        ([(5, 9, 0), (9, 9, 60), (9, 12, 90), (9, 12, 100)], 40.0),  # since it had last nothing to do
    ],
)
def test_a_partition_stands_still_while_it_has_work_and_its_cursor_does_not_move(
    steps: list[tuple[int, int, float]], seconds: float
) -> None:
    standstill = Standstill()
    for at, end, now in steps:
        longest = standstill.seconds({P0: at, P1: 7}, {P0: end, P1: 7}, now)
    assert longest == {"interventions.submitted": seconds}
