import random
from datetime import UTC, date, datetime, timedelta

import kpi_oracle
import pytest

from pcare_kpi_aggregator import years
from pcare_kpi_aggregator.years import (
    LONDON,
    end_of,
    end_of_month,
    first_month,
    instant_of,
    last_month,
    month_of,
    months_later,
    start_of,
    start_of_month,
    year_of,
)


def london(*when: int, fold: int = 0) -> int:
    return instant_of(datetime(*when, tzinfo=LONDON, fold=fold))


def utc(*when: int) -> int:
    return instant_of(datetime(*when, tzinfo=UTC))


def test_a_year_turns_at_midnight_in_london_which_is_eleven_in_the_evening_utc():
    assert start_of(2024) == utc(2024, 3, 31, 23)
    assert year_of(utc(2024, 3, 31, 23)) == 2024
    assert year_of(utc(2024, 3, 31, 23) - 1) == 2023
    assert year_of(london(2024, 4, 1)) == 2024


def test_a_year_ends_where_the_next_one_starts():
    assert all(end_of(year) == start_of(year + 1) for year in range(2015, 2035))


@pytest.mark.parametrize("year", [1850, 1969, 1999, 2000, 2099, 2100, 2101, 2400])
def test_years_far_away_are_found_too(year):
    assert year_of(start_of(year)) == year
    assert year_of(start_of(year) - 1) == year - 1


def test_months_lie_within_their_financial_year_and_turn_with_it():
    for year in (1990, 2015, 2023, 2024, 2101):
        assert start_of_month(first_month(year)) == start_of(year)
        assert end_of_month(last_month(year)) == end_of(year)
        for month in range(first_month(year), last_month(year) + 1):
            assert month_of(start_of_month(month)) == month == month_of(end_of_month(month) - 1)
    assert month_of(utc(2024, 3, 31, 23)) == first_month(2024)
    assert month_of(london(2024, 2, 29)) == first_month(2023) + 10


def test_instants_are_exact_to_the_microsecond():
    moment = datetime(2024, 3, 31, 22, 59, 59, 999999, tzinfo=UTC)
    assert years.moment_of(instant_of(moment)) == moment
    assert years.iso(instant_of(moment)) == "2024-03-31T22:59:59.999999Z"


def test_twelve_months_later_shows_the_same_wall_time():
    assert months_later(london(2023, 6, 15, 14, 30), 12) == london(2024, 6, 15, 14, 30)
    assert months_later(london(2023, 12, 31, 23, 59), 12) == london(2024, 12, 31, 23, 59)


def test_the_leap_day_becomes_the_28th():
    assert months_later(london(2024, 2, 29, 9), 12) == london(2025, 2, 28, 9)
    assert months_later(london(2023, 2, 28, 9), 12) == london(2024, 2, 28, 9)
    assert months_later(london(2023, 8, 31, 9), 6) == london(2024, 2, 29, 9)


def test_a_wall_time_that_comes_twice_is_its_second_coming():
    # 29 October 2023, 01:30 is twice; a year before, once
    assert (
        months_later(london(2022, 10, 29, 1, 30), 12) == london(2023, 10, 29, 1, 30, fold=1) == utc(2023, 10, 29, 1, 30)
    )


def test_a_wall_time_that_is_skipped_is_the_hour_after():
    # 31 March 2024, 01:30 does not exist; a year before it does
    assert months_later(london(2023, 3, 31, 1, 30), 12) == utc(2024, 3, 31, 1, 30)


def test_both_comings_of_an_hour_have_the_same_wall_time_a_year_later():
    first, second = london(2023, 10, 29, 1, 30), london(2023, 10, 29, 1, 30, fold=1)
    assert second - first == 3600 * years.SECOND
    assert months_later(first, 12) == months_later(second, 12) == london(2024, 10, 29, 1, 30)


def test_months_later_agrees_with_the_slow_way_around_every_change_of_the_clocks():
    changes = {
        london(year, month, day, hour, minute)
        for year in range(2015, 2036)
        for month, days in ((2, (28,)), (3, range(24, 32)), (10, range(24, 32)))
        for day in days
        for hour in range(4)
        for minute in (0, 30, 59)
    }
    anywhere = {random.Random(7).randrange(utc(2010, 1, 1), utc(2098, 1, 1)) for _ in range(3000)}
    for instant in changes | anywhere:
        for months in (1, 12):
            assert months_later(instant, months) == kpi_oracle.months_after(instant, months)


def test_days_end_at_london_midnight_also_when_they_have_23_or_25_hours():
    assert years.end_of_day(london(2024, 3, 31, 12)) == london(2024, 4, 1)
    assert years.end_of_day(london(2024, 3, 31)) - london(2024, 3, 31) == 23 * 3600 * years.SECOND
    assert years.end_of_day(london(2024, 10, 27)) - london(2024, 10, 27) == 25 * 3600 * years.SECOND
    assert years.end_of_day(years.midnight(date.max)) == years.END_OF_TIME


def test_before_the_listed_years_the_zone_itself_is_asked():
    assert years.months_later(utc(1990, 6, 1, 12), 12) == utc(1991, 6, 1, 12)
    assert years.moment_of(0) + timedelta(0) == years.EPOCH
