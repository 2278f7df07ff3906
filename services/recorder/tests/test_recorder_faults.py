"""What the recorder withstands: it is killed, stopped, fenced, and left alone by its database and its topics."""

import asyncio
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from kafka import KafkaAdminClient
from kafka import TopicPartition as AdminPartition
from recorder_events import SAM, event, retraction
from recorder_world import World, assert_exact, make_topics, until

from pcare_common.errors import OperatorError
from pcare_local.ports import free_ports, is_open
from pcare_recorder import beginning
from pcare_recorder.cursors import Held
from pcare_recorder.faults import Point
from pcare_recorder.intake import Intake
from pcare_schemas.topics import RECORDED, SUBMITTED

if TYPE_CHECKING:
    from backends import Backend

pytestmark = pytest.mark.integration


def mixture(count: int) -> list[dict[str, Any] | bytes]:
    """Return events of which some are new, some repeated, some broken, some retracted."""
    people = [f"person:k1:{number:032x}" for number in range(count)]
    events: list[dict[str, Any] | bytes] = []
    for place, subject in enumerate(people):
        new = event(subject=subject)
        events.append(new)
        if place % 5 == 0:
            events.append(new)
        if place % 7 == 0:
            events.append(b"broken")
        if place % 11 == 0:
            events.append(retraction(new))
    return events


GRACE = 20.0  # ten seconds, and a machine that does other things as well


def ended(process: "subprocess.Popen[bytes]", *, status: int, seconds: float = 60.0) -> None:
    assert process.wait(seconds) == status


IN_A_BATCH = [
    Point.MIDDLE_OF_BATCH,
    Point.BEFORE_DATABASE_COMMIT,
    Point.AFTER_DATABASE_COMMIT,
    Point.BEFORE_PUBLISH,
    Point.MIDDLE_OF_PUBLISH,
    Point.WHILE_PUBLISHING_REJECTIONS,
    Point.AFTER_PUBLISH,
    Point.BEFORE_OFFSET_COMMIT,
    Point.AFTER_OFFSET_COMMIT,
]


@pytest.mark.parametrize("point", IN_A_BATCH)
async def test_killed_at_any_instant_it_continues_exactly(world: World, point: Point) -> None:
    events = mixture(120)
    for partition in range(3):
        await world.send(*events[partition::3], partition=partition)
    ended(world.process(point, "2", "kill", PCARE_RECORDER_BATCH_EVENTS="40"), status=-signal.SIGKILL)
    before = await world.read(RECORDED)
    async with world.recorder() as running:
        await world.settled(running)
    await assert_exact(world)
    assert sum(await world.outcomes()) == len(events)
    assert set(before) <= set(await world.read(RECORDED))


@pytest.mark.parametrize("point", [Point.BEFORE_START, Point.MIDDLE_OF_REPUBLISH, Point.BEFORE_PUBLISH])
async def test_killed_again_while_it_makes_up_for_the_first_time(world: World, point: Point) -> None:
    await world.send(*mixture(60))
    ended(
        world.process(Point.AFTER_DATABASE_COMMIT, "1", "kill", PCARE_RECORDER_BATCH_EVENTS="50"),
        status=-signal.SIGKILL,
    )
    published = await world.read(RECORDED)
    assert published == []
    ended(world.process(point, "1", "kill"), status=-signal.SIGKILL)
    async with world.recorder() as running:
        await world.settled(running)
    await assert_exact(world)


async def test_a_copy_that_slept_through_its_session_writes_nothing_when_it_wakes(world: World) -> None:
    """SIGSTOP in the middle of a batch; another copy, of another group so as not to wait, does the work meanwhile."""
    await world.send(*mixture(60))
    sleeper = world.process(Point.BEFORE_START, "1", "stop")
    until(lambda: _state(sleeper.pid) == "T")
    heir = World(world.bootstrap_servers, world.dsn)
    async with heir.recorder(recorder_batch_events=20) as running:
        await heir.settled(running)
    sleeper.send_signal(signal.SIGCONT)
    await world.settled()
    sleeper.terminate()
    ended(sleeper, status=0)
    await assert_exact(world)


async def test_a_copy_that_wakes_in_the_middle_of_a_transaction_is_fenced(world: World) -> None:
    await world.send(*mixture(60))
    sleeper = world.process(Point.BEFORE_DATABASE_COMMIT, "1", "stop", PCARE_RECORDER_BATCH_EVENTS="30")
    until(lambda: _state(sleeper.pid) == "T")
    heir = World(world.bootstrap_servers, world.dsn)
    async with heir.recorder(recorder_batch_events=20) as running:
        await asyncio.sleep(1)  # it waits for the sleeper's locks; in production the server ends that session
        await world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'"
        )
        await heir.settled(running)
    sleeper.send_signal(signal.SIGCONT)
    await world.settled()
    sleeper.terminate()
    ended(sleeper, status=0)
    await assert_exact(world)


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        return file.read().rsplit(")", 1)[1].split()[0]


async def test_sigterm_finishes_what_is_in_hand_within_ten_seconds(world: World) -> None:
    events = mixture(3000)
    await world.send(*events)
    process = world.process(PCARE_RECORDER_BATCH_EVENTS="100")
    await world.until_judged(1)
    started = time.monotonic()
    process.terminate()
    ended(process, status=0)
    assert time.monotonic() - started < GRACE
    await world.until_members(0)
    rows = await world.fetch("SELECT topic, partition, next_offset FROM pcare.cursors")
    judged = {(row[0], row[1]): row[2] for row in rows}
    assert judged == {partition: offset or 0 for partition, offset in (await world.committed()).items()}
    async with world.recorder() as running:
        await world.settled(running)
    await assert_exact(world)


async def test_a_database_that_is_away_for_ten_seconds_rejects_nothing(world: World, backend: "Backend") -> None:
    async with world.recorder() as running:
        await world.send(event())
        await world.settled(running)
        backend.kill_postgres()
        await world.send(*mixture(50))
        await asyncio.sleep(10)
        assert not running.done()
        backend.start_postgres()
        await world.settled(running)
    await assert_exact(world)
    rejected = await world.fetch("SELECT DISTINCT reason FROM pcare.rejections")
    assert [row[0] for row in rejected] == ["not_json"]


async def test_sessions_that_the_server_ends_are_made_anew(world: World) -> None:
    async with world.recorder(recorder_batch_events=10) as running:
        for _ in range(10):
            await world.send(*mixture(20))
            await world.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pcare-recorder'"
                " AND datname = current_database()"
            )
        await world.settled(running)
    await assert_exact(world)


async def test_a_broker_that_is_killed_and_comes_back(world: World, backend: "Backend") -> None:
    async with world.recorder() as running:
        await world.send(*mixture(50))
        await world.settled(running)
        backend.kill_kafka()
        await asyncio.sleep(3)
        backend.start_kafka()
        await world.send(*mixture(50))
        await world.settled(running)
    await assert_exact(world)


async def test_it_waits_for_a_database_that_is_not_there_yet(world: World, backend: "Backend") -> None:
    await world.send(event())
    backend.kill_postgres()
    async with world.recorder() as running:
        await asyncio.sleep(2)
        assert not running.done()
        backend.start_postgres()
        await world.settled(running)
    await assert_exact(world)


async def test_asked_to_stop_while_waiting_it_stops(world: World, backend: "Backend") -> None:
    backend.kill_postgres()
    (port,) = free_ports(1)
    try:
        process = world.process(PCARE_RECORDER_HTTP_PORT=str(port))
        until(lambda: is_open(port))
        await asyncio.sleep(2)
        started = time.monotonic()
        process.terminate()
        ended(process, status=0)
        assert time.monotonic() - started < GRACE
    finally:
        backend.start_postgres()


async def test_a_database_that_lacks_letters_is_refused(world: World) -> None:
    from pcare_recorder import migrate

    await world.execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    connection = await asyncpg.connect(f"{world.dsn.rsplit('/', 1)[0]}/latin")
    try:
        for refuses in (migrate.apply, migrate.check):
            with pytest.raises(OperatorError, match="keeps text as LATIN1"):
                await refuses(connection)
    finally:
        await connection.close()
        await world.execute("DROP DATABASE latin")


async def test_a_database_that_was_not_migrated_is_refused(world: World) -> None:
    await world.execute("DROP SCHEMA pcare CASCADE")
    with pytest.raises(OperatorError, match=r"lacks 0001_record, .*Run `python -m pcare_recorder.migrate`"):
        async with world.recorder() as running:
            await running
    process = world.process()
    ended(process, status=78)


async def test_retention_that_overtook_the_cursor_stops_with_the_exact_gap(world: World) -> None:
    await world.send(event(), event())
    async with world.recorder() as running:
        await world.settled(running)
    await world.send(*[event() for _ in range(8)])
    await delete_records(world, before=7)
    with pytest.raises(OperatorError, match=r"submitted/0: offsets 2 to 6 \(5 at most\) were deleted by retention"):
        async with world.recorder() as running:
            await running
    assert await world.outcomes() == (2, 0, 0)
    await world.execute(  # as docs/recorder.md has it
        "UPDATE pcare.cursors SET next_offset = 7"
        " WHERE topic = 'interventions.submitted' AND partition = 0 AND next_offset = 2"
    )
    async with world.recorder() as running:
        await world.settled(running)
    assert await world.outcomes() == (5, 0, 0)


async def test_retention_that_overtakes_a_running_recorder_stops_it_too(world: World) -> None:
    await world.send(event(), event())
    process = world.process(capture=True)
    await world.settled()
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(5)  # what it has asked for is answered: nothing new
    await world.send(*[event() for _ in range(8)])
    await delete_records(world, before=7)
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 78
    assert b"submitted/0: offsets 2 to 6 (5 at most) were deleted by retention" in said
    assert await world.outcomes() == (2, 0, 0)


async def delete_records(world: World, *, before: int) -> None:
    def delete() -> None:
        admin = KafkaAdminClient(bootstrap_servers=world.bootstrap_servers)
        admin.delete_records({AdminPartition(SUBMITTED, 0): before})
        admin.close()

    await asyncio.to_thread(delete)


async def test_brokers_that_remember_late_what_was_committed_are_given_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a loss of power the brokers answer for a while with less than they have, and call it no error."""
    await world.send(*[event() for _ in range(8)])
    async with world.recorder() as running:
        await world.settled(running)
    published = await world.read(RECORDED)
    monkeypatch.setattr(beginning, "CHECK_SECONDS", 0.05)
    for name, forgets in (("committed", lambda _: None), ("held", lambda _: Held(0, 0))):
        monkeypatch.setattr(Intake, name, late(getattr(Intake, name), forgets, times=4))
    async with world.recorder() as running:
        await world.send(event())
        await world.settled(running)
    assert len(await world.read(RECORDED)) == len(published) + 1
    await assert_exact(world)


def late(ask: Callable[..., Awaitable[dict[Any, Any]]], forgets: Callable[[Any], Any], *, times: int) -> Any:
    left = times

    async def answer(*given: Any, **more: Any) -> dict[Any, Any]:
        nonlocal left
        left -= 1
        remembered = await ask(*given, **more)
        return {key: forgets(value) for key, value in remembered.items()} if left >= 0 else remembered

    return answer


async def test_a_committed_offset_that_never_comes_back_publishes_everything_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.send(*[event() for _ in range(8)])
    async with world.recorder() as running:
        await world.settled(running)
    monkeypatch.setattr(beginning, "CHECK_SECONDS", 0.05)
    another_group = World(world.bootstrap_servers, world.dsn)
    async with another_group.recorder() as running:
        await another_group.settled(running)
    assert len(await world.read(RECORDED)) == 16
    await assert_exact(world)


@pytest.mark.parametrize("later", [1, 5])
async def test_a_topic_that_was_made_anew_is_refused_however_far_it_has_grown(
    world: World, later: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "CHECK_SECONDS", 0.05)
    await world.send(event(), event())
    async with world.recorder() as running:
        await world.settled(running)
    await asyncio.to_thread(make_topics, world.bootstrap_servers)
    await world.send(*[event() for _ in range(later)])
    with pytest.raises(OperatorError, match="The topic was deleted and made anew"):
        async with world.recorder() as running:
            await running
    assert await world.outcomes() == (2, 0, 0)


async def test_a_topic_made_anew_of_which_all_was_rejected_is_refused_too(world: World) -> None:
    await world.send(b"broken", b"broken")
    async with world.recorder() as running:
        await world.settled(running)
    await asyncio.to_thread(make_topics, world.bootstrap_servers)
    await world.send(*[event() for _ in range(5)])
    with pytest.raises(OperatorError, match="The topic was deleted and made anew"):
        async with world.recorder() as running:
            await running
    assert await world.outcomes() == (0, 0, 2)


async def test_asked_to_stop_while_kafka_is_away_it_stops(world: World, backend: "Backend") -> None:
    await world.send(event())
    process = world.process()
    await world.settled()
    backend.kill_kafka()
    try:
        await asyncio.sleep(3)
        started = time.monotonic()
        process.terminate()
        ended(process, status=0)
        assert time.monotonic() - started < GRACE
    finally:
        backend.start_kafka()


async def test_a_topic_that_keeps_the_senders_time_is_refused(world: World) -> None:
    # made so: a setting that is changed takes effect some time after Kafka has answered
    await asyncio.to_thread(make_topics, world.bootstrap_servers, times="CreateTime")
    await world.send(event())
    with pytest.raises(OperatorError, match="keeps the sender's time"):
        async with world.recorder() as running:
            await running
    assert await world.outcomes() == (0, 0, 0)


async def test_probes_and_metrics_say_what_is(world: World, backend: "Backend") -> None:
    (port,) = free_ports(1)

    def ask(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    async with world.recorder(recorder_http_port=port) as running:
        one = event()
        await world.send(one, one, b"broken", event(subject=SAM))
        await world.settled(running)
        assert (await asyncio.to_thread(ask, "/health/ready"))[0] == 200
        assert (await asyncio.to_thread(ask, "/health/live"))[0] == 200
        wanted = (
            'pcare_recorder_events_total{outcome="recorded"} 2.0',
            'pcare_recorder_events_total{outcome="duplicate"} 1.0',
            'pcare_recorder_rejected_total{provider="unknown",reason="not_json"} 1.0',
            'pcare_recorder_cursor_events{outcome="rejected",partition="0",topic="interventions.submitted"} 1.0',
            'pcare_recorder_next_offset{partition="0",topic="interventions.submitted"} 4.0',
            "pcare_recorder_progress_age_seconds 0.0",
        )

        def all_said() -> bool:
            return set(wanted) <= set(ask("/metrics")[1].splitlines())

        def misses_postgres() -> bool:
            status, said = ask("/health/ready")
            return status == 503 and "PostgreSQL has not answered" in json.loads(said)["reasons"][0]

        await asyncio.to_thread(until, all_said)
        backend.kill_postgres()
        await world.send(event())
        await asyncio.to_thread(until, misses_postgres)
        assert (await asyncio.to_thread(ask, "/health/live"))[0] == 200
        backend.start_postgres()
        await world.settled(running)
        assert (await asyncio.to_thread(ask, "/health/ready"))[0] == 200


async def test_migrations_may_be_applied_by_several_at_once(another_database: str) -> None:
    from pcare_recorder import migrate

    connection = await asyncpg.connect(another_database)
    await connection.execute("DROP SCHEMA pcare CASCADE")
    others = [await asyncpg.connect(another_database) for _ in range(3)]
    applied = await asyncio.gather(*(migrate.apply(other) for other in others))
    assert sorted(map(len, applied)) == [0, 0, len(migrate.migrations())]
    await migrate.check(connection)
    await connection.execute("UPDATE pcare.schema_migrations SET sha256 = 'edited' WHERE number = 1")
    with pytest.raises(OperatorError, match="0001_record was applied with other content"):
        await migrate.check(connection)
    for opened in (connection, *others):
        await opened.close()
