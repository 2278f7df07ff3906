"""An erasure while events are on their way, and one that breaks off: it waits, or it is done again, and is whole."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from kafka import KafkaConsumer, TopicPartition

from erasure_support import (
    ERASED,
    OTHER,
    SECOND,
    counted,
    erase,
    life_of,
    links,
    places,
    pseudonym,
    publish,
    rows,
    send,
)
from events import CAMDEN, pam
from faults.stage import FAULTY_RECORDER
from pcare_cli.erasing.topics import Topics
from pcare_schemas.log import read_rejected
from pcare_schemas.topics import REJECTED, SUBJECTS, SUBMITTED
from system import System

pytestmark = pytest.mark.integration

ACTS = "SELECT what FROM pcare.acts WHERE what NOT IN ('pseudonyms-given', 'audit-erase-look') ORDER BY number"
WAITING = "SELECT FROM pg_locks WHERE relation = 'pcare.cursors'::regclass AND mode = 'ExclusiveLock' AND granted"
EVIDENCE = "SELECT erased, evidence FROM pcare.rejections"
PAYLOAD = b'{"score": 12, "note": "said in confidence"}'


def last_of(system: System, name: str) -> bytes | None:
    """Return the last record of a pseudonym on the topic of subjects."""
    return {record.key: record.value for record in read(system, SUBJECTS)}.get(name.encode(), b"none")


def evidence_on_topic(system: System) -> list[bytes]:
    """Return what the last record of each rejection holds of what was rejected."""
    last = {record.key: record.value for record in read(system, REJECTED)}
    found = [read_rejected(value).data.evidence for value in last.values() if value is not None]
    return [one for one in found if one is not None]


def read(system: System, topic: str) -> list[Any]:
    """Return all records of a topic, each partition's in its order."""
    consumer = KafkaConsumer(**system.options, auto_offset_reset="earliest", enable_auto_commit=False)
    with contextlib.closing(consumer):
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        ends, found = consumer.end_offsets(partitions), []
        while any(consumer.position(one) < ends[one] for one in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                found += records
    return found


@contextlib.asynccontextmanager
async def stopped_before_it_publishes(system: System) -> AsyncIterator[int]:
    """Run a recorder that stands still between its first batch's transaction and its publishing; give its process."""
    recorder = system.add("recorder")
    recorder.start(str(FAULTY_RECORDER), "before-publish", "1", "stop")
    await recorder.ready()
    assert recorder.popen is not None
    yield recorder.popen.pid


async def test_an_erasure_in_the_middle_of_everything(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await system.start("kpi-aggregator", "ingest")
    await a_link_about_to_be_published_is_not_published_after_its_erasure(system, tmp_path)
    await what_broke_off_is_done_again_and_then_it_is_whole(system, tmp_path, monkeypatch)
    await nothing_is_erased_while_events_of_the_person_are_not_judged(system, tmp_path, monkeypatch)


async def a_link_about_to_be_published_is_not_published_after_its_erasure(system: System, directory: Path) -> None:
    async with stopped_before_it_publishes(system) as recorder:
        name = await pseudonym(system, ERASED)
        await send(system, *life_of(ERASED, CAMDEN, score=50.0))
        await until(lambda: links(system))
        erasing = asyncio.create_task(erase(system, directory))
        await until(lambda: system.fetch(WAITING))
        assert (await links(system)).keys() == {name}
        assert await asyncio.to_thread(last_of, system, name) == b"none"
        os.kill(recorder, signal.SIGCONT)
        said = await erasing
    assert "Erased: 1 links, " in said
    assert await links(system) == {}
    assert await asyncio.to_thread(last_of, system, name) is None


async def what_broke_off_is_done_again_and_then_it_is_whole(
    system: System, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(system, *life_of(OTHER, CAMDEN, score=50.0), *life_of(SECOND, CAMDEN, score=52.0))
    name, second = await pseudonym(system, OTHER), await pseudonym(system, SECOND)
    # only the place of its record says whose this rejection is
    await asyncio.to_thread(publish, system, SUBMITTED, (name, PAYLOAD))
    counts = counted(await system.report())
    assert [(row["erased"], row["evidence"]) for row in await system.fetch(EVIDENCE)] == [(False, PAYLOAD)]
    record = await rows(system, "interventions", "published")

    async def away(*_arguments: Any) -> None:
        raise KafkaTimeoutError

    acts = len(await system.fetch(ACTS))
    held = [await rows(system, "subjects", "rejections")]
    for step, cuts in (("publish", 0), ("delete_before", 1), ("bury", 2)):
        with monkeypatch.context() as patch:
            patch.setattr(Topics, step, away)
            said = await erase(system, directory, status=1, number=OTHER)
        assert "Broken off: " in said
        assert [row["what"] for row in await system.fetch(ACTS)][acts:] == ["submitted-events-deleted"] * cuts, step
        held.append(await rows(system, "subjects", "rejections"))
        assert held[-1]["subjects"] == held[0]["subjects"], step
        # what finds a rejection is deleted only when that is redacted, in the table and on the topic
        redacted = cuts > 0
        assert (held[-1]["rejections"] != held[0]["rejections"]) == redacted, step
        assert [(row["erased"], row["evidence"] is None) for row in await system.fetch(EVIDENCE)] == [(redacted,) * 2]
        assert bool(await asyncio.to_thread(evidence_on_topic, system)) != redacted, step
    assert "Erased: 1 links, 0 rejections redacted, 0 submitted events" in await erase(system, directory, number=OTHER)
    assert (await links(system)).keys() == {second}
    assert counted(await system.report()) == counts
    assert await rows(system, "interventions", "published") == record
    assert {place.split("/")[0] for place in await places(system, name)} <= {SUBJECTS, REJECTED}


async def nothing_is_erased_while_events_of_the_person_are_not_judged(
    system: System, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pcare_cli.erasing.erasure.WAIT_SECONDS", 0.0)
    system.one("recorder").kill()
    await send(system, pam(53.0, subject=f"nhs-number:{SECOND}"))
    before = await rows(system, "subjects", "cursors", "interventions")
    said = await erase(system, directory, status=1, number=SECOND)
    assert "Not erased: events of this person are submitted and not judged yet: a recorder must run for that" in said
    assert await rows(system, "subjects", "cursors", "interventions") == before


async def until(look: Callable[[], Awaitable[Any]]) -> None:
    """Wait until something is there."""
    deadline = time.monotonic() + 60
    while not await look():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.02)
