"""Where Kafka was lost entirely, the log is made anew from the database: the same texts, and no origin twice."""

from dataclasses import replace
from typing import Any

import pytest
from kafka import KafkaAdminClient
from recorder_events import ALEX, KIM, SAM, event, retraction
from recorder_world import RKE_TOPIC, World, assert_exact, make_topics, until

from pcare_common.errors import OperatorError
from pcare_recorder import beginning
from pcare_recorder import republish as republishing
from pcare_recorder.rebuild import RebuildSettings, rebuild
from pcare_recorder.republish import republish
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, SUBMITTED

pytestmark = pytest.mark.integration

TABLES = ("interventions", "published", "subjects", "rejections")


def config(world: World) -> RebuildSettings:
    return RebuildSettings(
        kafka_bootstrap_servers=world.bootstrap_servers, postgres_dsn=world.dsn, recorder_group=world.group
    )


async def rows(world: World) -> dict[str, list[str]]:
    return {
        table: [row[0] for row in await world.fetch(f"SELECT t::text FROM pcare.{table} AS t ORDER BY 1")]  # noqa: S608
        for table in TABLES
    }


async def texts(world: World) -> dict[str, set[tuple[bytes, bytes]]]:
    return {topic: set(await world.read(topic)) for topic in (RECORDED, SUBJECTS, REJECTED)}


async def record_a_mixture(world: World) -> None:
    first = event(id="first")
    await world.send(first, event(subject=SAM), b"broken", first, event(id="first", score=50.0))
    await world.send(event("sp-declined", referral_ref=None), retraction(first), partition=1)
    await world.send(event("sp-closed", referral_ref="R", ref_source=first["source"]), topic=RKE_TOPIC)
    async with world.recorder() as running:
        await world.settled(running)


def lose_kafka(world: World) -> World:
    """Lose every topic and what the group had committed."""
    make_topics(world.bootstrap_servers)
    return replace(world, group=f"{world.group}-anew")


async def lose_power(*_: object) -> None:
    raise OSError("lost power")


async def test_the_log_is_the_same_bytes_again_and_the_recorder_goes_on_behind_its_cursors(world: World) -> None:
    await record_a_mixture(world)
    before, said = await texts(world), []
    stored = await rows(world)
    anew = lose_kafka(world)
    await republish(config(anew), said.append)
    assert await texts(anew) == before
    assert f"{SUBMITTED}/0: begins at 5" in said
    assert await rows(anew) == stored
    await anew.send(event(id="first"), event(id="new", subject=KIM))
    async with anew.recorder() as running:
        await anew.settled(running)
    assert await anew.outcomes() == (1, 1, 0)
    last = await anew.fetch("SELECT origin_offset FROM pcare.interventions WHERE id = 'new'")
    assert last[0][0] == 6
    await assert_exact(anew)
    # and from this log a lost database is restored
    whole = await rows(anew)
    await anew.execute("TRUNCATE pcare.interventions, pcare.published, pcare.subjects, pcare.rejections, pcare.cursors")
    await rebuild(config(anew), lambda _: None)
    assert await rows(anew) == whole


async def test_what_came_before_the_log_was_republished_is_recorded_behind_it(world: World) -> None:
    await record_a_mixture(world)
    anew = lose_kafka(world)
    await anew.send(event(id="early", subject=KIM), event(id="first"))
    said: list[str] = []
    await republish(config(anew), said.append)
    assert f"{SUBMITTED}/0: begins at 5; 2 records that came since stand behind it" in said
    async with anew.recorder() as running:
        await anew.settled(running)
    found = await anew.fetch("SELECT origin_offset FROM pcare.interventions WHERE id = 'early'")
    assert [row[0] for row in found] == [5]
    assert await anew.outcomes() == (1, 1, 0)
    await assert_exact(anew)


async def test_one_topic_that_was_made_anew_begins_where_the_database_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "CHECK_SECONDS", 0.05)
    await record_a_mixture(world)
    before, stored = await texts(world), await rows(world)
    admin = KafkaAdminClient(bootstrap_servers=world.bootstrap_servers)
    admin.delete_topics([SUBMITTED])
    until(lambda: SUBMITTED not in admin.list_topics())
    configs = {"message.timestamp.type": "LogAppendTime"}
    admin.create_topics({SUBMITTED: {"num_partitions": 3, "replication_factor": 1, "configs": configs}})
    admin.wait_for_topics([SUBMITTED])
    admin.close()
    await world.send(event(id="early", subject=KIM))
    with pytest.raises(OperatorError, match="The topic was deleted and made anew"):
        async with world.recorder() as running:
            await running
    said: list[str] = []
    await republish(config(world), said.append, f"{SUBMITTED}/1")
    assert said[-2] == f"{SUBMITTED}/1: begins at 2"
    # as in a backup from before, and rebuilt since: the rows of the topic are there, its cursor is not
    await world.execute(
        "UPDATE pcare.cursors SET next_offset = 2, recorded = 2, duplicates = 0, rejected = 0 "
        "WHERE topic = 'interventions.submitted' AND partition = 0"
    )
    await republish(config(world), said.append, SUBMITTED)
    assert f"{SUBMITTED}/0: begins at 5; 1 records that came since stand behind it" in said
    assert not [line for line in said if RKE_TOPIC in line]
    assert await texts(world) == before
    assert await rows(world) == stored
    with pytest.raises(OperatorError, match="the log is not lost"):
        await republish(config(world), said.append, RKE_TOPIC)
    with pytest.raises(OperatorError, match=r"no cursor of interventions\.submitted\.nobody"):
        await republish(config(world), said.append, f"{SUBMITTED}.nobody")
    async with world.recorder() as running:
        await world.settled(running)
    found = await world.fetch("SELECT origin_offset FROM pcare.interventions WHERE id = 'early'")
    assert [row[0] for row in found] == [5]
    await assert_exact(world)


async def test_it_may_be_run_again_after_it_was_interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await record_a_mixture(world)
    before = await texts(world)
    anew = lose_kafka(world)
    await anew.send(event(id="early", subject=KIM))

    with monkeypatch.context() as patch:
        patch.setattr("aiokafka.admin.AIOKafkaAdminClient.delete_records", lose_power)
        with pytest.raises(OSError, match="lost power"):
            await republish(config(anew), lambda _: None)
    for _ in range(2):
        await republish(config(anew), lambda _: None)
    assert await texts(anew) == before
    async with anew.recorder() as running:
        await anew.settled(running)
    assert await anew.outcomes() == (1, 1, 0)  # it was said behind the cursor twice
    await assert_exact(anew)


async def test_a_log_that_is_there_is_left_alone(world: World) -> None:
    await record_a_mixture(world)
    before = await texts(world)
    forgotten = replace(world, group="another")  # Kafka forgets what a group committed after a week
    for asked in (world, forgotten):
        with pytest.raises(OperatorError, match="the log is not lost"):
            await republish(config(asked), lambda _: None)
    assert await texts(world) == before
    await assert_exact(world)


async def test_a_rebuild_sets_no_cursor_back_to_a_log_that_lost_everything(world: World) -> None:
    await record_a_mixture(world)
    cursors = await world.fetch("SELECT * FROM pcare.cursors")
    with pytest.raises(OperatorError, match=r"it is Kafka that was lost\. `pcare republish`"):
        await rebuild(config(lose_kafka(world)), lambda _: None)
    assert await world.fetch("SELECT * FROM pcare.cursors") == cursors


async def test_not_without_the_topics_and_not_from_an_empty_database(world: World) -> None:
    with pytest.raises(OperatorError, match="nothing was ever recorded"):
        await republish(config(world), lambda _: None)
    await record_a_mixture(world)
    anew = lose_kafka(world)
    admin = KafkaAdminClient(bootstrap_servers=world.bootstrap_servers)
    try:
        admin.delete_topics([RKE_TOPIC])
        until(lambda: RKE_TOPIC not in admin.list_topics())
    finally:
        admin.close()
    with pytest.raises(OperatorError, match=f"Kafka lacks {RKE_TOPIC}"):
        await republish(config(anew), lambda _: None)


async def test_no_pseudonym_of_a_person_whose_links_were_erased_comes_back(world: World) -> None:
    await world.send(event(), event(subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
    await world.execute(f"DELETE FROM pcare.subjects WHERE pseudonym = '{ALEX}'")  # noqa: S608
    anew = lose_kafka(world)
    await republish(config(anew), lambda _: None)
    assert {key for key, _ in await anew.read(SUBJECTS)} == {SAM.encode()}
    texts_again = [value for _, value in await anew.read(RECORDED)]
    assert len(texts_again) == 2
    assert not [value for value in texts_again if ALEX.encode() in value]


@pytest.mark.parametrize("interrupted", [False, True])
async def test_what_comes_while_the_log_is_republished_is_recorded_too(
    world: World, monkeypatch: pytest.MonkeyPatch, *, interrupted: bool
) -> None:
    await record_a_mixture(world)
    anew = lose_kafka(world)
    merges = republishing._publish_merges_again

    async def provider_sends(*arguments: Any) -> None:
        await anew.send(*[event(id=f"meanwhile-{number}", subject=KIM) for number in range(3)])
        await merges(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(republishing, "_publish_merges_again", provider_sends)
        if interrupted:
            patch.setattr("aiokafka.admin.AIOKafkaAdminClient.delete_records", lose_power)
            with pytest.raises(OSError, match="lost power"):
                await republish(config(anew), lambda _: None)
        else:
            await republish(config(anew), lambda _: None)
    if interrupted:
        await republish(config(anew), lambda _: None)
    async with anew.recorder() as running:
        await anew.settled(running)
    found = await anew.fetch("SELECT id FROM pcare.interventions WHERE id LIKE 'meanwhile-%' ORDER BY id")
    assert [row[0] for row in found] == ["meanwhile-0", "meanwhile-1", "meanwhile-2"]
    assert await anew.outcomes() == (3, 3 if interrupted else 0, 0)  # and nothing of the filling was taken for an event
    await assert_exact(anew)
