import datetime as dt

import pytest
from replaying_frames import ANOTHER, NOW, PARTITION, PERSON, PSEUDONYM, frame, origin

from pcare_audit.replaying import linking
from pcare_audit.replaying.findings import Findings
from pcare_audit.replaying.frame import Frame
from pcare_audit.replaying.linking import ERASED, LATE, TABLE, TOPIC, USE, Entry
from pcare_audit.replaying.result import Difference

LATER = NOW + dt.timedelta(hours=1)


def entry(tag: int, subject: str = PERSON, *, at: dt.datetime = NOW, status: int = 0, place: int = 0) -> bytes:
    said = linking.said_of(subject, at, origin(7), "1-test")
    name, whose = linking.digest_of(PSEUDONYM), linking.subject_bytes(subject)
    return Entry(name, tag, status, whose, said, linking.milliseconds(at), 0, 0, 7, 2, place).packed()


def found(entries: bytes, over: Frame | None = None) -> list[Difference]:
    findings = Findings()
    linking.compare(over or frame(), entries, findings)
    doubts = [Difference(doubt.kind, doubt.words or "") for _, doubt in findings.doubts]
    return [*findings.differences, *doubts]


ON_TABLE, ON_TOPIC = entry(TABLE), entry(TOPIC)
GONE = entry(TOPIC, status=ERASED, place=9)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (ON_TABLE + ON_TOPIC + entry(USE), None),
        (ON_TABLE + entry(TOPIC, ANOTHER) + entry(TOPIC, place=9), None),
        (ON_TABLE + ON_TOPIC + entry(TOPIC, ANOTHER, place=9), "another in the table than on the topic"),
        (ON_TABLE + ON_TOPIC + entry(TOPIC, ANOTHER, status=LATE, place=9), None),
        (ON_TABLE, "a link that the topic lacks"),
        (ON_TOPIC, "a link that the table lacks"),
        (ON_TOPIC + GONE, None),
        (ON_TOPIC + entry(TOPIC, status=ERASED | LATE, place=9), None),
        (ON_TABLE + ON_TOPIC + GONE, "was erased"),
        (ON_TOPIC + GONE + entry(USE), None),
        (ON_TABLE + ON_TOPIC + entry(USE, ANOTHER), "another subject than its pseudonym leads to"),
        # erased, and somebody new since: what was recorded before is about whoever it was
        (entry(TABLE, at=LATER) + entry(TOPIC, at=LATER) + entry(USE, ANOTHER), None),
    ],
)
def test_a_link_is_the_same_in_the_table_on_the_topic_and_by_its_events(entries: bytes, words: str | None) -> None:
    differences = found(entries)
    if words is None:
        assert differences == []
    else:
        assert [words in one.words for one in differences] == [True]
        assert str(differences[0].kind) == "link-differs"


def test_a_link_that_is_about_to_be_published_is_left_out() -> None:
    assert found(ON_TABLE, frame(published={PARTITION: 7})) == []
    assert found(ON_TABLE, frame(subjects_whole=False)) == []


def compared(entries: bytes, over: Frame) -> int:
    findings = Findings()
    linking.compare(over, entries, findings)
    return findings.compared["links"]


@pytest.mark.parametrize("entries", [ON_TOPIC, ON_TABLE + entry(TOPIC, ANOTHER), ON_TABLE + ON_TOPIC + GONE])
def test_what_may_have_been_replaced_behind_the_part_that_was_read_is_left_out(entries: bytes) -> None:
    assert len(found(entries, frame(subjects_whole=False))) == 1
    part = frame(subjects_whole=False, subjects_to_end=False)
    assert found(entries, part) == []
    assert compared(entries, part) == 0


def test_events_are_held_against_the_table_where_its_topic_is_not_read() -> None:
    of_submitted_alone = frame(subjects={}, subjects_whole=False)
    assert len(found(ON_TABLE + entry(USE, ANOTHER), of_submitted_alone)) == 1
    assert compared(ON_TABLE + entry(USE), of_submitted_alone) == 1
    assert compared(ON_TABLE, of_submitted_alone) == 0
    assert compared(entry(USE), of_submitted_alone) == 0


def test_no_pseudonym_stands_in_an_entry() -> None:
    assert PSEUDONYM.encode() not in ON_TABLE
    assert PSEUDONYM[-32:].encode() not in ON_TABLE
