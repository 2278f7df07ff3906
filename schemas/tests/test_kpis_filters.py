"""A rule's filter reads payloads as they stand in the log."""

import datetime as dt

import orjson
import pytest

from pcare_schemas.examples import RECEIVED, VALID
from pcare_schemas.kinds import EVENT_ADAPTER
from pcare_schemas.kpis.filters import Filtered
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import recorded_text


def passes(kind, data, where=None, given=()):
    return Filtered(where=where or {}, given=list(given)).filter_for(kind).passes(data)


@pytest.mark.parametrize(
    ("data", "where", "expected"),
    [
        ({"one_off": True}, {"one_off": True}, True),
        ({"one_off": False}, {"one_off": True}, False),
        ({}, {"one_off": False}, True),
        ({}, {"one_off": True}, False),
        ({"one_off": None}, {"one_off": False}, True),
        ({"cohorts": ["dementia", "ltc"]}, {"cohorts": "ltc"}, True),
        ({"cohorts": ["dementia", "ltc"]}, {"cohorts": ["carers", "ltc"]}, True),
        ({"cohorts": ["dementia"]}, {"cohorts": ["carers", "ltc"]}, False),
        ({"cohorts": []}, {"cohorts": ["carers"]}, False),
        ({"sex": "female", "one_off": True}, {"sex": "female", "one_off": True}, True),
        ({"sex": "male", "one_off": True}, {"sex": "female", "one_off": True}, False),
        ({}, {"sex": ["female", "unknown"]}, False),
        ({"imd_decile": 1}, {"imd_decile": [1, 2]}, True),
        ({"imd_decile": 1.0}, {"imd_decile": 1}, True),
        ({"imd_decile": True}, {"imd_decile": 1}, False),
        ({"one_off": 1}, {"one_off": True}, False),
        ({}, {}, True),
    ],
)
def test_all_that_is_wanted_must_be_held(data, where, expected):
    assert passes("phb-issued", data, where) is expected


def test_what_must_be_given_is_there_and_not_null():
    assert passes("pam-scored", {"plan_ref": "P-1"}, given=["plan_ref"])
    assert not passes("pam-scored", {"plan_ref": None}, given=["plan_ref"])
    assert not passes("pam-scored", {}, given=["plan_ref"])
    assert not passes("pam-scored", {"plan_ref": "P-1"}, {"sex": "female"}, ["plan_ref"])


def test_a_filter_names_the_fields_it_looks_at():
    assert not Filtered().filter_for("pam-scored")
    asks = Filtered(where={"sex": "female"}, given=["plan_ref"]).filter_for("pam-scored")
    assert asks
    assert asks.fields == {"sex", "plan_ref"}


def test_the_log_has_the_defaults_written_out_and_what_is_absent_left_out():
    submitted = {**VALID["phb-issued"], "data": dict(VALID["phb-issued"]["data"])}
    for field in ("integrated", "one_off", "annual_value_pence"):
        submitted["data"].pop(field, None)
    event = EVENT_ADAPTER.validate_json(orjson.dumps(submitted))
    origin = Origin("t", 0, 0)
    recorded = recorded_text(event, subject="person:x", recorded_at=RECEIVED, origin=origin, rules_version="1-0")
    data = orjson.loads(recorded)["data"]
    assert data["integrated"] is False
    assert data["one_off"] is False
    assert "annual_value_pence" not in data
    assert isinstance(RECEIVED, dt.datetime)
