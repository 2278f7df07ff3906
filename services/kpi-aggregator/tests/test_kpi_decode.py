"""What the log says of every kind, also in the documented examples of the contract."""

import pytest
from hypothesis import given, settings
from kpi_records import record
from kpi_strategies import facts, retractions

from pcare_kpi_aggregator import catalogue
from pcare_kpi_aggregator.decode import Decoder, UnknownTypeError
from pcare_kpi_aggregator.facts import Fact
from pcare_kpi_aggregator.kinds import RETRACTED
from pcare_schemas.envelope import type_of
from pcare_schemas.kinds import KINDS

DECODER = Decoder(catalogue.load().fold().kinds)


@given(facts())
@settings(deadline=None)
def test_a_fact_is_read_back_as_it_was_stated(fact):
    said = DECODER.decode(record("person:1", fact))
    expected = fact if fact.ref else fact._replace(ref_source=fact.source)
    assert (said.subject, said.says) == ("person:1", expected)


@given(retractions)
@settings(deadline=None)
def test_a_retraction_is_read_back(retraction):
    assert DECODER.decode(record("person:1", retraction)).says == retraction


def test_known_kinds_that_no_kpi_reads_state_nothing():
    counted = catalogue.load().fold().kinds | {RETRACTED}
    for kind in KINDS.keys() - counted:
        value = record("person:1", _fact("pam-scored")).replace(type_of("pam-scored").encode(), type_of(kind).encode())
        assert DECODER.decode(value).says is None


@pytest.mark.parametrize("name", [type_of("pam-scored")[:-1] + "2", type_of("new"), ""])
def test_types_and_versions_of_the_future_are_told_apart(name):
    value = record("person:1", _fact("pam-scored")).replace(type_of("pam-scored").encode(), name.encode())
    with pytest.raises(UnknownTypeError) as caught:
        DECODER.decode(value)
    assert caught.value.args == (name,)


def test_a_ref_names_its_giver_or_else_the_events_source():
    plan = _fact("care-plan-agreed")._replace(ref="p", ref_source="urn:other")
    assert DECODER.decode(record("person:1", plan)).says.ref_source == "urn:other"
    value = record("person:1", plan).replace(b',"ref_source":"urn:other"', b"")
    assert DECODER.decode(value).says.ref_source == "s"


def _fact(kind):
    return Fact(kind, 0, "s", "1")
