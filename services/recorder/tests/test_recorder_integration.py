"""The recorder against real Kafka and real PostgreSQL: what it records, refuses and publishes."""

import asyncio
import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from recorder_events import ALEX, KIM, SAM, event, retraction
from recorder_world import RKE_TOPIC, World, assert_exact, ids

from pcare_schemas.examples import ROYAL_FREE, VALID
from pcare_schemas.rejections import Reason
from pcare_schemas.topics import REJECTED, SUBMITTED

pytestmark = pytest.mark.integration

NHS_NUMBER = "9990000018"
LIMITED = "urn:ncl:provider:limited"
REGISTER_LIMITED = f"""
    INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'provider-added', 'a test');
    INSERT INTO pcare.register (source, name, kind, kinds, act)
    SELECT '{LIMITED}', 'Limited', 'council', '{{sp-referral}}', max(number) FROM pcare.acts
"""  # noqa: S608


async def test_every_kind_is_recorded_and_published(world: World) -> None:
    await world.send(*VALID.values())
    async with world.recorder() as running:
        await world.settled(running)
    assert await world.outcomes() == (len(VALID), 0, 0)
    await assert_exact(world)
    rows = await world.fetch("SELECT DISTINCT kind FROM pcare.interventions")
    assert {row[0] for row in rows} == set(VALID)
    rules = await world.fetch("SELECT version FROM pcare.rules")
    versions = await world.fetch("SELECT DISTINCT rules_version FROM pcare.interventions")
    assert [tuple(row) for row in rules] == [tuple(row) for row in versions]


def wrong_events() -> dict[Reason, Any]:
    """Return one record for each reason; the last three need what the test sends before."""
    return {
        Reason.not_json: b'{"specversion": "1.0",',
        Reason.not_cloudevent: b'{"hello": "there"}',
        Reason.unknown_type: event() | {"type": "uk.nhs.ncl.personalised-care.pam-scored.v9"},
        Reason.invalid_data: event(score=101.0),
        Reason.unknown_code: event("sdm-conversation", situation="stubbed_toe"),
        Reason.unknown_provider: event(source="https://fhir.nhs.uk/Id/ods-organization-code/ZZZ99"),
        Reason.kind_not_allowed: event("pam-scored", source=LIMITED),
        Reason.identifiable_data: event("sp-referral", referral_ref=NHS_NUMBER),
        Reason.time_out_of_range: event(time="2014-12-31T23:59:59Z"),
        Reason.too_large: b'{"specversion": "1.0", "id": "' + b"x" * 2_000_000 + b'"}',
        Reason.id_reused: event(id="first", score=50.0),
        Reason.not_retractable: event("event-retracted", retracts="taken-back"),
        Reason.retraction_mismatch: event("event-retracted", subject=SAM, retracts="first"),
    }


async def test_every_reason_on_the_kafka_way_and_the_neighbours_are_recorded(world: World) -> None:
    target = event(id="target")
    good = [event(id="first", score=52.9), target, retraction(target, id="taken-back")]
    await world.execute(REGISTER_LIMITED)
    await world.send(*good)
    wrong = wrong_events()
    for value in wrong.values():
        neighbours = [event(), event(subject=SAM)]
        await world.send(neighbours[0], value, neighbours[1])
        good += neighbours
    await world.send(event(), key=SAM.encode())
    await world.send(event(source=ROYAL_FREE), topic=RKE_TOPIC)
    expected = {*wrong, Reason.key_mismatch, Reason.source_not_allowed}
    # tests/test_key_rotation.py has the one that comes up while the pseudonym key is changed
    assert expected == set(Reason) - {Reason.unlinked_pseudonym}
    async with world.recorder() as running:
        await world.settled(running)
    rows = await world.fetch("SELECT reason, count(*) FROM pcare.rejections GROUP BY reason")
    assert dict(map(tuple, rows)) == dict.fromkeys(map(str, expected), 1)
    assert await world.outcomes() == (len(good), 0, len(expected))
    recorded = await world.fetch("SELECT id FROM pcare.interventions")
    assert sorted(row[0] for row in recorded) == sorted(ids(good))
    await assert_exact(world)


async def test_no_nhs_number_passes_the_recorder(world: World) -> None:
    spaced = json.dumps(event("sp-referral", referral_ref="R1")).replace("R1", "999 000 0018").encode()
    await world.send(event("sp-referral", referral_ref=NHS_NUMBER), spaced, event())
    async with world.recorder() as running:
        await world.settled(running)
    assert await world.outcomes() == (1, 0, 2)
    for _, value in await world.read(REJECTED):
        assert NHS_NUMBER.encode() not in value.replace(b" ", b"")
    stored = await world.fetch("SELECT published::text, evidence, redacted FROM pcare.rejections")
    for published, evidence, redacted in stored:
        assert NHS_NUMBER not in published
        assert redacted
        assert NHS_NUMBER.encode() not in evidence.replace(b" ", b"")


async def test_no_pseudonym_reaches_the_log(world: World) -> None:
    await world.send(event(), event(subject=SAM))
    async with world.recorder() as running:
        await world.settled(running)
    for key, value in await world.read("interventions.recorded"):
        assert ALEX.encode() not in value
        assert SAM.encode() not in value
        assert key.startswith(b"person:")
        assert json.loads(value)["subject"].encode() == key


async def test_an_event_sent_a_thousand_times_counts_once(world: World) -> None:
    once = event()
    await world.send(*[once] * 1000)
    async with world.recorder(recorder_batch_events=64) as running:
        await world.settled(running)
        await world.send(*[once] * 10)
        await world.settled(running)
    assert await world.outcomes() == (1, 1009, 0)
    await assert_exact(world)


async def test_two_recorders_share_the_work_and_count_each_event_once(world: World) -> None:
    people = [f"person:k1:{number:032x}" for number in range(300)]
    same = [event(subject=subject) for subject in people]
    async with world.recorder(recorder_batch_events=50) as one, world.recorder(recorder_batch_events=50) as other:
        await world.until_members(2)
        await asyncio.gather(
            world.send(*same, topic=SUBMITTED, partition=0),
            world.send(*reversed(same), topic=SUBMITTED, partition=1),
            world.send(*same, topic=RKE_TOPIC, partition=0),
        )
        await world.settled(one, other)
    assert await world.outcomes() == (300, 600, 0)
    await assert_exact(world)


async def test_two_recorders_that_each_believe_to_own_everything_fence_each_other(world: World) -> None:
    """Two groups on one database: whatever one writes, the other must not write again."""
    people = [f"person:k1:{number:032x}" for number in range(100)]
    events = [event(subject=subject) for _ in range(10) for subject in people]
    zombie = World(world.bootstrap_servers, world.dsn)
    async with (
        world.recorder(recorder_batch_events=40) as one,
        zombie.recorder(recorder_batch_events=40) as other,
    ):
        for first in range(0, len(events), 100):
            await world.send(*events[first : first + 100], partition=first // 100 % 3)
        await world.settled(one, other)
        await zombie.settled(one, other)
    assert await world.outcomes() == (1000, 0, 0)
    await assert_exact(world)


async def test_a_retraction_finds_its_target_across_batches_and_partitions(world: World) -> None:
    target = event(id="target")
    await world.send(target, partition=0)
    async with world.recorder() as running:
        await world.settled(running)
        await world.send(retraction(target, subject=KIM), retraction(target), partition=1)
        await world.settled(running)
    rows = await world.fetch("SELECT reason FROM pcare.rejections")
    assert [row[0] for row in rows] == [Reason.retraction_mismatch]
    assert await world.outcomes() == (2, 0, 1)
    await assert_exact(world)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_provider_may_compress_as_it_likes(world: World, codec: str) -> None:
    await world.send(*[event() for _ in range(20)], codec=codec)
    async with world.recorder() as running:
        await world.settled(running)
    assert await world.outcomes() == (20, 0, 0)


@pytest.mark.parametrize("abort", [True, False])
async def test_control_and_aborted_records_are_passed_and_counted_as_nothing(world: World, abort: bool) -> None:
    async def transact(*events: dict[str, Any]) -> None:
        async with world.transaction(abort=abort) as producer:
            for one in events:
                await producer.send_and_wait(
                    SUBMITTED, value=json.dumps(one).encode(), key=one["subject"].encode(), partition=0
                )

    await world.send(event())
    await transact(event(), event())
    await world.send(event())
    await transact(event())
    async with world.recorder(recorder_batch_events=1) as running:
        await world.settled(running)  # also past the control record at the end
        await transact(event())
        await world.send(event())
        await transact(event())
        await world.settled(running)
    assert await world.outcomes() == ((3 if abort else 8), 0, 0)
    await assert_exact(world)


async def test_an_open_transaction_is_waited_for(world: World) -> None:
    async with world.recorder() as running:
        async with world.transaction(abort=False) as producer:
            await _send(producer, event())
            await world.send(event())
            await asyncio.sleep(1)
            assert await world.outcomes() == (0, 0, 0)
        await world.settled(running)
    assert await world.outcomes() == (2, 0, 0)


async def _send(producer: AIOKafkaProducer, value: dict[str, Any]) -> None:
    await producer.send_and_wait(
        SUBMITTED, value=json.dumps(value).encode(), key=value["subject"].encode(), partition=0
    )
