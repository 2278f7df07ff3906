"""One batch, one transaction, on real PostgreSQL: the fence, lost races, rows that the database refuses."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from recorder_events import ALEX, RULES, SAM, event, submitted

from pcare_common.errors import OperatorError, TransientError
from pcare_recorder import register_store, rows, store
from pcare_recorder.cursors import Partition
from pcare_recorder.database import connect
from pcare_recorder.faults import Faults, NoFaults, Point
from pcare_recorder.recording import FencedError, Page, Persisted, check_all, persist
from pcare_recorder.store import Span
from pcare_recorder.verdicts import Outcome, Submitted
from pcare_schemas.examples import ROYAL_FREE
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import Reason
from pcare_schemas.topics import SUBMITTED

pytestmark = pytest.mark.integration

P0, P1 = Partition(SUBMITTED, 0), Partition(SUBMITTED, 1)


@pytest.fixture
async def connection(database: str) -> Any:
    opened = await connect(database)
    await store.create_cursors(opened, {P0: 0, P1: 0})
    yield opened
    await opened.close()


def page(*values: dict[str, Any] | bytes, first: int = 0, partition: Partition = P0) -> Page:
    records = tuple(submitted(value, first + place, partition=partition.number) for place, value in enumerate(values))
    return Page((Span(partition, first, first + len(values)),), records)


async def write(connection: asyncpg.Connection, batch: Page, faults: Faults | None = None, **more: Any) -> Persisted:
    checked = await check_all(batch, RULES)
    return await persist(connection, batch, checked, rules_version=RULES.version, faults=faults or NoFaults(), **more)


async def counts(connection: asyncpg.Connection, partition: Partition = P0) -> tuple[int, ...]:
    cursor = (await store.read_cursors(connection, [partition]))[partition]
    return cursor.next_offset, cursor.recorded, cursor.duplicates, cursor.rejected


async def test_a_batch_moves_its_cursor_and_counts_each_outcome(connection: asyncpg.Connection) -> None:
    one = event()
    persisted = await write(connection, page(one, one, b"broken", event(subject=SAM)))
    assert await counts(connection) == (4, 2, 1, 1)
    assert (len(persisted.links), len(persisted.messages)) == (2, 3)
    stored = await connection.fetch("SELECT published::text FROM pcare.published")
    stored += await connection.fetch("SELECT published::text FROM pcare.rejections")
    assert {row[0].encode() for row in stored} == {message.value for message in persisted.messages}


async def test_a_batch_that_begins_behind_the_cursor_is_fenced_and_writes_nothing(
    connection: asyncpg.Connection,
) -> None:
    await write(connection, page(event()))
    with pytest.raises(FencedError):
        await write(connection, page(event(), event()))
    assert await counts(connection) == (1, 1, 0, 0)
    assert await connection.fetchval("SELECT count(*) FROM pcare.interventions") == 1


async def test_a_batch_of_a_partition_without_a_row_is_fenced(connection: asyncpg.Connection) -> None:
    with pytest.raises(FencedError):
        await write(connection, page(event(), partition=Partition(SUBMITTED, 7)))


async def test_a_cursor_that_moved_in_the_middle_fences_at_the_end(
    connection: asyncpg.Connection, database: str
) -> None:
    class MoveCursor:
        async def reach(self, point: Point) -> None:
            if point is Point.MIDDLE_OF_BATCH:  # by somebody who does not respect the lock: the last guard holds
                await connection.execute("UPDATE pcare.cursors SET next_offset = 9 WHERE partition = 0")

    with pytest.raises(FencedError):
        await write(connection, page(event()), MoveCursor())
    assert await counts(connection) == (0, 0, 0, 0)


async def test_two_copies_that_write_the_same_events_count_each_once(
    connection: asyncpg.Connection, database: str
) -> None:
    other = await connect(database)
    people = [f"person:k1:{number:032x}" for number in range(200)]
    same = [event(subject=subject) for subject in people]
    batches = [page(*same), page(*reversed(same), partition=P1)]
    await asyncio.gather(write(connection, batches[0]), write(other, batches[1]))
    await other.close()
    first, second = await counts(connection), await counts(connection, P1)
    assert first[1] + second[1] == first[2] + second[2] == 200
    assert await connection.fetchval("SELECT count(*) FROM pcare.interventions") == 200
    assert await connection.fetchval("SELECT count(*) FROM pcare.subjects") == 200


async def test_two_copies_that_meet_the_same_strangers_agree_on_who_they_are(
    connection: asyncpg.Connection, database: str
) -> None:
    other = await connect(database)
    people = [f"person:k1:{number:032x}" for number in range(200)]
    await asyncio.gather(
        write(connection, page(*(event(subject=subject) for subject in people))),
        write(other, page(*(event(subject=subject) for subject in reversed(people)), partition=P1)),
    )
    await other.close()
    rows = await connection.fetch("SELECT subject, count(*) FROM pcare.interventions GROUP BY subject")
    assert [row[1] for row in rows] == [2] * 200
    linked = await connection.fetch("SELECT 'person:' || subject_id FROM pcare.subjects")
    assert {row[0] for row in linked} == {row[0] for row in rows}


async def test_a_race_that_is_lost_leaves_no_link_of_the_loser(connection: asyncpg.Connection, database: str) -> None:
    """The winner records the id about Alex while the loser, who read before, is about to record it about Sam."""

    other = await connect(database)
    original = store.add_links
    raced = False

    async def after_the_other(writer: asyncpg.Connection, links: Any) -> int:
        nonlocal raced
        if writer is connection and not raced:
            raced = True
            await write(other, page(event(id="one", subject=ALEX), partition=P1))
        return await original(writer, links)

    store.add_links = after_the_other  # type: ignore[assignment]
    try:
        persisted = await write(connection, page(event(id="one", subject=SAM)))
    finally:
        store.add_links = original
        await other.close()
    assert [rejection.reason for _, rejection in persisted.verdicts.rejections] == [Reason.id_reused]
    assert [row[0] for row in await connection.fetch("SELECT pseudonym FROM pcare.subjects")] == [ALEX]


async def test_losing_every_race_is_transient(connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(_connection: asyncpg.Connection, links: Any) -> int:
        return len(links) - 1

    monkeypatch.setattr(store, "add_links", lost)
    with pytest.raises(TransientError):
        await write(connection, page(event()))


@pytest.mark.parametrize("bad", [{0}, {3}, {6}, {0, 6}, {2, 3, 4}, set(range(7))])
async def test_rows_that_the_database_refuses_are_rejected_and_no_others(
    connection: asyncpg.Connection, bad: set[int]
) -> None:
    await connection.execute("ALTER TABLE pcare.interventions ADD CHECK (ref IS DISTINCT FROM 'poison')")
    values = [
        event("sp-referral", subject=f"person:k1:{place:032x}", referral_ref="poison" if place in bad else "good")
        for place in range(7)
    ]
    persisted = await write(connection, page(*values))
    assert await counts(connection) == (7, 7 - len(bad), 0, len(bad))
    rejected = [(record.origin.offset, rejection.reason) for record, rejection in persisted.verdicts.rejections]
    assert rejected == [(place, Reason.invalid_data) for place in sorted(bad)]
    assert await connection.fetchval("SELECT count(*) FROM pcare.subjects") == 7 - len(bad)
    said = await connection.fetch("SELECT published::text FROM pcare.rejections")
    assert all("SQLSTATE 23514" in row[0] for row in said)


async def test_a_value_that_cannot_be_encoded_rejects_its_event_alone(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = rows.event_row

    def with_a_zero_byte(new: Any, *more: Any) -> Any:
        row = original(new, *more)
        return (*row[:5], "\0", *row[6:]) if new.event.id == "bad" else row

    monkeypatch.setattr(rows, "event_row", with_a_zero_byte)
    await write(connection, page(event(), event(id="bad"), event()))
    assert await counts(connection) == (3, 2, 0, 1)


async def test_a_rejection_that_cannot_be_stored_is_stored_without_its_claims(connection: asyncpg.Connection) -> None:
    await connection.execute("ALTER TABLE pcare.rejections ADD CHECK (evidence IS NULL)")
    await write(connection, page(b"broken", event()))
    assert await counts(connection) == (2, 1, 0, 1)
    ((reason, evidence),) = await connection.fetch("SELECT reason, evidence FROM pcare.rejections")
    assert (reason, evidence) == ("not_json", None)


async def test_a_table_that_refuses_everything_is_not_blamed_on_an_event(connection: asyncpg.Connection) -> None:
    await connection.execute("ALTER TABLE pcare.rejections ADD CHECK (reason = 'nothing')")
    with pytest.raises(OperatorError, match="what no event is to blame for: SQLSTATE 23514"):
        await write(connection, page(b"broken", event()))
    assert await counts(connection) == (0, 0, 0, 0)


async def test_a_refusal_beside_the_rows_is_told_without_its_words(connection: asyncpg.Connection) -> None:
    await connection.execute("ALTER TABLE pcare.subjects ADD CHECK (pseudonym = 'nobody')")
    with pytest.raises(OperatorError) as refused:
        await write(connection, page(event()))
    assert ALEX not in str(refused.value)


async def test_an_error_in_a_check_says_which_record_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    from pcare_recorder import recording

    def broken(_record: Any, _rules: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(recording, "check", broken)
    with pytest.raises(ZeroDivisionError) as error:
        await check_all(page(event(), first=7), RULES)
    assert error.value.__notes__ == ["while judging interventions.submitted/0/7"]


async def test_an_erased_person_stays_erased_when_an_event_is_sent_again(connection: asyncpg.Connection) -> None:
    one = event()
    await write(connection, page(one))
    await connection.execute("DELETE FROM pcare.subjects")
    await write(connection, page(one, first=1))
    assert await counts(connection) == (2, 1, 1, 0)
    assert await connection.fetchval("SELECT count(*) FROM pcare.subjects") == 0
    await write(connection, page(event(), first=2))  # a new event about the same person begins a new subject
    rows = await connection.fetch("SELECT DISTINCT subject FROM pcare.interventions")
    assert len(rows) == 2


async def test_an_origin_that_has_a_verdict_keeps_it(connection: asyncpg.Connection) -> None:
    """As after a rebuild: the rows are there, and the cursor stands before them."""
    one, two = event(), event(source=ROYAL_FREE)
    first = await write(connection, page(one, b"broken", two))
    await connection.execute("UPDATE pcare.cursors SET next_offset = 0, recorded = 0, rejected = 0 WHERE partition = 0")
    again = await write(connection, page(one, b"broken", b"what two became", one))
    assert await counts(connection) == (4, 2, 1, 1)
    assert sorted(message.value for message in again.messages) == sorted(message.value for message in first.messages)
    assert {message.topic for message in again.messages} == {message.topic for message in first.messages}
    assert {message.key for message in again.messages} == {message.key for message in first.messages}


async def test_a_batch_without_records_moves_the_cursor_over_control_records(connection: asyncpg.Connection) -> None:
    persisted = await write(connection, Page((Span(P0, 0, 3),)))
    assert await counts(connection) == (3, 0, 0, 0)
    assert persisted.messages == []


async def test_links_and_rows_of_a_span_are_found_again(connection: asyncpg.Connection) -> None:
    followed = {Origin(*P0, 1): "00-one-two-01", Origin(*P0, 2): "00-three-four-01"}
    persisted = await write(connection, page(event(), event(subject=SAM), b"broken"), traceparents=followed)
    assert [message.traceparent for message in persisted.messages] == [None, "00-one-two-01", "00-three-four-01"]
    links = await store.stored_links(connection, Span(P0, 0, 3))
    assert {rows.link_message(link) for link in links} == set(persisted.links)
    settled = await store.settled_origins(connection, [Span(P0, 0, 3)])
    assert {rows.settled_message(stands) for stands in settled.values()} == set(persisted.messages)
    assert [settled[origin].outcome for origin in sorted(settled)] == [
        Outcome.RECORDED,
        Outcome.RECORDED,
        Outcome.REJECTED,
    ]
    assert await store.stored_links(connection, Span(P0, 2, 3)) == []


async def test_rules_are_remembered_once(connection: asyncpg.Connection) -> None:
    for _ in range(2):
        await register_store.remember_rules(connection, RULES)
    ((version, document),) = await connection.fetch("SELECT version, document FROM pcare.rules")
    assert version == RULES.version
    assert type(RULES).from_document(json.loads(document)).version == version


async def test_a_record_without_anything_is_judged_too() -> None:
    nothing: Submitted = submitted(None)
    batch = Page((Span(P0, 0, 1),), (nothing,))
    ((_, rejection),) = await check_all(batch, RULES)
    assert rejection.reason is Reason.not_json  # type: ignore[union-attr]
