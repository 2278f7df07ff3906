"""What a cell says, however a spreadsheet has written it."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_cli.publishing.cells import LONDON, CellError, reader, tidy
from pcare_cli.publishing.fields import Form
from pcare_schemas.fields import INSTANT_PATTERN

EARLIEST = dt.datetime(2015, 1, 1)  # noqa: DTZ001 - a cell has no offset
LATEST = dt.datetime(2099, 12, 31)  # noqa: DTZ001


def read(form: Form, text: str, *formats: str, separator: str | None = None):
    return reader(form, formats, separator)(tidy(text))


@pytest.mark.parametrize(
    "text",
    [
        "9990000018", " 999 000 0018 ", "999-000-0018", "999\u00a0000\u00a00018", '="9990000018"', "'9990000018",
        "9990000018.0", "9.990000018E+09", "9.990000018E9",
    ],
)  # fmt: skip
def test_an_nhs_number_is_read_through_what_spreadsheets_do_to_it(text):
    assert read(Form.NHS_NUMBER, text) == "9990000018"


@pytest.mark.parametrize("text", ["9.99E+09", "9.99000002E+09", "1E+09"])
def test_a_rounded_nhs_number_is_never_taken_for_somebody_s(text):
    with pytest.raises(CellError) as caught:
        read(Form.NHS_NUMBER, text)
    assert "rounded" in caught.value.message
    assert text not in caught.value.message + caught.value.expected


def test_a_digit_that_is_missing_is_not_made_up():
    assert read(Form.NHS_NUMBER, "999000001") == "999000001"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-04-19T10:30:00+02:00", "2024-04-19T10:30:00+02:00"),
        ("2024-04-19T09:30:00Z", "2024-04-19T09:30:00+00:00"),
        ("2024-04-19 10:30", "2024-04-19T10:30:00+01:00"),
        ("2024-01-19 10:30:15", "2024-01-19T10:30:15+00:00"),
        ("19/04/2024 10:30", "2024-04-19T10:30:00+01:00"),
        ("1/4/2024", "2024-04-01T12:00:00+01:00"),
        ("2024-04-01", "2024-04-01T12:00:00+01:00"),
        ("2024-10-27 01:30", "2024-10-27T01:30:00+01:00"),
    ],
)
def test_a_time_without_an_offset_is_london_s_and_a_day_is_its_noon(text, instant):
    assert read(Form.INSTANT, text) == instant


@pytest.mark.parametrize("text", ["31/02/2024", "2024-13-01", "yesterday", "45394", "04/19/2024", "2024-04-19T25:00"])
def test_what_is_no_time_is_refused_and_not_repeated(text):
    with pytest.raises(CellError) as caught:
        read(Form.INSTANT, text)
    assert text not in caught.value.message


def test_formats_stand_in_place_of_the_british_ones():
    assert read(Form.INSTANT, "04/05/2024", "%m/%d/%Y") == "2024-04-05T12:00:00+01:00"
    assert read(Form.DAY, "04/05/2024", "%d.%m.%Y", "%m/%d/%Y") == "2024-04-05"
    assert read(Form.INSTANT, "04/05/2024 09:15", "%m/%d/%Y", "%m/%d/%Y %H:%M") == "2024-04-05T09:15:00+01:00"
    assert read(Form.DAY, "2024-04-05", "%m/%d/%Y") == "2024-04-05", "a report is read by the same mapping"
    with pytest.raises(CellError):
        read(Form.DAY, "31/12/2024", "%m/%d/%Y")


def test_numbers_words_of_truth_and_lists():
    assert read(Form.INTEGER, "2") == read(Form.INTEGER, "2.0") == 2
    assert read(Form.INTEGER, "2.5") == "2.5"
    assert read(Form.NUMBER, "52.9") == 52.9
    assert read(Form.NUMBER, "1e5") == "1e5"
    assert read(Form.BOOLEAN, "Yes") is True
    assert read(Form.BOOLEAN, "0") is False
    assert read(Form.BOOLEAN, "maybe") == "maybe"
    assert read(Form.TEXTS, "a; b|c,d,") == ["a", "b", "c", "d"]
    assert read(Form.TEXTS, "a,b/c", separator="/") == ["a,b", "c"]
    assert read(Form.INTEGERS, "1;2;x") == [1, 2, "x"]
    assert read(Form.TEXT, '="00123"') == "00123"


@given(st.datetimes(EARLIEST, LATEST), st.sampled_from(["iso", "british"]))
def test_any_minute_of_london_is_read_as_that_minute(moment, way):
    moment = moment.replace(second=0, microsecond=0)
    text = moment.isoformat(" ", "minutes") if way == "iso" else moment.strftime("%d/%m/%Y %H:%M")
    assert dt.datetime.fromisoformat(read(Form.INSTANT, text)) == moment.replace(tzinfo=LONDON)


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}( [0-9:]*)?"))
def test_any_text_gives_an_instant_or_is_refused(text):
    try:
        value = read(Form.INSTANT, text)
    except CellError:
        return
    assert re.match(INSTANT_PATTERN, value)


@given(st.text(max_size=40), st.sampled_from([form for form in Form if form not in {Form.INSTANT, Form.DAY}]))
def test_no_other_text_is_refused_here_save_a_rounded_number(text, form):
    try:
        read(form, text)
    except CellError as error:
        assert form is Form.NHS_NUMBER, error.message  # noqa: PT017 - any other form must not raise
