"""Two subjects become one person, whatever goes on at the same time and whatever is lost afterwards."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from recorder_events import ALEX, KIM, SAM, event, retraction
from recorder_world import World
from test_recorder_rebuild import config, lose_the_database, say_nothing, tables

from pcare_recorder import merges, restore_persons, store
from pcare_recorder.cursors import Partition
from pcare_recorder.merges import Merge
from pcare_recorder.rebuild import rebuild
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE, subjects_merged_text
from pcare_schemas.topics import RECORDED, SUBJECTS

pytestmark = pytest.mark.integration

AT = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)


async def merge(world: World, kept: str, gone: str) -> tuple[UUID, UUID]:
    """Make one person of two pseudonyms, as the command does; return the subjects that are kept and gone."""
    connection = await asyncpg.connect(world.dsn)
    try:
        async with connection.transaction():
            await merges.alone(connection)
            links = await store.known_links(connection, {kept, gone})
            new, old = UUID(links[kept][7:]), UUID(links[gone][7:])
            moved = (await merges.move(connection, {old: new}))[old]
            text = subjects_merged_text(links[gone], links[kept], merged_at=AT, act=7, rules_version="1-abcdef012345")
            await merges.add(connection, Merge(old, new, text.decode(), moved), AT)
        return new, old
    finally:
        await connection.close()


async def published(world: World) -> None:
    for _ in range(600):
        ((left,),) = await world.fetch("SELECT count(*) FROM pcare.merges WHERE published_at IS NULL")
        if not left:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no recorder published the merge")


async def assert_one(world: World, kept: UUID, gone: UUID) -> None:
    """Nothing is left of the subject that is gone, and all that the tables hold is in the log, to the byte."""
    rows = await world.fetch("SELECT subject FROM pcare.interventions WHERE subject = $1", f"person:{gone}")
    assert rows == []
    assert await world.fetch("SELECT * FROM pcare.subjects WHERE subject_id = $1", gone) == []
    log = await world.read(RECORDED)
    assert {json.loads(value)["subject"].encode() == key for key, value in log} == {True}
    texts = {value for _, value in log}
    stored = await world.fetch("SELECT published::text, subject FROM pcare.published JOIN pcare.interventions USING "
                               "(origin_topic, origin_partition, origin_offset)")  # fmt: skip
    for text, subject in stored:
        assert text.encode() in texts
        assert json.loads(text)["subject"] == subject
    said = [json.loads(value)["data"] for value in texts if SUBJECTS_MERGED_TYPE.encode() in value]
    assert {"gone": f"person:{gone}", "kept": f"person:{kept}"} in said


async def test_in_the_middle_of_a_flood_no_event_is_left_behind(world: World) -> None:
    await world.send(event(), event(subject=SAM))
    flood = [event(subject=SAM, id=f"flood-{number}") for number in range(900)]
    async with world.recorder(recorder_batch_events=5) as running:
        await world.settled(running)
        await asyncio.gather(*(world.send(*flood[part::3], partition=part) for part in range(3)))
        await world.until_judged(60)
        kept, gone = await merge(world, ALEX, SAM)
        ((moved,),) = await world.fetch("SELECT cardinality(ids) FROM pcare.merges")
        await world.settled(running)
        await published(world)
        await world.send(*flood[:50], event(subject=SAM, id="after"))
        await world.settled(running)
    assert 1 < moved < 901, "the merge did not come in the middle"
    assert await world.outcomes() == (903, 50, 0)
    ((people,),) = await world.fetch("SELECT count(DISTINCT subject) FROM pcare.interventions")
    assert people == 1
    await assert_one(world, kept, gone)


async def test_a_merge_waits_for_the_batch_under_way_and_the_next_batch_waits_for_it(world: World) -> None:
    await world.send(event(), event(subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
    impatient = {"lock_timeout": "200ms"}
    batch = await asyncpg.connect(world.dsn, server_settings=impatient)
    other = await asyncpg.connect(world.dsn, server_settings=impatient)
    partitions = [Partition(*row) for row in await world.fetch("SELECT topic, partition FROM pcare.cursors")]
    try:
        async with batch.transaction():
            await store.lock_cursors(batch, partitions)
            with pytest.raises(asyncpg.LockNotAvailableError):
                await alone(other)
        async with other.transaction():
            await merges.alone(other)
            with pytest.raises(asyncpg.LockNotAvailableError):
                await store.lock_cursors(batch, partitions)
            await store.read_cursors(batch, partitions)
    finally:
        await batch.close()
        await other.close()


async def alone(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        await merges.alone(connection)


async def test_a_retraction_and_a_retry_under_either_pseudonym_meet_their_event(world: World) -> None:
    first = event(subject=SAM, id="first")
    await world.send(event(), first)
    async with world.recorder() as running:
        await world.settled(running)
        await merge(world, ALEX, SAM)
        await world.send(first, event(subject=ALEX, id="first"), retraction(first, subject=ALEX))
        await world.send(event(subject=SAM, id="first", score=50.0), retraction(first, subject=KIM))
        await world.settled(running)
    assert await world.outcomes() == (3, 2, 2)
    reasons = await world.fetch("SELECT reason FROM pcare.rejections ORDER BY reason")
    assert [row[0] for row in reasons] == ["id_reused", "retraction_mismatch"]


async def test_a_merge_of_merges_ends_with_one_and_a_circle_is_refused(world: World) -> None:
    await world.send(event(), event(subject=SAM), event(subject=KIM))
    async with world.recorder() as running:
        await world.settled(running)
        _, sam = await merge(world, ALEX, SAM)
        kim, alex = await merge(world, KIM, ALEX)
        await published(world)
    assert await world.fetch("SELECT DISTINCT subject FROM pcare.interventions") == [(f"person:{kim}",)]
    ((end,),) = await world.fetch("SELECT pcare.person_of($1)", sam)
    assert end == kim
    connection = await asyncpg.connect(world.dsn)
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await merges.add(connection, Merge(kim, sam, "{}", ()), AT)
    finally:
        await connection.close()
    for kept, gone in ((kim, alex), (alex, sam)):
        await assert_one(world, kept, gone)


@asynccontextmanager
async def backup_of(world: World, server_dsn: str) -> AsyncIterator[World]:
    """Take a backup of the database and restore it beside it: a world with the same topics."""
    name = world.dsn.rpartition("/")[2]
    server = await asyncpg.connect(server_dsn)
    try:
        await server.execute(f"CREATE DATABASE {name}_backup TEMPLATE {name}")
        yield World(world.bootstrap_servers, f"{world.dsn.rpartition('/')[0]}/{name}_backup", world.group)
    finally:
        await server.execute(f"DROP DATABASE IF EXISTS {name}_backup WITH (FORCE)")
        await server.close()


async def interrupted(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Rebuild, and break off where this function would be called."""

    async def away(*_: object) -> None:
        raise ConnectionError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(restore_persons, name, away)
        with pytest.raises(ConnectionError, match="cut off"):
            await rebuild(config(world), say_nothing)


@pytest.mark.parametrize("broken_off", [None, "move_merged", "publish_merges_again"])
async def test_a_database_from_before_the_merge_is_brought_after_it(
    world: World, backend, broken_off: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.send(event(id="a"), event(subject=SAM, id="b"), event(subject=KIM, id="c"))
    async with world.recorder() as running:
        await world.settled(running)
    async with backup_of(world, backend.dsn) as restored:
        async with world.recorder() as running:
            await merge(world, ALEX, SAM)
            kept, gone = await merge(world, KIM, ALEX)
            await world.send(event(subject=SAM, id="d"))
            await world.settled(running)
            await published(world)
        after = await tables(world)
        assert await tables(restored) != after
        if broken_off:
            await interrupted(restored, monkeypatch, broken_off)
        await rebuild(config(restored), say_nothing)
        assert await tables(restored) == after
        rows = await restored.fetch("SELECT published_at, cardinality(ids) FROM pcare.merges")
        assert [tuple(row) for row in rows] == [(None, 4)] * 2, "not all of the person is said anew"
        async with restored.recorder() as running:
            await published(restored)
            await restored.settled(running)
        await assert_one(restored, kept, gone)
        assert await tables(restored) == after


async def test_a_merge_typed_before_the_rebuild_takes_along_what_the_rebuild_restores(world: World, backend) -> None:
    await world.send(event(id="a"), event(subject=SAM, id="b"))
    async with world.recorder() as running:
        await world.settled(running)
    async with backup_of(world, backend.dsn) as restored:
        await world.send(event(subject=SAM, id="c"))
        async with world.recorder() as running:
            await world.settled(running)
        kept, gone = await merge(restored, ALEX, SAM)
        await rebuild(config(restored), say_nothing)
        async with restored.recorder() as running:
            await restored.settled(running)
            await published(restored)
        await assert_one(restored, kept, gone)
        ((people, events),) = await restored.fetch("SELECT count(DISTINCT subject), count(*) FROM pcare.interventions")
        assert (people, events) == (1, 3)


async def test_a_rebuild_of_a_database_that_knows_the_merge_changes_nothing(world: World) -> None:
    await world.send(event(), event(subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
        await merge(world, ALEX, SAM)
        await published(world)
    before = await tables(world), await world.fetch("SELECT m::text FROM pcare.merges AS m")
    await rebuild(config(world), say_nothing)
    assert (await tables(world), await world.fetch("SELECT m::text FROM pcare.merges AS m")) == before
    assert len([key for key, _ in await world.read(SUBJECTS) if key.count(b":") == 1]) == 1


async def test_a_rebuild_knows_by_which_key_persons_are_told_apart(world: World) -> None:
    both = [event(subject=f"person:k2:{name.rpartition(':')[2]}") | {"subjectprev": name} for name in (ALEX, SAM)]
    await world.send(event(), event(subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
        await world.execute("UPDATE pcare.pseudonym_key SET anchor = 'k1', following = 'k2'")
        await world.send(both[0])
        await world.settled(running)
    state = "SELECT anchor, following FROM pcare.pseudonym_key"
    said: list[str] = []
    for expected in (("k1", "k2"), ("k2", None)):
        await lose_the_database(world)
        await rebuild(config(world), said.append)
        assert [tuple(row) for row in await world.fetch(state)] == [expected]
        async with world.recorder() as running:
            await world.send(both[1])
            await world.settled(running)
    assert any("persons are told apart by the pseudonym key k1" in line for line in said)


def under(key: str, pseudonym: str) -> str:
    return f"person:{key}:{pseudonym.rpartition(':')[2]}"


STATE = "SELECT anchor, following FROM pcare.pseudonym_key"


async def test_a_backup_from_before_the_key_was_changed_is_told_by_whom_it_does_not_know(world: World) -> None:
    """Whoever began since has no pseudonym under the key that the restored table names."""
    await world.send(event())
    async with world.recorder() as running:
        await world.settled(running)
        await world.execute("UPDATE pcare.pseudonym_key SET anchor = 'k1', following = 'k2'")
        await world.send(event(subject=under("k2", ALEX)) | {"subjectprev": ALEX})
        await world.settled(running)
        await world.execute("UPDATE pcare.pseudonym_key SET anchor = 'k2', following = NULL")
        await world.send(event(subject=under("k2", SAM)))
        await world.settled(running)
    said: list[str] = []
    for stale in ("anchor = 'k1', following = 'k2'", "anchor = 'k1', following = NULL"):
        await world.execute(f"UPDATE pcare.pseudonym_key SET {stale}")  # noqa: S608
        await rebuild(config(world), said.append)
        assert [tuple(row) for row in await world.fetch(STATE)] == [("k2", None)]
    assert any("persons are told apart by the pseudonym key k2" in line for line in said)
    await world.send(event(subject=under("k2", KIM)))
    async with world.recorder() as running:
        await world.settled(running)
    assert await world.outcomes() == (4, 0, 0)


async def test_a_change_of_the_key_that_a_backup_has_not_heard_of_can_be_finished(world: World) -> None:
    await world.execute("UPDATE pcare.pseudonym_key SET anchor = 'k1', following = 'k2'")
    await world.send(event(subject=under("k2", ALEX)) | {"subjectprev": ALEX}, event(subject=SAM))
    await world.send(event(subject=under("k999", SAM)) | {"subjectprev": under("k1", SAM)}, event(subject=KIM))
    await world.send(event(subject=under("k2", KIM)) | {"subjectprev": KIM})
    async with world.recorder() as running:
        await world.settled(running)
    await world.execute("UPDATE pcare.pseudonym_key SET following = NULL")
    said: list[str] = []
    await rebuild(config(world), said.append)
    assert [tuple(row) for row in await world.fetch(STATE)] == [("k1", "k2")]
    assert any("pcare keys rotate --finish" in line for line in said)


async def test_a_person_of_two_numbers_who_has_only_one_under_the_new_key_is_not_said_to_be_moved(
    world: World,
) -> None:
    await world.send(event(), event(subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
        await merge(world, ALEX, SAM)
        await published(world)
        await world.execute("UPDATE pcare.pseudonym_key SET anchor = 'k1', following = 'k2'")
        await world.send(event(subject=under("k2", ALEX)) | {"subjectprev": ALEX})
        await world.settled(running)
    for number, expected in ((ALEX, ("k1", "k2")), (SAM, ("k2", None))):
        async with world.recorder() as running:
            await world.send(event(subject=under("k2", number)) | {"subjectprev": number})
            await world.settled(running)
        await world.execute("UPDATE pcare.pseudonym_key SET anchor = NULL, following = NULL")
        await rebuild(config(world), say_nothing)
        assert [tuple(row) for row in await world.fetch(STATE)] == [expected]
        await world.execute("UPDATE pcare.pseudonym_key SET anchor = 'k1', following = 'k2'")


async def test_a_wrong_pair_makes_no_two_people_one_in_the_database_either(world: World) -> None:
    await world.execute("UPDATE pcare.pseudonym_key SET anchor = 'k1', following = 'k2'")
    new = under("k2", SAM)
    await world.send(event(id="alex"))
    async with world.recorder() as running:
        await world.settled(running)
        await world.send(event(subject=new, id="wrong") | {"subjectprev": ALEX})
        await world.settled(running)
        await world.send(event(subject=new, id="right") | {"subjectprev": SAM})
        await world.settled(running)
        await world.send(event(subject=SAM, id="sam"), event(subject=new, id="right") | {"subjectprev": SAM})
        await world.settled(running)
    subjects = {row[0]: row[1] for row in await world.fetch("SELECT id, subject FROM pcare.interventions")}
    assert subjects["alex"] == subjects["wrong"] != subjects["right"] == subjects["sam"]
    assert await world.outcomes() == (4, 1, 0)
