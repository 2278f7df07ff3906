"""Two subjects that are one person, in partitions of their own: however the records come, the person counts once."""

import datetime as dt
from collections.abc import Sequence

import kpi_oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_folding import CATALOGUES, FOLDS, values_of_states
from kpi_records import Said, Taken, pam, record
from kpi_strategies import instants, subjects, tight_instants, tight_statements

from pcare_kpi_aggregator.facts import MOVED_AWAY, SubjectFacts
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.partition import PartitionState
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.recorded import moved_text, subjects_merged_text

TIMESTAMP = 1_700_000_000_000
AT = dt.datetime(2025, 11, 1, tzinfo=dt.UTC)
BOTH = pytest.mark.parametrize("name", CATALOGUES)
MERGES = (("person:3", "person:1"), ("person:1", "person:2"))
PARTITION = {"person:1": 0, "person:2": 1, "person:3": 2}

Records = list[tuple[str, bytes]]


def merge_record(gone: str, kept: str) -> tuple[str, bytes]:
    return gone, subjects_merged_text(gone, kept, merged_at=AT, act=1, rules_version="1-abcdef012345")


def with_merges(log: Records, merges: Sequence[tuple[str, str]]) -> Records:
    """Return the log as the recorder leaves it: what was said, each merge, and what was moved said anew."""
    log = list(log)
    for gone, kept in merges:
        log += [(kept, moved_text(value, gone, kept)) for subject, value in log if subject == gone]
        log.append(merge_record(gone, kept))
    return log


def counted(fold: Fold, log: Records, at: int, random) -> list[PartitionState]:
    """Return partitions that were given the log, each record to that of its subject, counting now and then."""
    states = [PartitionState(fold, fold.decoder()) for _ in range(4)]
    for offset, (subject, value) in enumerate(log):
        state = states[PARTITION.get(subject, 3)]
        state.apply(offset, value, TIMESTAMP)
        if random.random() < 0.2:
            state.settle(max(state.at, at - 1))
    for state in states:
        state.settle(at, thorough=True)
    return states


def named_apart(world):
    """No two subjects share an event: an event is its source and id, everywhere."""
    return {subject: [one._replace(id=f"{subject[-1]}-{one.id}") for one in said] for subject, said in world.items()}


tight_people = st.dictionaries(st.sampled_from(list(PARTITION)), tight_statements, min_size=2, max_size=3)


@BOTH
@given(subjects | tight_people, instants | tight_instants, st.integers(0, 2), st.randoms(use_true_random=False))
@settings(max_examples=250, deadline=None)
def test_in_any_order_and_repeated_the_person_counts_once(name, world, at, merged, random):
    world, merges = named_apart(world), MERGES[:merged]
    log = with_merges([(subject, record(subject, one)) for subject, said in world.items() for one in said], merges)
    log += random.choices(log, k=len(log)) if log else []
    random.shuffle(log)

    together = {subject: list(said) for subject, said in world.items()}
    for gone, kept in merges:
        together.setdefault(kept, []).extend(together.pop(gone, []))
    states = counted(FOLDS[name], log, at, random)
    assert values_of_states(FOLDS[name], states, at) == kpi_oracle.kpis(together, at, CATALOGUES[name])


def test_what_was_said_of_a_subject_that_is_gone_counts_no_more_whenever_it_comes() -> None:
    facts = SubjectFacts()
    decoder = FOLDS["the plan's"].decoder()
    _, early = decoder.decode(record("person:1", pam(1, "a")))
    _, moved = decoder.decode(merge_record("person:1", "person:2")[1])
    _, late = decoder.decode(record("person:1", pam(2, "b")))
    _, back = decoder.decode(record("person:1", Taken("s", "a")))
    assert moved == MOVED_AWAY
    assert facts.add(early)
    assert list(facts) == [early]
    assert facts.add(moved)
    assert not facts.add(moved)
    assert list(facts) == []
    facts.add(late)
    facts.add(back)
    assert list(facts) == []


def test_events_of_persons_are_never_folded_one_by_one_or_a_merge_would_miss_them() -> None:
    """Also where a catalogue only counts events of persons, each by itself."""
    document = CATALOGUES["every rule"].model_dump()
    document["kpis"] = [kpi for kpi in document["kpis"] if kpi["rule"]["count"] == "events"][:1]
    fold = Fold.of(Catalogue.model_validate(document))
    assert fold.kinds == {"sdm-conversation"}
    assert fold.one_by_one == frozenset()
    data = {"borough": "E09000007", "situation": "hypertension", "conversation_ref": "c", "decision_aid": True}
    said = Said("sdm-conversation", 5, "s", "a", data)
    log = with_merges([("person:1", record("person:1", said))], [("person:1", "person:2")])
    states = [PartitionState(fold, fold.decoder()) for _ in range(3)]
    for offset, (subject, value) in enumerate(log):
        states[PARTITION[subject]].apply(offset, value, TIMESTAMP)
    for state in states:
        state.settle(10)
    values = values_of_states(fold, states, 10)
    assert {number.numerator for number in values.values()} == {1}
