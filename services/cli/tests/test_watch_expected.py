"""When a provider is overdue, by London's clocks and England's holidays."""

import datetime as dt

import pytest

from pcare_cli.providers.words import RefusedError, expected
from pcare_cli.watch.expected import Expectation, is_bank_holiday, weekdays
from pcare_schemas.validity import LONDON

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
MONDAY, FRIDAY = "2026-06-08", "2026-06-05"


def london(day: str, hour: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=LONDON).astimezone(dt.UTC)


def office(
    by: str = "09:00", *, days: str = "mon-fri", holidays: bool = False, since: dt.datetime = LONG_AGO
) -> Expectation:
    given = expected(by, days, holidays)
    return Expectation(given["expected_by"], weekdays(given["expected_days"]), holidays, since)


def overdue(
    of: Expectation, now: dt.datetime, arrived: dt.datetime | None = None, known: dt.datetime = LONG_AGO
) -> float | None:
    return of.overdue(now, arrived, known, is_bank_holiday)


def test_it_is_overdue_from_its_hour_on_until_something_comes() -> None:
    friday = london(FRIDAY, "16:30")
    assert overdue(office(), london(MONDAY, "08:59"), friday) == 0
    assert overdue(office(), london(MONDAY, "09:20"), friday) == 20 * 60
    assert overdue(office(), london(MONDAY, "09:20"), london(MONDAY, "09:19")) == 0
    assert overdue(office(), london(MONDAY, "09:20"), london(MONDAY, "08:01")) == 0


def test_a_batch_of_the_evening_before_counts_and_friday_does_not_count_for_monday() -> None:
    assert overdue(office("07:00"), london(MONDAY, "10:00"), london("2026-06-07", "23:30")) == 0
    assert overdue(office("07:00"), london(MONDAY, "10:00"), london(FRIDAY, "23:30")) == 3 * 3600


def test_it_stays_overdue_over_a_weekend() -> None:
    assert overdue(office(), london("2026-06-07", "09:00"), london("2026-06-04", "12:00")) == 2 * 86400


def test_on_a_bank_holiday_nothing_is_expected_unless_it_is() -> None:
    spring = "2026-05-25"  # a Monday
    friday = london("2026-05-22", "08:00")
    assert overdue(office(), london(spring, "12:00"), friday) == 0
    assert overdue(office(holidays=True), london(spring, "12:00"), friday) == 3 * 3600


def test_the_day_that_stands_for_a_holiday_on_a_weekend_is_one() -> None:
    assert is_bank_holiday(dt.date(2026, 12, 28))  # for Boxing Day, a Saturday
    assert not is_bank_holiday(dt.date(2026, 12, 29))


def test_hours_are_london_s_in_summer_and_in_winter() -> None:
    assert office().last_hour(london(MONDAY, "12:00"), is_bank_holiday) == dt.datetime(2026, 6, 8, 8, tzinfo=dt.UTC)
    winter = office().last_hour(london("2026-11-30", "12:00"), is_bank_holiday)
    assert winter == dt.datetime(2026, 11, 30, 9, tzinfo=dt.UTC)


def test_nothing_was_expected_before_it_was_said() -> None:
    said = office(since=london(MONDAY, "09:10"))
    assert overdue(said, london(MONDAY, "12:00")) == 0
    assert overdue(said, london("2026-06-09", "09:01")) == 60


def test_what_is_not_known_is_not_said() -> None:
    assert overdue(office(), london(MONDAY, "12:00"), known=london(MONDAY, "11:00")) is None
    assert overdue(office(), london(MONDAY, "12:00"), london(MONDAY, "08:00"), known=london(MONDAY, "11:00")) == 0


def test_what_is_typed_is_read() -> None:
    assert expected("09:30", None, None) == {
        "expected_by": dt.time(9, 30),
        "expected_days": ["mon", "tue", "wed", "thu", "fri"],
    }
    assert expected(None, "fri-mon, wed", True) == {
        "expected_days": ["mon", "wed", "fri", "sat", "sun"],
        "expected_on_bank_holidays": True,
    }
    assert expected("none", None, None)["expected_by"] is None
    assert expected(None, None, None) == {}


@pytest.mark.parametrize(("by", "days"), [("9", None), ("24:00", None), ("09:30", "monday"), (None, "")])
def test_what_is_typed_wrong_is_refused(by: str | None, days: str | None) -> None:
    with pytest.raises(RefusedError):
        expected(by, days, None)
