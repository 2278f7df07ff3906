"""While the pseudonym key is changed, and after: one person is one subject, and a retry a duplicate."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from recorder_events import ALEX, SAM, checked, event, retraction
from test_recorder_verdicts import P0, Subjects, judged, reasons

from pcare_recorder.persons import key_of
from pcare_recorder.verdicts import EventKey, Known, Outcome, Recorded, Verdicts, judge
from pcare_schemas.rejections import Reason


def under(key: str, pseudonym: str) -> str:
    """Return a person's pseudonym under another key."""
    return f"person:{key}:{pseudonym.rpartition(':')[2][::-1]}"


NEW_ALEX, NEW_SAM = under("k2", ALEX), under("k2", SAM)


class Record:
    """Judges one event after the other, and remembers as the database does."""

    def __init__(self, anchor: str | None = "k1") -> None:
        self.anchor = anchor
        self.events: dict[EventKey, Known] = {}
        self.links: dict[str, str] = {}
        self.new_subject = Subjects()
        self.offset = 0

    def take(self, *values: dict[str, Any]) -> Verdicts:
        recorded = Recorded(
            events=dict(self.events), links=dict(self.links), anchor=self.anchor, anchored=self.anchored()
        )
        verdicts = judge(checked(*values, first=self.offset), recorded, self.new_subject)
        self.offset += len(values)
        for link in verdicts.links:
            assert link.pseudonym not in self.links, "a link was made twice"
            self.links[link.pseudonym] = link.subject
        for new in verdicts.events:
            self.events[new.event.source, new.event.id] = Known(new.event.kind, new.subject, new.content_sha256)
        return verdicts

    def anchored(self) -> set[str]:
        """Return who has a pseudonym under the anchor."""
        return {subject for name, subject in self.links.items() if key_of(name) == self.anchor}

    def nobody_is_two(self) -> bool:
        """Whether each person of these tests has one subject, and no two have the same."""
        of = [{self.links[name] for name in (old, new) if name in self.links} for old, new in PEOPLE]
        return all(len(subjects) <= 1 for subjects in of) and not of[0] & of[1]


KEYS = ("k1", "k2")
PEOPLE = ((ALEX, NEW_ALEX), (SAM, NEW_SAM))


def both(**given: Any) -> dict[str, Any]:
    """Return an event as ingest publishes it while the key is changed."""
    return event(subject=NEW_ALEX, **given) | {"subjectprev": ALEX}


def test_both_pseudonyms_of_somebody_new_lead_to_one_subject() -> None:
    record = Record()
    (new,) = record.take(both()).events
    assert record.links == {ALEX: new.subject, NEW_ALEX: new.subject}


def test_the_new_pseudonym_of_somebody_known_leads_to_the_old_subject_and_counts_no_second_person() -> None:
    record = Record()
    (first,) = record.take(event()).events
    (second,) = record.take(both()).events
    (third,) = record.take(event(subject=NEW_ALEX)).events
    assert first.subject == second.subject == third.subject == record.links[NEW_ALEX]


def test_the_old_pseudonym_may_come_first_or_last_or_in_the_same_batch() -> None:
    record = Record()
    subjects = {new.subject for new in record.take(both(), event(), event(subject=NEW_ALEX)).events}
    assert len(subjects) == 1
    assert len(record.links) == 2


def test_a_late_retry_under_the_new_key_is_a_duplicate_and_links_the_new_pseudonym() -> None:
    record = Record()
    (first,) = record.take(event(id="one")).events
    verdicts = record.take(both(id="one"))
    assert verdicts.outcomes == {(P0, Outcome.DUPLICATE): 1}
    assert [(link.pseudonym, link.subject) for link in verdicts.links] == [(NEW_ALEX, first.subject)]
    assert record.take(event(id="one", subject=NEW_ALEX)).outcomes == {(P0, Outcome.DUPLICATE): 1}


def test_a_late_retry_under_the_old_key_is_a_duplicate_after_the_change() -> None:
    record = Record()
    record.take(both(id="one"))
    record.anchor = "k2"
    verdicts = record.take(event(id="one"))
    assert verdicts.outcomes == {(P0, Outcome.DUPLICATE): 1}
    assert verdicts.links == []


def test_a_retry_with_other_content_is_rejected_and_links_nobody() -> None:
    record = Record()
    record.take(event(id="one", score=52.9))
    verdicts = record.take(both(id="one", score=50.0))
    assert reasons(verdicts) == [Reason.id_reused]
    assert verdicts.links == []


def test_a_retraction_under_the_new_key_takes_back_what_came_under_the_old() -> None:
    record = Record()
    target = event(id="one")
    record.take(target)
    (back,) = record.take(retraction(target, subject=NEW_ALEX) | {"subjectprev": ALEX}).events
    assert back.subject == record.links[ALEX]
    assert reasons(record.take(retraction(target, subject=NEW_SAM) | {"subjectprev": SAM})) == [
        Reason.retraction_mismatch
    ]


def test_a_repeat_of_an_erased_persons_event_brings_no_link_back() -> None:
    record = Record()
    record.take(event(id="one"))
    known = {key: one._replace(nameable=False) for key, one in record.events.items()}
    verdicts = judge(checked(both(id="one")), Recorded(events=known, anchor="k1"), Subjects())
    assert verdicts.outcomes == {(P0, Outcome.DUPLICATE): 1}
    assert verdicts.links == []


def test_an_erased_persons_event_is_taken_back_under_whatever_key_and_nobody_begins() -> None:
    record = Record()
    target = event(id="one")
    record.take(target)
    known = {key: one._replace(nameable=False) for key, one in record.events.items()}
    for back in (retraction(target, subject=NEW_ALEX), retraction(target, subject=NEW_ALEX) | {"subjectprev": ALEX}):
        verdicts = judge(checked(back), Recorded(events=known, anchor="k1"), Subjects())
        assert verdicts.outcomes == {(P0, Outcome.RECORDED): 1}
        assert verdicts.links == []


def test_nobody_new_begins_with_a_pseudonym_under_another_key_alone() -> None:
    record = Record()
    verdicts = record.take(event(subject=NEW_ALEX))
    assert reasons(verdicts) == [Reason.unlinked_pseudonym]
    assert [error.path for error in verdicts.rejections[0][1].errors] == ["/subject"]
    assert verdicts.links == []
    assert ALEX not in str(verdicts.rejections[0][1].errors)
    record.anchor = "k2"  # once all are known by the new key, it is the old one that says too little
    assert reasons(record.take(event())) == [Reason.unlinked_pseudonym]
    assert len(record.take(event(subject=NEW_ALEX)).events) == 1


def test_where_no_key_was_ever_changed_any_key_will_do() -> None:
    assert len(judged(event(), event(subject=under("k7", SAM))).events) == 2


def test_who_was_linked_apart_stays_apart_and_is_shown() -> None:
    record = Record(anchor=None)
    (old, new) = record.take(event(id="old"), event(id="new", subject=NEW_ALEX)).events
    assert old.subject != new.subject
    verdicts = record.take(both(id="third"))
    assert [submitted.origin.offset for submitted in verdicts.apart] == [2]
    assert [recorded.subject for recorded in verdicts.events] == [new.subject]
    # whichever of the two an event was recorded under, its retry is one, and its retraction acts
    repeats = record.take(both(id="old"), both(id="new"), both(id="third"))
    assert repeats.outcomes == {(P0, Outcome.DUPLICATE): 3}
    record.anchor = "k1"  # whoever was known by the anchor first is who is meant
    assert [one.subject for one in record.take(both(id="fourth")).events] == [old.subject]
    record.anchor = "k2"
    assert [one.subject for one in record.take(both(id="fifth")).events] == [new.subject]
    back = record.take(retraction(event(id="old"), subject=NEW_ALEX, id="back") | {"subjectprev": ALEX})
    assert [recorded.subject for recorded in back.events] == [old.subject]


def mispaired(**given: Any) -> dict[str, Any]:
    """Return an event of Sam's whose `subjectprev` is Alex's: both cannot be meant, and it counts for Alex."""
    return event(subject=NEW_SAM, **given) | {"subjectprev": ALEX}


def rightly(**given: Any) -> dict[str, Any]:
    """Return an event of Sam's with both pseudonyms of Sam."""
    return event(subject=NEW_SAM, **given) | {"subjectprev": SAM}


def test_a_wrong_pair_makes_no_two_people_one_whoever_comes_first() -> None:
    for alex_first in (True, False):
        record = Record()
        if alex_first:
            record.take(event())
        record.take(mispaired())
        alex = record.links[ALEX]
        assert record.links[NEW_SAM] == alex
        verdicts = record.take(rightly(id="right"))
        (sam,) = verdicts.events
        assert sam.subject == record.links[SAM] != alex
        assert len(verdicts.apart) == 1, "it is not shown"
        assert [one.subject for one in record.take(rightly(), event(subject=SAM), event()).events] == [
            sam.subject, sam.subject, alex,
        ]  # fmt: skip


def test_a_wrong_pair_and_a_right_one_in_one_batch_are_two_people() -> None:
    record = Record()
    alex, wrong, right = (new.subject for new in record.take(event(), mispaired(), rightly()).events)
    assert alex == wrong != right


def test_neither_a_repeat_nor_a_retraction_gives_a_subject_a_second_pseudonym_under_the_anchor() -> None:
    record = Record()
    record.take(event(), mispaired(id="one"), mispaired(id="two"))
    verdicts = record.take(rightly(id="one"))  # the provider mends the pair and sends the same id
    assert verdicts.outcomes == {(P0, Outcome.DUPLICATE): 1}
    assert verdicts.links == []
    back = retraction(event(id="two"), subject=NEW_SAM, id="back") | {"subjectprev": SAM}
    verdicts = record.take(back)
    assert [new.subject for new in verdicts.events] == [record.links[ALEX]]
    assert verdicts.links == []
    (sam,) = record.take(rightly()).events
    assert sam.subject != record.links[ALEX]


def test_who_lost_the_link_of_one_pseudonym_with_a_database_does_not_begin_again() -> None:
    record = Record()
    (first,) = record.take(both()).events
    del record.links[ALEX]
    assert [new.subject for new in record.take(both()).events] == [first.subject]
    assert record.links == {ALEX: first.subject, NEW_ALEX: first.subject}


NAMED = st.sampled_from(["old", "new", "new and old", "old and new"])
STORY = st.lists(
    st.tuples(st.sampled_from([0, 1]), NAMED, st.sampled_from("abcdef"), st.booleans(), st.booleans()),
    max_size=14,
)


def told(person: int, named: str, name: str, back: bool, *, plainly: bool = False) -> dict[str, Any]:
    """Return an event, or the retraction of one, that names its person as said; `plainly`: by the old pseudonym."""
    old, new = PEOPLE[person]
    anothers = PEOPLE[1 - person][0]
    subject, previous = {
        "new and another's old": (new, anothers),
        "old": (old, None),
        "new": (new, None),
        "new and old": (new, old),
        "old and new": (old, new),
    }["old" if plainly else named]
    about = {"subject": subject, "id": f"{name}-back" if back else name}
    made = event("event-retracted", retracts=name, **about) if back else event(**about)
    return made if previous is None else made | {"subjectprev": previous}


@given(STORY, st.integers(0, 14))
def test_a_change_of_the_key_moves_no_verdict_and_makes_nobody_two(
    story: list[tuple[int, str, str, bool, bool]], finished: int
) -> None:
    """The same story is told while the key is changed, and where there was only ever one key."""
    record, plain = Record("k1"), Record(None)
    for number, (person, named, name, back, together) in enumerate(story):
        if number == finished and all(new in record.links for old, new in PEOPLE if old in record.links):
            record.anchor = "k2"
        values = [told(person, named, name, back)] * (2 if together else 1)
        verdicts = record.take(*values)
        assert record.nobody_is_two()
        assert not verdicts.apart
        if Reason.unlinked_pseudonym in reasons(verdicts):
            assert record.anchor is not None
            assert named != "new and old"
            continue  # to be sent again, with both pseudonyms; what follows counts as if it had not been sent
        expected = plain.take(*[told(person, named, name, back, plainly=True)] * len(values))
        assert verdicts.outcomes == expected.outcomes
        assert reasons(verdicts) == reasons(expected)
    assert {key: known.kind for key, known in record.events.items()} == {
        key: known.kind for key, known in plain.events.items()
    }


WITH_MISTAKES = st.lists(
    st.tuples(
        st.sampled_from([0, 1]),
        st.sampled_from(["old", "new", "new and old", "old and new", "new and another's old"]),
        st.sampled_from("abcdef"),
        st.booleans(),
        st.booleans(),
    ),
    max_size=14,
)


@given(WITH_MISTAKES, st.integers(0, 14))
def test_wrong_pairs_make_no_two_people_one_and_whom_the_anchor_names_is_counted(
    story: list[tuple[int, str, str, bool, bool]], finished: int
) -> None:
    record = Record("k1")
    for number, (person, named, name, back, together) in enumerate(story):
        under_both = [Counter(subject for one, subject in record.links.items() if key_of(one) == key) for key in KEYS]
        if number == finished and under_both[0] == under_both[1]:
            record.anchor = "k2"  # as `pcare keys rotate --finish` allows it
        verdicts = record.take(*[told(person, named, name, back)] * (2 if together else 1))
        anchored = [subject for one, subject in record.links.items() if key_of(one) == record.anchor]
        assert len(set(anchored)) == len(anchored), "two pseudonyms under the anchor lead to one subject"
        for new in verdicts.events:
            for pseudonym in new.event.pseudonyms:
                if key_of(pseudonym) == record.anchor and not back:
                    assert new.subject == record.links[pseudonym]
        assert set(reasons(verdicts)) <= {Reason.unlinked_pseudonym, Reason.id_reused, Reason.retraction_mismatch}
