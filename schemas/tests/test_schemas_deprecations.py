"""What of the contract is on its way out."""

import datetime as dt
import json

import pytest

from pcare_schemas.check import check
from pcare_schemas.deprecations import Deprecations
from pcare_schemas.envelope import Event
from pcare_schemas.examples import VALID, as_record
from pcare_schemas.rules import Rules

RULES = Rules.load()
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def announced(kind, field=None, since="2025-01-01", **more):
    entry = {"kind": kind, "since": since, "instead": "Another.", **more} | ({} if field is None else {"field": field})
    return Deprecations.read(json.dumps({"deprecations": [entry]}))


def event(kind, **changes):
    document = {**VALID[kind], **{name: value for name, value in changes.items() if name != "data"}}
    document["data"] = {**document["data"], **changes.get("data", {})}
    made = check(as_record(json.dumps(document).encode(), document["subject"]), RULES)
    assert isinstance(made, Event), made
    return made


def test_the_built_in_file_is_right():
    Deprecations.load()


@pytest.mark.parametrize(
    ("field", "changes", "used"),
    [
        (None, {}, True),
        ("/recordedtime", {}, True),
        ("/recordedtime", {"recordedtime": None}, False),
        ("/data/pcn", {}, True),
        ("/data/pcn", {"data": {"pcn": None}}, False),
        ("/data/ref_source", {}, False),
    ],
)
def test_an_event_uses_what_it_says_and_not_what_it_leaves_out(field, changes, used):
    names = [one.name for one in announced("sp-referral", field).used_by(event("sp-referral", **changes), NOW)]

    assert names == (["sp-referral" + (field or "")] if used else [])


def test_another_kind_does_not_use_it():
    assert announced("sp-declined").used_by(event("sp-referral"), NOW) == ()


@pytest.mark.parametrize(("since", "used"), [("2026-01-01", 1), ("2026-01-02", 0)])
def test_it_is_announced_from_its_day_on(since, used):
    assert len(announced("sp-referral", since=since).used_by(event("sp-referral"), NOW)) == used


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"kind": "sp-referal"}, "is no kind"),
        ({"field": "/data/nothing"}, "has no field"),
        ({"field": "/nothing"}, "has no field"),
        ({"field": "data"}, "pattern"),
        ({"sunset": "2025-01-01"}, "the sunset comes after"),
        ({"instead": ""}, "instead"),
        ({"until": "2027-01-01"}, "until"),
    ],
)
def test_a_mistake_in_the_file_is_told(entry, why):
    whole = {"kind": "sp-referral", "since": "2025-01-01", "instead": "Another.", **entry}

    with pytest.raises(ValueError, match=r"deprecations\.yaml") as told:
        Deprecations.read(json.dumps({"deprecations": [whole]}))
    assert why in str(told.value)
