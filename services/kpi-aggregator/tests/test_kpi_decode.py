"""What the log says of every kind, also in the documented examples of the contract."""

import orjson
import pytest
from kpi_folding import EVERY_RULE
from kpi_records import Said, Taken, pam, placed, record

from pcare_kpi_aggregator.decode import RETRACTED, UnknownTypeError
from pcare_kpi_aggregator.facts import Fact, Retraction
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.years import moment_of, month_of
from pcare_schemas.envelope import type_of
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import KINDS
from pcare_schemas.kpis import catalogue

FOLD = Fold.of(catalogue.load())
DECODER = FOLD.decoder()
CAMDEN = "E09000007"
SCORES = {"team": "t", "understand": 9, "listen": 8, "include": 4}


def said(kind: str, data: dict[str, object], subject: str = "person:1") -> Fact:
    return DECODER.decode(record(subject, Said(kind, 5, "urn:s", "1", data)))[1]


def test_an_event_is_read_as_what_it_states():
    plan = said("care-plan-agreed", placed(CAMDEN, plan_ref="p", ref_source="urn:other"))
    assert plan == Fact(5, "urn:s", "1", "care-plan-agreed", month_of(5), CAMDEN, ref_source="urn:other", ref="p")
    budget = said("phb-issued", placed(CAMDEN, budget_ref="b", starts="2024-07-01", one_off=True))
    assert (budget.ref_source, budget.ref, budget.one_off) == ("urn:s", "b", True)
    assert moment_of(budget.starts).isoformat() == "2024-06-30T23:00:00+00:00"
    talk = said("sdm-conversation", placed(CAMDEN, conversation_ref="c", situation="hip_pain"))
    assert (talk.ref, talk.code, talk.starts, talk.one_off) == ("c", "hip_pain", None, False)


def test_a_post_is_named_by_its_network_whoever_states_it():
    post = said("link-worker-joined", {"pcn": "U12345", "ref_source": "urn:other"}, "link-worker:1")
    assert (post.borough, post.ref_source, post.ref) == ("", "", "U12345")


def test_a_retraction_is_read_back():
    assert DECODER.decode(record("person:1", Taken("urn:s", "1"))) == ("person:1", Retraction("urn:s", "1"))


def test_where_events_count_one_by_one_event_and_retraction_are_folded_by_themselves():
    one, _ = DECODER.decode(record("team:t", Said("collaborate-scored", 5, "urn:s", "1", SCORES)))
    other, _ = DECODER.decode(record("team:t", Said("collaborate-scored", 5, "urn:s", "2", SCORES)))
    assert one != other
    assert DECODER.decode(record("team:t", Taken("urn:s", "1")))[0] == one
    assert FOLD.one_by_one == {"collaborate-scored"}


def test_where_a_rule_counts_teams_their_events_are_folded_together():
    fold = Fold.of(EVERY_RULE)
    decoder = fold.decoder()
    assert fold.one_by_one == set()
    said_of = [Said("collaborate-scored", 5, "urn:s", "1", SCORES), Taken("urn:s", "1")]
    assert {decoder.decode(record("team:t", one))[0] for one in said_of} == {"team:t"}


def test_each_fact_bears_the_filters_that_it_passes_and_what_adds_up():
    offered = {"elective": True, "via_ers": True, "choice_exercised": True}
    data = placed(CAMDEN, referral_ref="r", providers_offered=3, **offered)
    marks = [said("choice-offered", data | {field: False}).marks for field in offered]
    assert len({*marks, said("choice-offered", data).marks}) == 3  # none, elective, elective and exercised by e-RS
    assert said("collaborate-scored", SCORES, "team:t").amounts == (21,)
    assert said("choice-standards-assessed", {"standards_met": [1, 2, 5]}, "commissioner:c").amounts == (3,)


def test_known_kinds_that_no_kpi_reads_state_nothing():
    unread = KINDS.keys() - FOLD.kinds - {RETRACTED}
    assert unread
    for kind in unread:
        assert DECODER.decode(record("person:1", Said(kind, 0, "s", "1", {}))) == ("person:1", None)


@pytest.mark.parametrize("name", [type_of("pam-scored")[:-1] + "2", type_of("new"), ""])
def test_types_and_versions_of_the_future_are_told_apart(name):
    value = record("person:1", pam(0, "1")).replace(type_of("pam-scored").encode(), name.encode())
    with pytest.raises(UnknownTypeError) as caught:
        DECODER.decode(value)
    assert caught.value.args == (name,)


@pytest.mark.parametrize(
    ("kind", "subject", "data"),
    [
        ("care-plan-agreed", "person:1", {}),
        ("event-retracted", "person:1", {}),
        ("collaborate-scored", "team:t", {"understand": 9, "listen": 9}),
        ("choice-standards-assessed", "commissioner:c", {}),
    ],
)
def test_what_every_event_states_must_be_there(kind, subject, data):
    with pytest.raises(ValueError, match="missing required field"):
        DECODER.decode(record(subject, Said(kind, 0, "s", "1", data)))


@pytest.mark.parametrize("kind", sorted(FOLD.kinds))
def test_the_documented_examples_are_read(kind):
    _, fact = DECODER.decode(orjson.dumps(VALID[kind]))
    assert (fact.kind, bool(fact.source), fact.time > 0) == (kind, True, True)
