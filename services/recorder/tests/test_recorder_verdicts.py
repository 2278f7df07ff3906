"""Every verdict that depends on what is recorded, from the database and from earlier in the batch."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorder_events import ALEX, KIM, SAM, checked, event, retraction, submitted

from pcare_recorder.cursors import Partition
from pcare_recorder.verdicts import (
    EventKey,
    Known,
    Outcome,
    Recorded,
    Settled,
    Verdicts,
    asked_keys,
    asked_pseudonyms,
    judge,
)
from pcare_schemas.examples import ROYAL_FREE
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import Reason
from pcare_schemas.topics import SUBMITTED

P0 = Partition(SUBMITTED, 0)


class Subjects:
    """Makes subjects that can be told apart."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        return f"person:{self.made:08x}-0000-4000-8000-000000000000"


def judged(*values: Any, recorded: Recorded | None = None) -> Verdicts:
    return judge(checked(*values), recorded or Recorded(), Subjects())


def reasons(verdicts: Verdicts) -> list[Reason]:
    return [rejection.reason for _, rejection in verdicts.rejections]


def remembered(*verdicts: Verdicts, links: bool = True) -> Recorded:
    """Return what a database would know after these batches; without links, after an erasure."""
    events: dict[EventKey, Known] = {}
    linked: dict[str, str] = {}
    for batch in verdicts:
        linked |= {link.pseudonym: link.subject for link in batch.links}
        for new in batch.events:
            known = Known(new.event.kind, new.subject, new.content_sha256, nameable=links)
            events[new.event.source, new.event.id] = known
    return Recorded(events=events, links=linked if links else {})


def test_a_new_event_is_recorded_under_a_subject_of_its_own() -> None:
    verdicts = judged(event())
    assert [new.subject for new in verdicts.events] == ["person:00000001-0000-4000-8000-000000000000"]
    assert [(link.pseudonym, link.subject) for link in verdicts.links] == [(ALEX, verdicts.events[0].subject)]
    assert verdicts.outcomes == {(P0, Outcome.RECORDED): 1}


def test_one_person_has_one_subject() -> None:
    verdicts = judged(event(), event(), event(subject=SAM))
    first, second, other = (new.subject for new in verdicts.events)
    assert first == second != other
    assert len(verdicts.links) == 2


def test_a_person_who_is_linked_keeps_the_subject() -> None:
    verdicts = judged(event(), recorded=Recorded(links={ALEX: "person:known"}))
    assert [new.subject for new in verdicts.events] == ["person:known"]
    assert verdicts.links == []


def test_who_is_no_person_is_passed_on_as_it_is() -> None:
    verdicts = judged(event("collaborate-scored", subject="team:RAL:msk-clinic-2", source=ROYAL_FREE))
    assert [new.subject for new in verdicts.events] == ["team:RAL:msk-clinic-2"]
    assert verdicts.links == []


def test_the_same_event_in_one_batch_counts_once_and_the_lowest_offset_wins() -> None:
    first = event()
    batch = [*checked(submitted(first, 7)), *checked(submitted(first, 3)), *checked(submitted(first, 5))]
    verdicts = judge(batch, Recorded(), Subjects())
    assert [new.submitted.origin.offset for new in verdicts.events] == [3]
    assert verdicts.outcomes == {(P0, Outcome.RECORDED): 1, (P0, Outcome.DUPLICATE): 2}


def test_the_same_event_later_is_a_duplicate_whatever_its_formatting() -> None:
    first = event(time="2024-05-01T10:00:00Z")
    again = dict(reversed(first.items())) | {"time": "2024-05-01T11:00:00+01:00"}
    known = remembered(judged(first))
    assert judged(again, recorded=known).outcomes == {(P0, Outcome.DUPLICATE): 1}


@pytest.mark.parametrize("changes", [{"score": 50.0}, {"time": "2024-05-01T10:00:01Z"}, {"subject": SAM}])
def test_an_id_that_comes_again_with_other_content_is_rejected(changes: dict[str, Any]) -> None:
    first = event(id="one", score=52.9)
    known = remembered(judged(first, event(subject=SAM)))
    other = event(id="one", **{"score": 52.9} | changes)
    assert reasons(judged(other, recorded=known)) == [Reason.id_reused]
    in_one_batch = judged(first, event(subject=SAM), other)
    assert reasons(in_one_batch) == [Reason.id_reused]
    assert len(in_one_batch.events) == 2


def test_the_same_id_from_another_source_is_another_event() -> None:
    assert len(judged(event(id="one"), event(id="one", source=ROYAL_FREE)).events) == 2


def test_a_repeat_or_a_rejected_event_links_nobody() -> None:
    known = remembered(judged(event(id="one")))
    verdicts = judged(event(id="one", subject=KIM), event(id="one"), {"not": "an event"}, recorded=known)
    assert verdicts.links == []
    assert reasons(verdicts) == [Reason.id_reused, Reason.not_cloudevent]


def test_an_honest_retry_after_an_erasure_is_a_duplicate_and_brings_no_link_back() -> None:
    erased = remembered(judged(event(id="one")), links=False)
    verdicts = judged(event(id="one"), recorded=erased)
    assert verdicts.outcomes == {(P0, Outcome.DUPLICATE): 1}
    assert verdicts.links == []


def test_other_content_under_the_id_of_an_erased_person_is_rejected() -> None:
    erased = remembered(judged(event(id="one", score=52.9)), links=False)
    assert reasons(judged(event(id="one", score=50.0), recorded=erased)) == [Reason.id_reused]


def test_a_retry_after_an_erasure_and_a_new_link_is_still_a_duplicate() -> None:
    erased = remembered(judged(event(id="one")), links=False)
    linked_anew = Recorded(events=erased.events, links={ALEX: "person:new"})
    assert judged(event(id="one"), recorded=linked_anew).outcomes == {(P0, Outcome.DUPLICATE): 1}


def test_what_is_recorded_of_an_erased_person_can_be_taken_back_and_links_nobody() -> None:
    target = event(id="one")
    erased = remembered(judged(target), links=False)
    back = retraction(target)
    for links in ({}, {ALEX: "person:new"}, {KIM: "person:other"}):
        verdicts = judged(back, back, recorded=Recorded(events=erased.events, links=links))
        assert verdicts.outcomes == {(P0, Outcome.RECORDED): 1, (P0, Outcome.DUPLICATE): 1}
        assert [new.subject for new in verdicts.events] == [erased.events[target["source"], "one"].subject]
        assert verdicts.links == []
        assert verdicts.apart == []
    again = retraction(back)
    known = Recorded(events=erased.events | remembered(judged(back, recorded=erased), links=False).events)
    assert reasons(judged(again, recorded=known)) == [Reason.not_retractable]


def test_a_retraction_is_recorded_before_and_after_its_target() -> None:
    target = event()
    assert judged(target, retraction(target)).outcomes == {(P0, Outcome.RECORDED): 2}
    assert judged(retraction(target), target).outcomes == {(P0, Outcome.RECORDED): 2}
    assert judged(retraction(target), recorded=remembered(judged(target))).rejections == []


def test_several_retractions_of_one_event_are_recorded() -> None:
    target = event()
    assert len(judged(target, retraction(target), retraction(target)).events) == 3


def test_a_retraction_cannot_be_retracted() -> None:
    target = event()
    taken_back = retraction(target)
    again = retraction(taken_back)
    assert reasons(judged(target, taken_back, again)) == [Reason.not_retractable]
    known = remembered(judged(target, taken_back))
    verdicts = judged(again, recorded=known)
    assert reasons(verdicts) == [Reason.not_retractable]
    assert [error.path for error in verdicts.rejections[0][1].errors] == ["/data/retracts"]


def test_a_retraction_of_itself_is_rejected() -> None:
    assert reasons(judged(event("event-retracted", id="one", retracts="one"))) == [Reason.not_retractable]


def test_a_retraction_about_another_subject_is_rejected_and_links_nobody() -> None:
    target = event()
    known = remembered(judged(target, event(subject=SAM)))
    for stranger in (SAM, KIM):
        verdicts = judged(retraction(target, subject=stranger), recorded=known)
        assert reasons(verdicts) == [Reason.retraction_mismatch]
        assert verdicts.links == []
    assert reasons(judged(target, retraction(target, subject=SAM))) == [Reason.retraction_mismatch]


def test_a_retraction_that_was_rejected_does_not_count_as_known() -> None:
    target = event()
    refused = retraction(target, subject=SAM)
    verdicts = judged(target, refused, retraction(refused))
    assert reasons(verdicts) == [Reason.retraction_mismatch]
    assert len(verdicts.events) == 2


def test_a_verdict_that_an_origin_has_stands_whatever_the_record_now_says() -> None:
    settled = Recorded(
        settled={
            Origin(SUBMITTED, 0, 0): Settled(Outcome.RECORDED, "person:known", "{}"),
            Origin(SUBMITTED, 0, 1): Settled(Outcome.REJECTED, f"{SUBMITTED}/0/1", "{}"),
        }
    )
    verdicts = judged(b"not json any more", event(), event(), recorded=settled)
    assert verdicts.outcomes == {(P0, Outcome.RECORDED): 2, (P0, Outcome.REJECTED): 1}
    assert [stands.outcome for stands in verdicts.settled] == [Outcome.RECORDED, Outcome.REJECTED]
    assert len(verdicts.events) == 1
    assert verdicts.rejections == []


def test_outcomes_are_counted_by_partition() -> None:
    batch = [
        *checked(submitted(event(id="one"), 0, partition=1)),
        *checked(submitted(event(id="one"), 0, partition=0)),
        *checked(submitted(b"", 1, partition=0)),
    ]
    assert judge(batch, Recorded(), Subjects()).outcomes == {
        (P0, Outcome.RECORDED): 1,
        (P0, Outcome.REJECTED): 1,
        (Partition(SUBMITTED, 1), Outcome.DUPLICATE): 1,
    }


def test_what_is_asked_of_the_database() -> None:
    target = event(id="target")
    team = event("collaborate-scored", id="team", subject="team:RAL:msk-clinic-2", source=ROYAL_FREE)
    batch = checked(retraction(target, id="back"), team, b"broken")
    assert asked_keys(batch) == {
        (target["source"], "back"),
        (target["source"], "target"),
        (team["source"], "team"),
    }
    assert asked_pseudonyms(batch) == {ALEX}


SMALL_WORLD = st.lists(
    st.one_of(
        st.builds(
            lambda name, subject, score: event(id=name, subject=subject, score=score),
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from([ALEX, SAM]),
            st.sampled_from([52.9, 50.0]),
        ),
        st.builds(
            lambda name, subject, of: event("event-retracted", id=name, subject=subject, retracts=of),
            st.sampled_from(["c", "d"]),
            st.sampled_from([ALEX, SAM, KIM]),
            st.sampled_from(["a", "b", "c", "d"]),
        ),
        st.just(b"broken"),
    ),
    max_size=12,
)


@given(SMALL_WORLD, st.sets(st.integers(1, 11)))
def test_where_batches_are_cut_changes_no_verdict(values: list[Any], cuts: set[int]) -> None:
    subjects = Subjects()
    whole = judge(checked(*values), Recorded(), Subjects())
    parts: list[Verdicts] = []
    edges = [0, *sorted(cut for cut in cuts if cut < len(values)), len(values)]
    for first, end in pairwise(edges):
        parts.append(judge(checked(*values[first:end], first=first), remembered(*parts), subjects))
    assert [new for part in parts for new in part.events] == whole.events
    assert [link for part in parts for link in part.links] == whole.links
    assert [refused for part in parts for refused in part.rejections] == whole.rejections
    assert sum((part.outcomes for part in parts), start=type(whole.outcomes)()) == whole.outcomes


@given(SMALL_WORLD)
def test_every_record_has_exactly_one_outcome(values: list[Any]) -> None:
    verdicts = judged(*values)
    assert verdicts.outcomes.total() == len(values)
    assert verdicts.outcomes[P0, Outcome.RECORDED] == len(verdicts.events)
    assert verdicts.outcomes[P0, Outcome.REJECTED] == len(verdicts.rejections)
