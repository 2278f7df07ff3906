"""The witness of the fault rounds sees what it is there to see: each way in which things can fail to add up."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from faults.load import Answers
from faults.reading import Record, Tables, Where
from faults.witness import examine
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, SUBMITTED, provider_topic

SOURCE = "urn:ncl:provider:demo-council"
OWN = provider_topic("demo-trust")


def said(name: str, *, more: str = "") -> bytes:
    return json.dumps({"source": SOURCE, "id": name, "more": more}).encode()


@dataclass
class Scene:
    """Three events, of which one came twice, and one that was rejected; all as it must be."""

    topics: dict[str, list[Record]]
    tables: Tables
    answers: Answers

    @classmethod
    def right(cls) -> "Scene":
        submitted = {0: said("a"), 1: said("b"), 2: said("a", more="spaces"), 3: b"broken"}
        records = [Record((SUBMITTED, 0, offset), b"person", value) for offset, value in submitted.items()]
        own = [Record((OWN, 1, 0), b"person", said("c"))]
        events: dict[tuple[str, str], Where] = {
            (SOURCE, "a"): (SUBMITTED, 0, 0),
            (SOURCE, "b"): (SUBMITTED, 0, 1),
            (SOURCE, "c"): (OWN, 1, 0),
        }
        texts = {at: said(name, more="published").decode() for (_, name), at in events.items()}
        log = [Record((RECORDED, 0, place), b"person", text.encode()) for place, text in enumerate(texts.values())]
        rejection = json.dumps({"id": f"{SUBMITTED}/0/3"})
        link = json.dumps({"data": {"subject": "person:1"}}).encode()
        tables = Tables(
            events=events,
            texts=texts,
            rejections={(SUBMITTED, 0, 3): rejection},
            rejected={(None, None)},
            subjects={"person:k1:a": "person:1"},
            cursors={(SUBMITTED, 0): (0, 4, 2, 1, 1), (OWN, 1): (0, 1, 1, 0, 0)},
        )
        answers = Answers()
        answers.recorded = set(events)
        topics = {
            SUBMITTED: records,
            OWN: own,
            RECORDED: [*log, log[0]],
            REJECTED: [Record((REJECTED, 0, 0), b"-", rejection.encode())],
            SUBJECTS: [Record((SUBJECTS, 0, 0), b"person:k1:a", link)],
        }
        return cls(topics, tables, answers)

    def faults(self) -> list[str]:
        return examine(self.topics, self.tables, self.answers).faults


def test_what_adds_up_has_no_fault():
    scene = Scene.right()
    found = examine(scene.topics, scene.tables, scene.answers)
    assert found.faults == []
    assert (found.submitted, found.recorded, found.duplicates, found.rejected, found.repeats) == (5, 3, 1, 1, 1)


def a_row_is_gone(scene: Scene) -> None:
    del scene.tables.events[SOURCE, "b"]


def an_accepted_event_is_gone_everywhere(scene: Scene) -> None:
    scene.answers.recorded.add((SOURCE, "d"))


def an_accepted_event_was_rejected(scene: Scene) -> None:
    scene.answers.recorded.add((SOURCE, "d"))
    scene.tables.rejected.add((SOURCE, "d"))


def an_event_of_a_late_verdict_is_nowhere(scene: Scene) -> None:
    scene.answers.judged.add((SOURCE, "d"))


def a_record_was_never_judged(scene: Scene) -> None:
    scene.topics[SUBMITTED].append(Record((SUBMITTED, 0, 4), b"person", said("d")))


def a_duplicate_was_counted_as_recorded(scene: Scene) -> None:
    scene.tables.cursors[SUBMITTED, 0] = (0, 4, 3, 0, 1)


def a_cursor_stands_short(scene: Scene) -> None:
    scene.tables.cursors[SUBMITTED, 0] = (0, 3, 2, 1, 1)


def a_partition_has_no_cursor(scene: Scene) -> None:
    del scene.tables.cursors[OWN, 1]


def a_record_has_two_outcomes(scene: Scene) -> None:
    scene.tables.rejections[SUBMITTED, 0, 1] = "{}"


def a_row_came_from_nowhere(scene: Scene) -> None:
    scene.tables.events[SOURCE, "z"] = (SUBMITTED, 0, 9)


def an_event_was_not_published(scene: Scene) -> None:
    del scene.topics[RECORDED][1]


def a_zombie_published_other_bytes(scene: Scene) -> None:
    scene.topics[RECORDED].append(Record((RECORDED, 0, 9), b"person", said("b", more="of a zombie")))


def a_zombie_published_an_event_without_a_row(scene: Scene) -> None:
    scene.topics[RECORDED].append(Record((RECORDED, 0, 9), b"person", said("z")))


def a_rejection_was_not_published(scene: Scene) -> None:
    scene.topics[REJECTED].clear()


def a_person_has_two_subjects(scene: Scene) -> None:
    link = json.dumps({"data": {"subject": "person:2"}}).encode()
    scene.topics[SUBJECTS].append(Record((SUBJECTS, 0, 1), b"person:k1:a", link))


def a_link_is_gone(scene: Scene) -> None:
    scene.tables.subjects.clear()


@pytest.mark.parametrize(
    "wrong",
    [
        a_row_is_gone,
        an_accepted_event_is_gone_everywhere,
        an_accepted_event_was_rejected,
        an_event_of_a_late_verdict_is_nowhere,
        a_record_was_never_judged,
        a_duplicate_was_counted_as_recorded,
        a_cursor_stands_short,
        a_partition_has_no_cursor,
        a_record_has_two_outcomes,
        a_row_came_from_nowhere,
        an_event_was_not_published,
        a_zombie_published_other_bytes,
        a_zombie_published_an_event_without_a_row,
        a_rejection_was_not_published,
        a_person_has_two_subjects,
        a_link_is_gone,
    ],
)
def test_each_fault_is_seen(wrong: Callable[[Scene], None]):
    scene = Scene.right()
    wrong(scene)
    assert scene.faults()
