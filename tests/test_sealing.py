"""What is recorded is sealed: hashed in its order, signed, published; whatever is lost or crashes, consistently."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from kafka import KafkaAdminClient

from events import CAMDEN
from losing import republish
from pcare_audit.leaves import matching, merged_into
from pcare_audit.merkle import leaf_hash, root_of
from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.sealing.trouble import ContradictionError
from pcare_recorder import migrate
from pcare_schemas.topics import SUBMITTED
from sealed import notes, on_the_topic, sealer, until_recorded, until_sealed
from system import Process, System
from test_persons_merge import GONE, KEPT, OTHER, as_operator, life_of, merge, send

pytestmark = pytest.mark.integration

LEAVES = "SELECT leaf, hash, origin_topic, origin_partition, origin_offset FROM pcare.leaves ORDER BY leaf"
NOTES = "SELECT note FROM pcare.checkpoints ORDER BY size, made_at"
TEXTS = """
SELECT origin_topic, origin_partition, origin_offset, published::text FROM pcare.published
ORDER BY origin_topic COLLATE "C", origin_partition, origin_offset
"""
ORIGINS = "SELECT origin_topic, origin_partition, origin_offset, source, id FROM pcare.interventions"
CRASHES = str(Path(__file__).with_name("seal_that_crashes.py"))


async def the_note_of_each(system: System) -> list[str]:
    return [row["note"] for row in await system.fetch(NOTES)]


async def test_what_is_recorded_is_sealed_in_its_order_and_one_sealer_works(system: System) -> None:
    await system.start("recorder", "ingest")
    await system.simulate(150, seed=17)
    await until_recorded(system)
    crashing = system.add("seal")
    crashing.start(CRASHES)  # it dies between the commit of its first checkpoint and its publication
    assert crashing.popen is not None
    assert await asyncio.to_thread(crashing.popen.wait, 60) == -9
    assert len(await the_note_of_each(system)) == 1
    assert notes(system) == []

    first, second = await system.start("seal", "seal")
    await until_sealed(system)
    rows = await system.fetch(TEXTS)
    published = on_the_topic(system)
    assert [note for note, _ in published] == await the_note_of_each(system), "the first one, then what came after it"
    last = published[-1][1]
    assert last.size == len(rows) > 100
    if len(published) == 1:
        assert last.root == root_of(leaf_hash(row["published"].encode()) for row in rows)
    by_origin = {tuple(row)[:3]: leaf_hash(row["published"].encode()) for row in rows}
    leaves = await system.fetch(LEAVES)
    assert [row["leaf"] for row in leaves] == list(range(len(rows)))
    assert all(by_origin[tuple(row)[2:]] == row["hash"] for row in leaves)
    assert root_of(row["hash"] for row in leaves) == last.root

    first.kill()
    await system.simulate(30, seed=19)
    await until_sealed(system)
    checkpoints = [one for _, one in on_the_topic(system)]
    assert checkpoints[-1].size > last.size
    assert checkpoints == sorted(checkpoints, key=lambda one: (one.size, one.time))
    async with system.client("seal") as client:
        client.base_url = second.address
        metrics = (await client.get("/metrics")).text
        assert f"pcare_seal_checkpoint_size {float(checkpoints[-1].size)}" in metrics
        assert "pcare_seal_refused 0.0" in metrics
        assert (await client.get("/health/ready")).status_code == 200
    assert second.terminate() == 0
    await once(system)


async def once(system: System) -> None:
    """Type the command for one checkpoint: nothing is new, and somebody asks."""
    before = on_the_topic(system)[-1][1]
    await system.fetch("INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'looked', 'a test')")
    said = system.layout.log("once")
    environment = system.environment | {"PCARE_POSTGRES_DSN": system.logins["sealer"]}
    words = ["-m", "pcare_cli", "audit", "seal", "--once"]
    await Supervisor(environment).run_to_end(Service("once", words, said))
    made = on_the_topic(system)[-1][1]
    assert f"A checkpoint of {made.size:,} leaves" in said.read_text()
    assert (made.size, made.root) == (before.size, before.root)
    assert made.time > before.time
    assert [tuple(made.acts or ())] == [tuple(row) for row in await system.fetch("SELECT * FROM pcare.acts_head()")]


async def lose_the_database(system: System) -> None:
    connection = await asyncpg.connect(system.dsn)
    try:
        for schema in ("pcare", "edge", "analysis", "desk", "dashboards"):
            await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        await migrate.apply(connection)
        await migrate.admit_roles(connection)
    finally:
        await connection.close()


async def test_a_database_made_anew_from_the_log_has_the_same_leaves(system: System, tmp_path: Path) -> None:
    recorder, _, seal = await system.start("recorder", "ingest", "seal")
    kept, gone, other = life_of(KEPT, CAMDEN), life_of(GONE, CAMDEN), life_of(OTHER, CAMDEN)
    await send(system, *kept, *gone, *other)
    await until_sealed(system)
    await merge(system, tmp_path, GONE, OTHER)  # after it was sealed
    await send(system, *life_of(OTHER, CAMDEN))
    await until_sealed(system)
    await merge(system, tmp_path, KEPT, GONE)  # and one is merged into another, whose events were moved before
    await until_sealed(system)
    leaves, before = await system.fetch(LEAVES), await the_note_of_each(system)
    merged = merged_into([tuple(row) for row in await system.fetch(
        "SELECT 'person:' || gone, 'person:' || kept FROM pcare.merges"
    )])  # fmt: skip
    texts = {tuple(row)[:3]: row["published"].encode() for row in await system.fetch(TEXTS)}
    events = [row for row in leaves if row["origin_topic"] != "pcare.acts"]
    assert len(events) == len(texts) == len(leaves) - 2
    moved = [row for row in events if leaf_hash(texts[tuple(row)[2:]]) != row["hash"]]
    assert len(moved) >= len(gone) + len(other)
    assert all(matching(texts[tuple(row)[2:]], row["hash"], merged) for row in moved)

    assert recorder.terminate() == seal.terminate() == 0
    await lose_the_database(system)
    seal.start()
    await until_it_waits(seal)
    log = system.layout.log("rebuild")
    await Supervisor(as_operator(system)).run_to_end(Service("rebuild", ["-m", "pcare_recorder.rebuild"], log))
    recorder.start()
    await recorder.ready()
    await send(system, *life_of(KEPT, CAMDEN))
    await until_sealed(system)
    again = await the_note_of_each(system)
    assert again[: len(before)] == before, seal.tail()
    assert (await system.fetch(LEAVES))[: len(leaves)] == leaves
    ((act,),) = await system.fetch("INSERT INTO pcare.acts (who, what, why) VALUES ('a', 'b', 'c') RETURNING number")
    assert act > max(row["origin_offset"] for row in leaves if row["origin_topic"] == "pcare.acts")
    assert {note for note, _ in on_the_topic(system)} == set(await the_note_of_each(system))
    assert seal.terminate() == 0
    await system.fetch("UPDATE pcare.merges SET published = replace(published::text, 'Z', '+00:00')::json")
    with pytest.raises(ContradictionError, match=r"pcare\.merges has of act \d+ is not what was sealed"):
        await sealer(system).once()
    await system.fetch("UPDATE pcare.merges SET published = '{}'")
    with pytest.raises(ContradictionError, match=r"pcare\.merges has of the subject \S+ is no merge"):
        await sealer(system).once()


async def until_it_waits(seal: Process) -> None:
    for _ in range(600):
        if "The database is behind what was sealed" in seal.tail():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(seal.tail())


async def sealed_on_by(system: System, *names: str, before: list[str]) -> list[str]:
    """Start services again and send more; return the notes by then, of which those before are the beginning."""
    for name in names:
        system.one(name).start()
        await system.one(name).ready()
    await system.simulate(40, seed=5)
    await until_sealed(system)
    after = await the_note_of_each(system)
    assert after[: len(before)] == before
    assert len(after) > len(before)
    return after


async def test_kafka_lost_gets_its_checkpoints_again(system: System) -> None:
    await system.start("recorder", "ingest", "seal")
    await system.simulate(40, seed=3)
    await until_sealed(system)
    await system.simulate(40, seed=4)
    await until_sealed(system)
    before = await the_note_of_each(system)
    assert len(before) > 1
    for name in ("recorder", "ingest"):
        system.one(name).terminate()
    await asyncio.to_thread(_lose_kafka, system)
    await republish(system)
    after = await sealed_on_by(system, "recorder", "ingest", before=before)
    assert {note for note, _ in on_the_topic(system)} == set(after)


async def test_a_topic_that_was_deleted_is_made_anew_and_what_is_sealed_goes_on(system: System) -> None:
    await system.start("recorder", "ingest", "seal")
    await system.simulate(40, seed=3)
    await until_sealed(system)
    before, origins = await the_note_of_each(system), await system.fetch(ORIGINS)
    for name in ("recorder", "ingest", "seal"):
        system.one(name).terminate()
    await asyncio.to_thread(_lose_submitted, system)
    await republish(system, "--only", SUBMITTED)
    # a sealer that starts looks at everything anew
    await sealed_on_by(system, "recorder", "ingest", "seal", before=before)
    now = await system.fetch(ORIGINS)
    assert len(now) > len(origins)
    assert set(map(tuple, now)) > set(map(tuple, origins)), "no place is given out twice, and none is renamed"
    ((details,),) = await system.fetch("SELECT details::text FROM pcare.acts WHERE what = 'log-republished'")
    assert details == f'{{"created":["{SUBMITTED}"],"only":"{SUBMITTED}"}}'


def _lose_submitted(system: System) -> None:
    from system import _wait

    admin = KafkaAdminClient(**system.options)
    admin.delete_topics([SUBMITTED])
    _wait(lambda: SUBMITTED not in admin.list_topics())
    admin.close()


def _lose_kafka(system: System) -> None:
    from system import _empty_topics

    _empty_topics(system.backend)
