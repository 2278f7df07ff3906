"""The rebuild restores what was there, from the recorder's own topics, and says what it did."""

from dataclasses import replace

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient
from recorder_events import ALEX, KIM, RECEIVED, SAM, event, retraction
from recorder_world import RKE_TOPIC, World, assert_exact, until

from pcare_common.errors import OperatorError
from pcare_recorder import migrate, restore_links
from pcare_recorder.database import REBUILDING, connect
from pcare_recorder.rebuild import RebuildSettings, rebuild
from pcare_schemas.log import read_rejected
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import subject_linked_text
from pcare_schemas.topics import RECORDED, SUBJECTS, SUBMITTED

pytestmark = pytest.mark.integration

TABLES = {
    "interventions": "source, id",
    "published": "origin_topic, origin_partition, origin_offset",
    "subjects": "pseudonym",
    "rejections": "origin_topic, origin_partition, origin_offset",
    "cursors": "topic, partition",
}
FOLLOWED = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
NO_COLLECTOR = "http://127.0.0.1:9"


def say_nothing(_line: str) -> None:
    """Stand in for whoever would read what the rebuild did."""


def config(world: World) -> RebuildSettings:
    return RebuildSettings(
        kafka_bootstrap_servers=world.bootstrap_servers,
        postgres_dsn=world.dsn,
        recorder_group=world.group,
    )


async def tables(world: World) -> dict[str, list[tuple[str, ...]]]:
    """Return every row of every table as text, in the order of its key."""
    return {
        table: [tuple(row) for row in await world.fetch(f"SELECT t::text FROM pcare.{table} AS t ORDER BY {key}")]  # noqa: S608
        for table, key in TABLES.items()
    }


async def lose_the_database(world: World) -> None:
    await world.execute("DROP SCHEMA pcare CASCADE")
    connection = await asyncpg.connect(world.dsn)
    await migrate.apply(connection)
    await connection.close()


async def record_a_mixture(world: World) -> None:
    """Some of it is followed; the collector that is named is none, and nobody minds."""
    first, another = event(id="first") | FOLLOWED, event(id="first", score=50.0) | FOLLOWED
    await world.send(first, event(subject=SAM), b"broken", first, another)
    await world.send(event("sp-declined", referral_ref=None), retraction(first), partition=1)
    await world.send(event("sp-closed", referral_ref="R", ref_source=first["source"]), topic=RKE_TOPIC)
    await world.send(event("phb-issued", starts="2024-07-01"), None, partition=2)
    async with world.transaction(abort=False) as producer:
        await producer.send_and_wait(SUBMITTED, value=b"also broken", key=b"-", partition=2)
    async with world.recorder(tracing_endpoint=NO_COLLECTOR) as running:
        await world.settled(running)


async def test_a_lost_database_is_restored_row_for_row(world: World) -> None:
    await record_a_mixture(world)
    before = await tables(world)
    assert all(before.values())
    for table in ("published", "rejections"):
        ((followed,),) = await world.fetch(f"SELECT count(traceparent) FROM pcare.{table}")  # noqa: S608
        assert followed == 1
    await lose_the_database(world)
    said: list[str] = []
    await rebuild(config(world), said.append)
    assert await tables(world) == before
    assert any("read 6 records, restored 6 events" in line for line in said)
    assert any("read 4 records, restored 4 rejections" in line for line in said)
    assert (
        "interventions.submitted/0: judged from 0 up to 5: 5 records = 2 recorded + 1 duplicates + 2 rejected" in said
    )
    assert any(line.startswith("no document is left of the rules version(s) 1-") for line in said)
    await world.send(event(), event(id="first"))
    async with world.recorder() as running:
        await world.settled(running)
    assert await world.outcomes() == (7, 2, 4)
    await assert_exact(world)


async def test_whom_only_the_lost_table_knew_is_named_before_the_recorder_would_reject_what_they_send(
    world: World,
) -> None:
    newcomer = "urn:ncl:provider:newcomer"
    register = """
        INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'provider-added', 'a test');
        INSERT INTO pcare.register (source, name, kind, act)
        SELECT 'urn:ncl:provider:newcomer', 'Newcomer', 'council', max(number) FROM pcare.acts
    """
    await world.execute(register)
    await world.send(event(source=newcomer), event())
    async with world.recorder() as running:
        await world.settled(running)
    said: list[str] = []
    await rebuild(config(world), said.append)
    assert not [line for line in said if "in no register" in line]
    await lose_the_database(world)
    await rebuild(config(world), said.append)
    (line,) = [line for line in said if "in no register" in line]
    assert line.startswith(f"in no register: {newcomer}. ")
    await world.execute(register)
    await world.send(event(source=newcomer))
    async with world.recorder() as running:
        await world.settled(running)
    assert await world.outcomes() == (3, 0, 0)


async def test_a_rebuild_of_a_whole_database_changes_nothing(world: World) -> None:
    await record_a_mixture(world)
    before = await tables(world)
    said: list[str] = []
    for _ in range(2):
        await rebuild(config(world), said.append)
        assert await tables(world) == before
    assert any("restored 0 events" in line for line in said)


async def test_a_database_from_an_older_backup_is_refused_and_then_completed(world: World) -> None:
    await world.send(event(), event(subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
    await world.execute(
        "DELETE FROM pcare.interventions WHERE origin_offset = 1; DELETE FROM pcare.published WHERE origin_offset = 1;"
        "DELETE FROM pcare.subjects WHERE origin_offset = 1;"
        "UPDATE pcare.cursors SET next_offset = 1, recorded = 1 WHERE next_offset = 2"
    )
    with pytest.raises(OperatorError, match=r"judged up to 1, but 2 was published.*`pcare rebuild`"):
        async with world.recorder() as running:
            await running
    await rebuild(config(world), say_nothing)
    await assert_exact(world)


async def test_an_empty_database_is_refused_and_then_restored(world: World) -> None:
    await world.send(event())
    async with world.recorder() as running:
        await world.settled(running)
    await lose_the_database(world)
    with pytest.raises(OperatorError, match="the database knows nothing of it"):
        async with world.recorder() as running:
            await running
    await rebuild(config(world), say_nothing)
    await assert_exact(world)


async def test_what_was_published_beyond_the_committed_offset_keeps_its_verdict(world: World) -> None:
    """The recorder died between publish and commit, and then the database was lost too."""
    await world.send(event(id="one"), b"broken", event(id="two", subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
    before = await tables(world)
    await lose_the_database(world)
    forgotten = World(world.bootstrap_servers, world.dsn)  # a group that never committed
    await rebuild(config(forgotten), say_nothing)
    assert {row[0] for row in await forgotten.fetch("SELECT next_offset FROM pcare.cursors")} == {0}
    async with forgotten.recorder() as running:
        await forgotten.settled(running)
    assert await tables(forgotten) == before
    await assert_exact(forgotten)


async def test_links_that_were_erased_stay_erased(world: World) -> None:
    await world.send(event(), event(subject=SAM), event(subject=KIM))
    async with world.recorder() as running:
        await world.settled(running)
    async with AIOKafkaProducer(bootstrap_servers=world.bootstrap_servers) as producer:
        await producer.send_and_wait(SUBJECTS, key=ALEX.encode(), value=None)
    said: list[str] = []
    await rebuild(config(world), said.append)  # of a backup from before the erasure
    assert [row[0] for row in await world.fetch("SELECT pseudonym FROM pcare.subjects ORDER BY 1")] == sorted(
        [SAM, KIM]
    )
    assert any("removed 1 that were erased" in line for line in said)


async def test_an_erased_link_is_removed_also_where_its_topic_is_gone(world: World) -> None:
    await world.send(event(), event(subject=SAM), topic=RKE_TOPIC)
    async with world.recorder() as running:
        await world.settled(running)
    admin = KafkaAdminClient(bootstrap_servers=world.bootstrap_servers)
    admin.delete_topics([RKE_TOPIC])
    until(lambda: RKE_TOPIC not in admin.list_topics())
    admin.close()
    async with AIOKafkaProducer(bootstrap_servers=world.bootstrap_servers) as producer:
        await producer.send_and_wait(SUBJECTS, key=ALEX.encode(), value=None)
    said: list[str] = []
    await rebuild(config(world), said.append)
    assert [row[0] for row in await world.fetch("SELECT pseudonym FROM pcare.subjects")] == [SAM]
    assert any("removed 1 that were erased" in line for line in said)
    assert not any("could not be judged" in line for line in said)


async def test_links_stay_and_are_told_of_where_nothing_says_whether_they_were_published(world: World) -> None:
    await world.send(event(), event(subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
    async with AIOKafkaProducer(bootstrap_servers=world.bootstrap_servers) as producer:
        await producer.send_and_wait(SUBJECTS, key=ALEX.encode(), value=None)
    said: list[str] = []
    await rebuild(config(World(world.bootstrap_servers, world.dsn)), said.append)  # a group that never committed
    assert {row[0] for row in await world.fetch("SELECT pseudonym FROM pcare.subjects")} == {ALEX, SAM}
    assert any(line.startswith("1 links that interventions.subjects lacks could not be judged") for line in said)


async def test_what_was_taken_out_of_a_rejection_stays_out_and_nothing_else_can_be_written(world: World) -> None:
    await world.send({"subject": ALEX, "not": "an event"}, {"subject": SAM, "not": "an event"})
    async with world.recorder() as running:
        await world.settled(running)
    columns = "published::text, errors::text, evidence, reason, received_at"
    kept = f"SELECT {columns} FROM pcare.rejections ORDER BY origin_offset"  # noqa: S608 - as above
    before = await world.fetch(kept)
    await world.execute("UPDATE pcare.rejections SET erased = true, reason = 'too_large' WHERE origin_offset = 0")
    erased, other = await world.fetch(kept)
    assert other == before[1]
    assert (erased["errors"], erased["evidence"]) == ("[]", None)
    assert (erased["reason"], erased["received_at"]) == (before[0]["reason"], before[0]["received_at"])
    was, now = (read_rejected(one["published"].encode()) for one in (before[0], erased))
    assert now.data.erased
    assert (now.id, now.time, now.origin, now.rulesversion) == (was.id, was.time, was.origin, was.rulesversion)
    assert (now.data.reason, now.data.title, now.data.size) == (was.data.reason, was.data.title, was.data.size)
    assert (now.data.evidence, now.data.errors, now.data.event_id, now.data.sha256) == (None, [], None, None)
    await rebuild(config(world), say_nothing)  # the topic holds what was there before
    assert await world.fetch(kept) == [erased, other]
    with pytest.raises(asyncpg.CheckViolationError, match="is gone"):
        await world.execute("UPDATE pcare.rejections SET erased = false")
    await world.execute("UPDATE pcare.rejections SET erased = true WHERE origin_offset = 0")
    assert await world.fetch(kept) == [erased, other]


async def test_a_link_too_new_to_be_published_is_not_taken_for_erased(world: World) -> None:
    await world.send(event())
    async with world.recorder() as running:
        await world.settled(running)
    await world.execute(
        f"INSERT INTO pcare.subjects SELECT '{SAM}', gen_random_uuid(), linked_at, rules_version, origin_topic,"  # noqa: S608
        " origin_partition, 1 FROM pcare.subjects"  # the record after the last that is committed
    )
    await rebuild(config(world), say_nothing)
    assert {row[0] for row in await world.fetch("SELECT pseudonym FROM pcare.subjects")} == {ALEX, SAM}


async def test_the_last_record_of_a_pseudonym_holds_however_the_topic_is_read(world: World) -> None:
    def linked(pseudonym: str, subject: str) -> tuple[bytes, bytes | None]:
        origin = Origin(SUBMITTED, 0, 0)
        text = subject_linked_text(pseudonym, subject, linked_at=RECEIVED, origin=origin, rules_version="1-x")
        return pseudonym.encode(), text

    first, second = (f"person:00000000-0000-4000-8000-00000000000{number}" for number in (1, 2))
    connection = await connect(world.dsn, REBUILDING)
    async with connection.transaction():
        await restore_links.begin(connection)
        await restore_links.stage(connection, [linked(ALEX, first), linked(SAM, first), linked(KIM, first)])
        await restore_links.stage(connection, [linked(ALEX, second), (SAM.encode(), None)])
        assert await restore_links.merge(connection, {}) == (2, 0)
    await connection.close()
    rows = await world.fetch("SELECT pseudonym, 'person:' || subject_id FROM pcare.subjects")
    assert {row[0]: row[1] for row in rows} == {ALEX: second, KIM: first}


async def test_no_rebuild_beside_a_running_recorder(world: World, another_database: str) -> None:
    async with world.recorder():
        await world.until_members(1)
        with pytest.raises(OperatorError, match="still connected to this database"):
            await rebuild(config(world), say_nothing)
        with pytest.raises(OperatorError, match=r"1 recorder\(s\) are running in the group"):
            await rebuild(config(replace(world, dsn=another_database)), say_nothing)


async def test_no_recorder_beside_a_rebuild(world: World) -> None:
    rebuilding = await connect(world.dsn, REBUILDING)
    with pytest.raises(OperatorError, match="is being rebuilt"):
        async with world.recorder() as running:
            await running
    await rebuilding.close()


async def test_a_log_that_contradicts_the_table_is_not_merged(world: World) -> None:
    await world.send(event(id="one"))
    async with world.recorder() as running:
        await world.settled(running)
    await world.execute("UPDATE pcare.published SET published = replace(published::text, '52.9', '52.8')::json")
    before = await world.fetch("SELECT * FROM pcare.cursors")
    with pytest.raises(
        OperatorError, match=r"contradict each other about .* one \(origin interventions.submitted/0/0\)"
    ):
        await rebuild(config(world), say_nothing)
    assert await world.fetch("SELECT * FROM pcare.cursors") == before


async def test_strange_records_on_the_log_are_reported(world: World) -> None:
    async with AIOKafkaProducer(bootstrap_servers=world.bootstrap_servers) as producer:
        await producer.send_and_wait(RECORDED, key=b"x", value=b"{}")
    with pytest.raises(OperatorError, match="was not written by the recorder"):
        await rebuild(config(world), say_nothing)
