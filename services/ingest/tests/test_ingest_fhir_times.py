"""FHIR's dates as events have them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_ingest.fhir.times import LONDON, age_band, day, instant, same_always

DAYS = st.dates(dt.date(1900, 1, 2), dt.date(2090, 1, 1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-01", "2024-05-01T00:00:00+01:00"),
        ("2024-01-31", "2024-01-31T00:00:00+00:00"),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
        ("2024-05", "2024-05"),
        ("2024-02-30", "2024-02-30"),
        (7, 7),
        (None, None),
    ],
)
def test_a_day_begins_in_london_and_all_else_is_left_alone(value: object, expected: object) -> None:
    assert instant(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T23:30:00Z", "2024-05-02"),
        ("2024-05", "2024-05"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        (True, True),
    ],
)
def test_the_day_is_the_one_in_london(value: object, expected: object) -> None:
    assert day(value) == expected


def test_an_instant_is_the_same_however_it_is_written() -> None:
    assert same_always("2024-05-01T10:00:00+01:00") == same_always("2024-05-01T09:00:00.000Z")
    assert same_always("2024-05") == "2024-05"


@pytest.mark.parametrize(
    ("born", "at", "band"),
    [
        ("1957-03-14", "2024-03-13T12:00:00Z", "65-69"),
        ("1957-03-14", "2022-03-13T12:00:00Z", "60-64"),
        ("1957-03-14", "2022-03-14T00:00:00Z", "65-69"),
        ("1957-03-14", "2022-03-13T23:30:00-01:00", "65-69"),
        ("1957", "2024-06-01T00:00:00Z", "65-69"),
        ("1959", "2024-06-01T00:00:00Z", None),
        ("1959-02", "2024-06-01T00:00:00Z", "65-69"),
        ("1959-12", "2024-12-15T00:00:00Z", None),
        ("2024-05-01", "2024-06-01T00:00:00Z", "0-4"),
        ("1920-05-01", "2024-06-01T00:00:00Z", "90+"),
        ("2024-07-01", "2024-06-01T00:00:00Z", None),
        ("1957-13-14", "2024-06-01T00:00:00Z", None),
        ("0000", "2024-06-01T00:00:00Z", None),
        ("9999", "2024-06-01T00:00:00Z", None),
        ("1957-03-14", "2024-06", None),
        (1957, "2024-06-01T00:00:00Z", None),
    ],
)
def test_the_age_band_is_that_of_the_day_in_london(born: object, at: object, band: str | None) -> None:
    assert age_band(born, at) == band


@given(born=DAYS, on=DAYS)
def test_the_band_holds_the_age(born: dt.date, on: dt.date) -> None:
    band = age_band(born.isoformat(), dt.datetime.combine(on, dt.time(12), LONDON).isoformat())
    birthdays = sum(
        dt.date(year, 3, 1) <= on if (born.month, born.day) == (2, 29) else born.replace(year=year) <= on
        for year in range(born.year + 1, on.year + 1)
    )

    if born > on or birthdays >= 130:
        assert band is None
    else:
        assert band is not None
        low, _, high = band.rstrip("+").partition("-")
        assert int(low) <= birthdays <= int(high or 129)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_is_too_odd(born: str, at: str) -> None:
    assert age_band(born, at) is None or at
    assert instant(at) == at or at[:1].isdigit()
    assert isinstance(same_always(at), str)
