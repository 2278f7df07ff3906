"""What is typed about a provider, read."""

import datetime as dt

import pytest

from pcare_cli.providers import words
from pcare_cli.providers.words import RefusedError
from pcare_schemas.register import Register

REGISTER = Register.load()
RKE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["RKE", "rke", RKE])
def test_a_provider_of_the_register_is_named_by_code_or_source(text: str) -> None:
    assert words.known_source(text, REGISTER) == RKE


def test_nobody_is_named_by_what_is_in_no_register() -> None:
    assert words.known_source("ZZZ99", REGISTER) is None


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("F83004", "https://fhir.nhs.uk/Id/ods-organization-code/F83004"),
        ("https://fhir.nhs.uk/Id/ods-organization-code/F83004",) * 2,
        ("urn:ncl:provider:age-well",) * 2,
    ],
)
def test_a_new_organisation_is_named_by_its_ods_code_or_its_source(text: str, source: str) -> None:
    assert words.new_source(text) == source


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("f83004", "Write F83004, if that is its ODS code; urn:ncl:provider:f83004, if it has none"),
        ("age-well", r"Write urn:ncl:provider:age-well, if it has none"),
        ("Age Well", "named by its ODS code"),
        ("urn:ncl:provider:Age", "named by its ODS code"),
        ("F830041234", "named by its ODS code"),
        ("", "named by its ODS code"),
    ],
)
def test_a_name_that_may_mean_two_things_is_not_guessed_at(text: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        words.new_source(text)


def test_a_credential_ends_at_the_start_of_a_day_in_london_or_at_an_instant() -> None:
    assert words.end_of_life("2026-07-01", NOW) == dt.datetime(2026, 6, 30, 23, tzinfo=dt.UTC)
    assert words.end_of_life("2026-07-01T09:00:00+02:00", NOW) == dt.datetime(2026, 7, 1, 7, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [("2026-05-01", "in the past"), ("tomorrow", "takes a day"), ("2026-07-01T09:00:00", "with its offset")],
)
def test_an_end_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        words.end_of_life(text, NOW)


def test_what_is_not_typed_is_not_changed_and_a_word_takes_a_limit_away() -> None:
    nothing = dict.fromkeys(("name", "kind", "valid_from", "valid_to", "successor"))
    assert words.changes(nothing, None, None) == {}
    given = nothing | {"name": "none", "valid_from": "2026-04-01", "valid_to": "none", "successor": "none"}
    assert words.changes(given, "all", 0) == {
        "name": "none",
        "valid_from": dt.date(2026, 4, 1),
        "valid_to": None,
        "successor": None,
        "kinds": None,
        "events_per_second": None,
    }
    assert words.changes(nothing, " sp-referral, sp-closed ,", 5) == {
        "kinds": ["sp-referral", "sp-closed"],
        "events_per_second": 5,
    }
    with pytest.raises(RefusedError, match="--valid-to takes a day"):
        words.changes(nothing | {"valid_to": "soon"}, None, None)
