"""Whoever empties the topic of checkpoints, or cuts it, is found out; a sealer that runs makes it good."""

import asyncio
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition

from pcare_schemas.topics import CHECKPOINTS
from proof_audit.stage import Ran, Stage
from sealed import notes, sealer, until_recorded, until_sealed
from system import System

pytestmark = pytest.mark.integration


async def test_a_topic_that_was_emptied_is_told_and_made_good(system: System, tmp_path: Path) -> None:
    await system.start("recorder", "ingest")
    stage = Stage(system, tmp_path, 40)
    await system.simulate(40, seed=21)
    await until_recorded(system)
    assert await sealer(system).once() is not None
    assert await sealer(system).once() is not None
    said = notes(system)
    assert len(said) == 2
    assert (await stage.verify()).status == 0

    cut = await stage.copy(CHECKPOINTS, lambda number, value: [] if number else [value])
    found = await stage.verify("--checkpoints", cut)
    assert removed(found) == 1, found.output
    empty = await stage.copy(CHECKPOINTS, lambda _number, _value: [])
    found = await stage.verify("--checkpoints", empty)
    assert removed(found) == 2, found.output
    await asyncio.to_thread(_delete_records, system)
    found = await stage.verify()
    assert removed(found) == 2, found.output
    assert f"not in {CHECKPOINTS}" in found.output

    await system.start("seal")
    await until_sealed(system)
    await until_there(system, said)
    assert (await stage.verify()).status == 0
    await asyncio.to_thread(_delete_records, system)  # while it runs: the end stays where it was
    await until_there(system, said)
    assert (await stage.verify()).status == 0


def removed(found: Ran) -> int:
    """Return how many checkpoints are said to be missing."""
    assert found.status == 1, found.output
    return found.output.count("REMOVED: checkpoint ")


async def until_there(system: System, said: list[str]) -> None:
    for _ in range(300):
        if set(said) <= set(await asyncio.to_thread(notes, system)):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(system.one("seal").tail())


def _delete_records(system: System) -> None:
    admin = KafkaAdminClient(**system.options)
    admin.delete_records({TopicPartition(CHECKPOINTS, 0): -1})
    admin.close()
