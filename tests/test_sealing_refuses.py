"""What contradicts an earlier checkpoint is named, and nothing more is signed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import httpx
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from pcare_audit.checkpoint import parse
from pcare_audit.signed_note import Signer, split
from pcare_cli.sealing.trouble import ContradictionError
from pcare_schemas.sealed import checkpoint_text
from pcare_schemas.topics import CHECKPOINTS
from sealed import notes, sealer, until_recorded, until_sealed
from system import System

pytestmark = pytest.mark.integration

FIRST = (
    "(origin_topic, origin_partition, origin_offset) = "
    "(SELECT origin_topic, origin_partition, origin_offset FROM pcare.leaves WHERE leaf = 0)"
)
MISSING = f"DELETE FROM pcare.published WHERE {FIRST}"  # noqa: S608
ALTERED = f"UPDATE pcare.published SET published = replace(published::text, '2', '3')::json WHERE {FIRST}"  # noqa: S608
PUT_IN = (
    "INSERT INTO pcare.published SELECT origin_topic, origin_partition, -1, published "  # noqa: S608
    f"FROM pcare.published WHERE {FIRST}"
)
TAMPERS = {
    MISSING: r"interventions\.submitted\S*/\d+/\d+, leaf \d+, is no more in pcare\.published",
    ALTERED: r"interventions\.submitted\S*/\d+/\d+, leaf \d+, is not in pcare\.published as it was sealed",
    PUT_IN: r"interventions\.submitted\S*/\d+/-1 is in pcare\.published, and was not there",
    "UPDATE pcare.leaves SET hash = sha256(hash) WHERE leaf = 3": "one from 0 to .* was altered",
    "ALTER TABLE pcare.leaves ALTER hash DROP NOT NULL; UPDATE pcare.leaves SET hash = NULL WHERE leaf = 3": (
        r"Leaf 3 in pcare\.leaves holds no hash"
    ),
    "DELETE FROM pcare.leaves WHERE leaf = (SELECT max(leaf) FROM pcare.leaves)": r"Leaf \d+ is missing",
    "DELETE FROM pcare.checkpoints WHERE size = (SELECT max(size) FROM pcare.checkpoints)": "no checkpoint is of it",
    "UPDATE pcare.checkpoints SET note = replace(note, 'covers', 'covert')": "signature of demo is wrong",
    "UPDATE pcare.checkpoints SET made_at = made_at + '1 s'": "holds the note of another",
}


@asynccontextmanager
async def tampered(system: System, statement: str) -> AsyncIterator[None]:
    """Change something as whoever owns the database can, and put it back."""
    connection = await asyncpg.connect(system.dsn)
    tables = ("published", "leaves", "checkpoints")
    try:
        for table in tables:
            await connection.execute(f"CREATE TABLE kept_{table} AS SELECT * FROM pcare.{table}")  # noqa: S608
        for table in tables[1:]:
            await connection.execute(f"ALTER TABLE pcare.{table} DISABLE TRIGGER append_only")
        changed = await connection.execute(statement)
        assert not changed.endswith(" 0")
        yield
        for table in tables:
            await connection.execute(f"DELETE FROM pcare.{table}")  # noqa: S608
            await connection.execute(f"INSERT INTO pcare.{table} SELECT * FROM kept_{table}")  # noqa: S608
            await connection.execute(f"DROP TABLE kept_{table}")
        for table in tables[1:]:
            await connection.execute(f"ALTER TABLE pcare.{table} ENABLE ALWAYS TRIGGER append_only")
    finally:
        await connection.close()


async def until(client: httpx.AsyncClient, metric: str) -> None:
    for _ in range(600):
        if metric in (await client.get("/metrics")).text:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {metric}")


async def test_every_change_of_what_was_sealed_is_named_and_nothing_more_is_signed(system: System) -> None:
    await system.start("recorder", "ingest", "seal")
    await system.simulate(60, seed=21)
    await until_sealed(system)
    seal = system.one("seal")
    async with tampered(system, ALTERED), system.client("seal") as client:
        await until(client, "pcare_seal_refused 1.0")
        answer = await client.get("/health/ready")
        assert answer.status_code == 503
        assert "is not in pcare.published as it was sealed" in answer.text
        assert "pcare rebuild" in answer.text
    said = notes(system)
    await system.simulate(20, seed=22)
    await until_recorded(system)
    assert seal.terminate() == 0
    assert notes(system) == said, "what was mended without anybody having looked is not taken for well"

    for statement, words in TAMPERS.items():
        async with tampered(system, statement):
            with pytest.raises(ContradictionError, match=words):
                await sealer(system).once()
    assert notes(system) == said
    made = await sealer(system).once()
    assert made is not None
    assert made.size > parse(split(said[-1])[0]).size

    for words, value in _forged(system):
        offset = await asyncio.to_thread(_write, system, value)
        with pytest.raises(ContradictionError, match=words) as refused:
            await sealer(system).once()
        assert "docs/runbooks/PcareSealerRefuses.md" in str(refused.value) or "pcare audit verify" in str(refused.value)
        # as the runbook has it: all up to that record, which is then made good from the table
        await asyncio.to_thread(_forget_up_to, system, offset)
    assert await sealer(system).once() is not None
    assert set(said) < set(notes(system))


def _forged(system: System) -> list[tuple[str, bytes]]:
    """Return what somebody might write to the topic, each with the words that it is told by."""
    own = Signer.load(system.layout.seal_key, system.layout.seal_name)
    other = Signer.new(system.directory / "other.key", "demo")
    last = parse(split(notes(system)[-1])[0])
    lie = replace(last, root=bytes(32))

    def record(signer: Signer, checkpoint) -> bytes:  # type: ignore[no-untyped-def]
        note = signer.sign(checkpoint.text())
        return checkpoint_text(note, origin=checkpoint.origin, size=checkpoint.size, made_at=checkpoint.time)

    return [
        ("is no checkpoint", b"hello"),
        ("is not signed by a key of this log", record(other, lie)),
        ("says otherwise than pcare.checkpoints", record(own, lie)),
        ("is not in pcare.checkpoints, and later ones are", record(own, replace(last, size=last.size - 1))),
        ("is of the log", record(own, replace(last, origin=last.origin + "2", size=last.size + 1))),
        ("does not lead to it", record(own, replace(lie, size=last.size + 1))),
    ]


def _write(system: System, value: bytes) -> int:
    producer = KafkaProducer(**system.options)
    offset: int = producer.send(CHECKPOINTS, value, partition=0).get(timeout=30).offset
    producer.close()
    return offset


def _forget_up_to(system: System, offset: int) -> None:
    admin = KafkaAdminClient(**system.options)
    admin.delete_records({TopicPartition(CHECKPOINTS, 0): offset + 1})
    admin.close()
