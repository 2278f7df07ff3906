"""In which order a merge is published, and that records are not kept waiting for it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from pcare_recorder import merges
from pcare_recorder.merge_publishing import PUBLISH_SECONDS, MergePublishing
from pcare_recorder.merges import Merge
from pcare_recorder.rows import Message
from pcare_schemas.topics import RECORDED, SUBJECTS

LINK = Message(SUBJECTS, b"person:k1:0", b"link")
EVENT = Message(RECORDED, b"person:kept", b"event")


class Told:
    """Stands in for everything that publishing meets: the database, the producer and the clock."""

    def __init__(self, count: int) -> None:
        self.left = [Merge(UUID(int=2 * number), UUID(int=1), f"merge {number}", ()) for number in range(count)]
        self.said: list[str] = []  # what is acknowledged together stands in one line
        self.seconds = 0.0
        self.held = False

    async def connection(self) -> "Told":
        return self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield
        self.held = False

    async def publish(self, links: Iterable[Message], messages: Iterable[Message]) -> None:
        for part in (list(links), list(messages)):
            assert self.held or part != [LINK], "a link that somebody may have erased meanwhile"
            if part:
                self.said.append(" + ".join(f"{one.topic.rpartition('.')[2]}: {one.value.decode()}" for one in part))

    def monotonic(self) -> float:
        return self.seconds

    async def pending(self, _connection: Any) -> list[Merge]:
        return list(self.left)

    async def hold(self, _connection: Any, _merge: Merge) -> None:
        self.held = True

    async def links(self, _connection: Any, _merge: Merge) -> list[Message]:
        assert self.held
        return [LINK]

    async def event_messages(self, _connection: Any, _merge: Merge) -> AsyncIterator[list[Message]]:
        yield [EVENT, EVENT]
        self.seconds += PUBLISH_SECONDS
        yield [EVENT]

    async def published(self, _connection: Any, merge: Merge) -> None:
        self.left.remove(merge)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    made = Told(3)
    for name in ("pending", "hold", "links", "event_messages", "published"):
        monkeypatch.setattr(merges, name, getattr(made, name))
    return made


def publishing(told: Told) -> MergePublishing:
    return MergePublishing(told, told, told)  # type: ignore[arg-type]


async def test_a_merge_is_on_the_topic_of_subjects_and_then_in_the_log_before_its_links_and_events(told: Told) -> None:
    del told.left[1:]
    await publishing(told).publish_pending(lambda: True)
    assert told.said == [
        "subjects: merge 0",
        "recorded: merge 0",
        "subjects: link",
        "recorded: event + recorded: event",
        "recorded: event",
    ]
    assert told.left == []


async def test_records_are_read_again_after_a_second_and_the_rest_is_published_next(told: Told) -> None:
    merging = publishing(told)
    await merging.publish_pending(lambda: True)
    assert len(told.left) == 1
    await merging.publish_pending(lambda: True)
    assert told.left == []


async def test_it_ends_when_the_recorder_is_to_stop_and_calls_nothing_published_that_is_not(told: Told) -> None:
    await publishing(told).publish_pending(lambda: False)
    assert len(told.left) == 3
    assert not [line for line in told.said if "event" in line]
