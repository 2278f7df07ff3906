"""The register of the database, followed while the recorder runs: on real PostgreSQL and Kafka."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from recorder_events import ALEX, RECEIVED, RULES, event, submitted
from recorder_world import World, assert_exact

from pcare_common.clock import FixedClock
from pcare_common.errors import EXIT_CONFIGURATION, OperatorError
from pcare_recorder import register_store
from pcare_recorder.checking import Checker
from pcare_recorder.cursors import Partition
from pcare_recorder.instruments import Instruments
from pcare_recorder.recording import Page
from pcare_recorder.rules_in_force import RulesInForce
from pcare_recorder.store import Span
from pcare_recorder.verdicts import Recorded, judge
from pcare_schemas.examples import WHITTINGTON
from pcare_schemas.rejections import Reason, Rejection
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED, provider_topic

pytestmark = pytest.mark.integration

NEWCOMER = "urn:ncl:provider:newcomer"
PUT = """
    WITH act AS (INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'provider-added', 'a test') RETURNING number)
    INSERT INTO pcare.register (source, name, kind, valid_to, kinds, act)
    SELECT $1, $2, 'voluntary_sector', $3::text::date, $4, number FROM act
    ON CONFLICT (source) DO UPDATE SET (name, valid_to, kinds, act) =
        (excluded.name, excluded.valid_to, excluded.kinds, excluded.act)
"""


async def put(
    where: asyncpg.Connection | World,
    source: str = NEWCOMER,
    *,
    name: str = "Newcomer",
    valid_to: str | None = None,
    kinds: list[str] | None = None,
) -> None:
    """Write an entry of the register, as `pcare providers` does."""
    connection = await asyncpg.connect(where.dsn) if isinstance(where, World) else where
    await connection.execute(PUT, source, name, valid_to, kinds)
    if isinstance(where, World):
        await connection.close()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database)
    yield opened
    await opened.close()


async def test_without_rows_the_rules_are_those_of_the_files(connection: asyncpg.Connection) -> None:
    rules = RulesInForce(RULES)
    await rules.load(connection)
    assert rules.current is RULES
    assert not await rules.follow(connection)
    assert [row[0] for row in await connection.fetch("SELECT version FROM pcare.rules")] == [RULES.version]


async def test_each_change_is_followed_once_and_kept_as_rules_that_can_be_made_again(
    connection: asyncpg.Connection,
) -> None:
    rules = RulesInForce(RULES)
    await rules.load(connection)
    await put(connection, kinds=["pam-scored"])
    assert await rules.follow(connection)
    assert not await rules.follow(connection)
    assert rules.current.register.by_code["newcomer"].kinds == ("pam-scored",)
    stored = await connection.fetchval("SELECT document FROM pcare.rules WHERE version = $1", rules.current.version)
    again = Rules.from_document(json.loads(stored))
    assert again.version == rules.current.version
    assert again.register.document() == rules.current.register.document()
    named = await connection.fetchrow("SELECT code, name, kind FROM pcare.providers WHERE source = $1", NEWCOMER)
    assert tuple(named) == ("newcomer", "Newcomer", "voluntary_sector")
    await connection.execute("DELETE FROM pcare.register")
    assert await rules.follow(connection)
    assert rules.current.version == RULES.version


async def test_what_no_verdict_depends_on_makes_no_other_rules(connection: asyncpg.Connection) -> None:
    rules = RulesInForce(RULES)
    await put(connection)
    await rules.load(connection)
    before = rules.current
    await connection.execute("UPDATE pcare.register SET events_per_second = 5")
    assert not await rules.follow(connection)
    assert rules.current is before
    assert await connection.fetchval("SELECT count(*) FROM pcare.rules") == 1


async def test_a_database_restored_from_before_is_read_at_the_beginning_whatever_its_count(
    connection: asyncpg.Connection,
) -> None:
    rules = RulesInForce(RULES)
    await put(connection)
    await rules.load(connection)
    await connection.execute("UPDATE pcare.register SET name = 'Other'; UPDATE pcare.register_state SET register = 1")
    await rules.load(connection)
    assert rules.current.register.by_code["newcomer"].name == "Other"


async def test_a_table_that_makes_no_register_asks_for_a_person(connection: asyncpg.Connection) -> None:
    rules = RulesInForce(RULES)
    await rules.load(connection)
    await put(connection, "urn:ncl:provider:rke")
    with pytest.raises(OperatorError, match=r"one topic\. Nothing is judged .* `pcare providers set`"):
        await rules.follow(connection)
    assert rules.current is RULES
    with pytest.raises(OperatorError):  # and once more: it is not taken for read
        await rules.follow(connection)


async def test_a_batch_that_was_checked_before_the_change_is_checked_again(connection: asyncpg.Connection) -> None:
    registry = CollectorRegistry()
    checker = Checker(RULES, Instruments(registry, RULES, FixedClock(RECEIVED), age=lambda: 0.0))
    await checker.begin(connection)
    where = Partition(SUBMITTED, 0)
    read = await checker.check(Page((Span(where, 0, 1),), (submitted(event(source=NEWCOMER)),)))
    assert isinstance(read.checked[0][1], Rejection)
    assert await checker.up_to_date(read, connection) is read
    await put(connection)
    again = await checker.up_to_date(read, connection)
    assert not isinstance(again.checked[0][1], Rejection)
    assert again.rules.version == checker.version != RULES.version
    assert again.page is read.page
    assert await checker.up_to_date(again, connection) is again


async def test_a_look_at_the_register_is_one_statement_that_reads_one_row(connection: asyncpg.Connection) -> None:
    asked: list[str] = []
    connection.add_query_logger(lambda record: asked.append(record.query))
    rules = RulesInForce(RULES)
    await rules.load(connection)
    await asyncio.sleep(0)  # what asks is told of it in the next turn of the loop
    asked.clear()
    await rules.follow(connection)
    await asyncio.sleep(0)
    assert asked == ["SELECT register FROM pcare.register_state"]


# ---- a whole recorder


async def rejected(world: World) -> list[tuple[str, str]]:
    """Return id and reason of what was rejected, in the order of offsets."""
    rows = await world.fetch("SELECT id, reason FROM pcare.rejections ORDER BY origin_offset")
    return [(row[0], row[1]) for row in rows]


async def test_a_provider_that_is_added_is_taken_from_the_next_event_on(world: World) -> None:
    before, after = event(source=NEWCOMER), [event(source=NEWCOMER) for _ in range(3)]
    async with world.recorder() as running:
        await world.send(before)
        await world.settled(running)
        await put(world)
        for one in after:
            await world.send(one)
        await world.settled(running)
    assert await rejected(world) == [(before["id"], Reason.unknown_provider)]
    rows = await world.fetch("SELECT id, rules_version FROM pcare.interventions ORDER BY origin_offset")
    assert [row[0] for row in rows] == [one["id"] for one in after]
    versions = {row[1] for row in rows}
    assert len(versions) == 1
    assert versions < {row[0] for row in await world.fetch("SELECT version FROM pcare.rules")}
    ((name,),) = await world.fetch("SELECT name FROM pcare.providers WHERE source = $1", NEWCOMER)
    assert name == "Newcomer"
    await assert_exact(world)


async def test_providers_come_and_go_while_events_stream_and_each_row_names_rules_that_say_so(world: World) -> None:
    """Whatever was in memory at a change: judged again under the rules that its row names, the verdict is the same."""
    sources = [f"urn:ncl:provider:newcomer-{number}" for number in range(4)]
    async with world.recorder(recorder_batch_events=20) as running:

        async def register() -> None:
            for source in sources:
                await put(world, source)
                # accepted under a register that has it, as ingest would
                await world.send(*[event(source=source) for _ in range(30)], partition=1)

        async def stream() -> None:
            for _ in range(12):
                await world.send(*[event(source=source) for source in sources for _ in range(10)])

        await asyncio.gather(register(), stream())
        await world.settled(running)
    late = await world.fetch("SELECT id FROM pcare.rejections WHERE origin_partition = 1")
    assert late == [], "accepted under the new register, rejected under the old"
    documents = await world.fetch("SELECT version, document FROM pcare.rules")
    known = {row[0]: {entry["source"] for entry in json.loads(row[1])["register"]} for row in documents}
    for row in await world.fetch("SELECT source, rules_version FROM pcare.interventions"):
        assert row["source"] in known[row["rules_version"]]
    for row in await world.fetch("SELECT source, rules_version FROM pcare.rejections"):
        assert row["source"] not in known[row["rules_version"]]
    await assert_exact(world)


async def test_a_provider_that_has_ended_and_one_that_is_limited(world: World) -> None:
    await put(world)
    good = event(source=NEWCOMER, time="2024-05-01T10:00:00Z")
    takes_back = event("event-retracted", source=NEWCOMER, retracts=good["id"])
    async with world.recorder() as running:
        await world.send(good)
        await world.settled(running)
        await put(world, valid_to="2024-05-02")
        await put(world, WHITTINGTON, name="Whittington", kinds=["sp-referral"])
        late, after = (event(source=NEWCOMER, time=f"2024-05-0{day}T10:00:00Z") for day in (1, 2))
        other, allowed = event("pam-scored"), event("sp-referral")
        await world.send(late, after, other, allowed, takes_back)
        await world.settled(running)
    assert await rejected(world) == [(after["id"], Reason.unknown_provider), (other["id"], Reason.kind_not_allowed)]
    rows = await world.fetch("SELECT id FROM pcare.interventions ORDER BY origin_offset")
    assert [row[0] for row in rows] == [one["id"] for one in (good, late, allowed, takes_back)]
    await assert_exact(world)


async def test_a_rejection_is_told_by_the_register_of_its_verdict(world: World) -> None:
    """In the metrics, as at the desk: whose rejection it is follows the register too."""
    registry = CollectorRegistry()
    instruments = Instruments(registry, RULES, FixedClock(RECEIVED), age=lambda: 0.0)
    connection = await asyncpg.connect(world.dsn)
    checker = Checker(RULES, instruments)
    await checker.begin(connection)
    await put(connection)
    await checker.follow(connection)
    await connection.close()
    batch = (submitted(b"broken", 0, topic=provider_topic("newcomer")), submitted(event(source=NEWCOMER, score=-1), 1))
    read = await checker.check(Page((), batch))
    instruments.judged(judge(read.checked, Recorded(), lambda: ALEX))
    for reason in (Reason.not_json, Reason.invalid_data):
        labels: dict[str, Any] = {"provider": "newcomer", "reason": reason}
        assert registry.get_sample_value("pcare_recorder_rejected_total", labels) == 1


async def test_a_breaker_that_opened_for_want_of_a_provider_closes_when_it_is_registered(world: World) -> None:
    events = [event(source=NEWCOMER) for _ in range(30)]
    async with world.recorder(recorder_breaker_window=10, recorder_batch_events=10) as running:
        await world.send(*events)
        await asyncio.sleep(1.0)
        assert await world.outcomes() == (0, 0, 0)
        await put(world)
        await world.settled(running)
    assert await world.outcomes() == (30, 0, 0)
    await assert_exact(world)


async def test_a_register_that_is_none_ends_the_process_with_what_to_do(world: World) -> None:
    await put(world, "urn:ncl:provider:rke")
    process = world.process(capture=True)
    _, said = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == EXIT_CONFIGURATION
    what = json.loads(said.decode().splitlines()[-1])["what"]
    assert "would share one topic" in what
    assert "`pcare providers set`" in what


async def test_it_ends_while_it_runs_too_and_writes_nothing_of_the_batch(world: World) -> None:
    async with contextlib.AsyncExitStack() as closing:
        running = await closing.enter_async_context(world.recorder())
        await world.send(event())
        await world.settled(running)
        await put(world, "urn:ncl:provider:rke")
        await world.send(event())
        await asyncio.wait({running}, timeout=30)
        assert running.done()
        with pytest.raises(OperatorError, match="one topic"):
            await closing.aclose()
    assert await world.outcomes() == (1, 0, 0)


async def test_the_rows_are_those_that_verdicts_depend_on(connection: asyncpg.Connection) -> None:
    await put(connection, kinds=["pam-scored"], valid_to="2030-01-01")
    (row,) = await register_store.rows(connection)
    register = RULES.register.with_rows([row])
    assert register.by_source[NEWCOMER].validity.document() == {"valid_to": "2030-01-01"}
