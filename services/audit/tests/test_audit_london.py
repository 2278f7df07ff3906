from datetime import UTC, date, datetime

import pytest

from pcare_audit.london import end_of_day, midnight, months_after, start_of_year, year_of


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("instant", "year"),
    [
        ("2023-03-31T22:59:59.999999Z", 2022),  # 23:59:59.999999 in London, where summer time has begun
        ("2023-03-31T23:00:00Z", 2023),
        ("2024-03-31T00:30:00Z", 2023),
        ("2024-03-31T23:00:00Z", 2024),
        ("2024-12-31T23:59:59Z", 2024),
        ("2025-01-01T00:00:00Z", 2024),
    ],
)
def test_the_year_turns_at_midnight_in_london(instant: str, year: int) -> None:
    assert year_of(at(instant)) == year


def test_a_year_begins_where_the_one_before_ends() -> None:
    assert start_of_year(2023) == at("2023-03-31T23:00:00Z")


def test_days_are_londons() -> None:
    assert midnight(date(2024, 7, 1)) == at("2024-06-30T23:00:00Z")
    assert end_of_day(at("2024-06-30T23:00:00Z")) == at("2024-07-01T23:00:00Z")
    assert end_of_day(at("2024-10-27T00:30:00Z")) == at("2024-10-28T00:00:00Z")  # a day of 25 hours
    assert end_of_day(at("2024-03-30T23:59:59Z")) == at("2024-03-31T00:00:00Z")


@pytest.mark.parametrize(
    ("instant", "months", "later"),
    [
        ("2023-06-01T09:00:00Z", 12, "2024-06-01T09:00:00Z"),
        ("2024-02-29T12:00:00Z", 12, "2025-02-28T12:00:00Z"),
        ("2023-11-30T12:00:00Z", 3, "2024-02-29T12:00:00Z"),
        ("2023-12-05T12:00:00Z", 1, "2024-01-05T12:00:00Z"),
        ("2023-03-28T08:00:00Z", 12, "2024-03-28T09:00:00Z"),  # 09:00 by both clocks: summer time came later in 2024
        ("2023-10-27T00:30:00Z", 12, "2024-10-27T01:30:00Z"),  # 01:30 comes twice in 2024: the second
        ("2023-03-31T00:30:00Z", 12, "2024-03-31T01:30:00Z"),  # 01:30 does not come in 2024: the later reading
        ("2023-10-29T00:30:00Z", 12, "2024-10-29T01:30:00Z"),  # the first 01:30 of 2023
        ("2023-10-29T01:30:00.000001Z", 12, "2024-10-29T01:30:00.000001Z"),  # the second
    ],
)
def test_months_are_counted_on_londons_calendar_and_clock(instant: str, months: int, later: str) -> None:
    assert months_after(at(instant), months) == at(later)
