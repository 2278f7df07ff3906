"""What would keep a replay from finding what differs: each is tried, and it says so instead of `equal`."""

# ruff: noqa: S608 -- the statements that tamper are put together here, of names of this file

import asyncio
import datetime as dt
import json
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import pytest
from kafka import KafkaProducer

from pcare_audit.replaying.ranges import bounds
from pcare_audit.replaying.reading import Topics
from pcare_audit.replaying.result import Result
from pcare_cli.audit_reading import read_only
from pcare_cli.replaying import aggregator, database, gathering, unread
from pcare_cli.replaying.wanted import NothingThereError, Wanted
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, SUBMITTED
from replays import EVERYTHING, copy_of_log, kinds, of_kind, replay
from system import System

pytestmark = pytest.mark.integration

FORGED = "a-forged-event"
COPY = "interventions.recorded-forged"
NHS_NUMBER = "9434765919"  # for tests
WITHOUT_BOUNDS = '{"a": 123456789012345678901234567890}'


async def test_a_replay_is_not_fooled(system: System) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    with closing(KafkaProducer(**system.options)) as producer:
        producer.send(SUBMITTED, b"no json", key=b"a")
        producer.flush()
    await system.report(await system.simulate(300, seed=11))
    assert (await replay(system, stream=True)).equal

    await what_cannot_be_asked_is_not_equal(system)
    await what_is_misspelt_is_not_equal(system)
    await a_topic_that_may_not_be_read_is_not_equal(system)
    await a_record_that_nobody_can_count(system)
    await tables_that_no_program_of_ours_writes(system)


async def what_cannot_be_asked_is_not_equal(system: System) -> None:
    """A row lacks in the log, which nobody sees who believes that it is about to be published; nor KPIs to compare."""

    class Half(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            content = await response.aread()
            if request.url.path == "/kpis":
                content = json.dumps(json.loads(content) | {"complete": False}).encode()
            return httpx.Response(response.status_code, content=content)

    group, system.group = system.group, "another-group"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathering, "WAIT_SECONDS", 0.5)
        patch.setattr(aggregator, "_client", lambda address: httpx.AsyncClient(base_url=address, transport=Half()))
        found = await replay(system, stream=True)
    system.group = group
    assert not found.equal
    assert any("group another-group" in one for one in found.troubles), found.troubles
    assert any("does not know every partition" in one for one in found.troubles), found.troubles


async def what_is_misspelt_is_not_equal(system: System) -> None:
    with pytest.raises(NothingThereError, match=r"--topic interventions\.recorde "):
        await replay(system, topics=["interventions.recorde"])
    with pytest.raises(NothingThereError, match=f"{RECORDED}/99"):
        await replay(system, begin=bounds([f"{RECORDED}/99/3"], "--from"))


async def a_topic_that_may_not_be_read_is_not_equal(system: System) -> None:
    """What came by a provider's own topic is in the tables, and the topic is gone, or hidden from this user."""
    ((topic,),) = await system.fetch(
        "SELECT min(origin_topic) FROM pcare.published WHERE origin_topic LIKE $1", f"{SUBMITTED}.%"
    )
    names = Topics.names

    async def others(self: Topics) -> set[str]:
        return await names(self) - {topic}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Topics, "names", others)
        found = await replay(system)
        assert (await replay(system, topics=[RECORDED])).equal
    assert not found.equal
    assert found.differences_total == 0
    (trouble,) = found.troubles
    assert topic in trouble
    assert "let this user of Kafka read" in trouble

    # but where all is older than such topics keep, it may be gone
    wanted = Wanted(EVERYTHING, EVERYTHING)
    async with read_only(system.logins["auditor"]) as connection:
        tables = await database.tables(connection)
        there = {where.topic for where in tables.partitions} - {topic}
        for days, troubles in ((13, 1), (15, 0)):
            later = tables._replace(now=tables.now + dt.timedelta(days=days))
            told = await unread.unread(connection, wanted, later, there)
            assert len(told.troubles) == troubles
            assert told.left_out == ({} if troubles else {unread.OLD: 1})


async def a_record_that_nobody_can_count(system: System) -> None:
    """Records are forged that break whoever reads them; a record that lacks is found all the same."""
    ((first,), (second,)) = await system.fetch(
        "SELECT id FROM pcare.interventions WHERE kind = 'sdm-conversation' ORDER BY id LIMIT 2"
    )

    def change(line: dict[str, Any], value: bytes) -> list[bytes]:
        if line["id"] == first:
            return []
        if line["id"] != second:
            return [value]
        forged = [line | {"data": {}}, line | {"origin": f"{SUBMITTED}/99999/5"}, line | {"data": {"score": 10**40}}]
        return [value, b"", *(json.dumps(one).encode() for one in forged)]

    await asyncio.to_thread(copy_of_log, system.options, COPY, change)
    found = await replay(system, log=COPY)
    assert {one.event.id for one in of_kind(found, "log-record-missing") if one.event} == {first}
    assert len(of_kind(found, "row-missing")) >= 3
    assert any("cannot be counted" in one for one in found.troubles)
    assert found.kpis is None


async def tables_that_no_program_of_ours_writes(system: System) -> None:
    rows = await system.fetch(
        "SELECT origin_topic, origin_partition, origin_offset, id FROM pcare.interventions WHERE origin_topic = $1 "
        "AND origin_partition < 6 ORDER BY id LIMIT 8",
        SUBMITTED,
    )
    text, number, astray, nowhere, version, foreign, shared, endless = rows
    await rows_that_share_an_origin(system, shared)
    await asyncio.to_thread(records_of_no_partition, system)
    await system.fetch(
        "UPDATE pcare.interventions SET details = '{\"a\": 1e5000}' WHERE "
        "(origin_topic, origin_partition, origin_offset) = ($1, $2, $3)",
        *endless[:3],
    )
    by_origin = "(origin_topic, origin_partition, origin_offset) = ($1, $2, $3)"
    await system.fetch(f"UPDATE pcare.published SET published = '{{}}' WHERE {by_origin}", *text[:3])
    await system.fetch(f"UPDATE pcare.interventions SET details = '{WITHOUT_BOUNDS}' WHERE {by_origin}", *number[:3])
    await system.fetch(f"UPDATE pcare.published SET origin_partition = 99999 WHERE {by_origin}", *astray[:3])
    await system.fetch(f"UPDATE pcare.interventions SET origin_partition = -1 WHERE {by_origin}", *nowhere[:3])
    await system.fetch(f"UPDATE pcare.interventions SET rules_version = '{NHS_NUMBER}' WHERE {by_origin}", *version[:3])
    await system.fetch(  # all of them: of a person's answers SQL may read only the last
        f'UPDATE pcare.interventions SET details = \'{{"understand": "{NHS_NUMBER}x"}}\' '
        "WHERE kind = 'collaborate-scored'"
    )
    ((pseudonym, _),) = await system.fetch(
        "UPDATE pcare.subjects SET origin_topic = 'elsewhere' WHERE pseudonym = "
        "(SELECT min(pseudonym) FROM pcare.subjects) RETURNING pseudonym, subject_id"
    )
    await system.fetch(f"UPDATE pcare.interventions SET origin_topic = $4 WHERE {by_origin}", *foreign[:3], pseudonym)
    await system.fetch("UPDATE pcare.rejections SET errors = '[\"x\"]' WHERE reason = 'not_json'")
    no_cursor = 6
    (set_back, *_) = await system.fetch(  # where an event was recorded last: it may have been a repeat or a refusal
        "SELECT c.partition FROM pcare.cursors AS c JOIN pcare.interventions AS i ON (i.origin_topic, "
        "i.origin_partition, i.origin_offset) = (c.topic, c.partition, c.next_offset - 1) "
        "WHERE c.topic = $1 AND c.partition > $2 ORDER BY c.partition",
        SUBMITTED,
        no_cursor,
    )
    set_back = set_back["partition"]
    await system.fetch("DELETE FROM pcare.cursors WHERE (topic, partition) = ($1, $2)", SUBMITTED, no_cursor)
    ((gone,),) = await system.fetch(
        "DELETE FROM pcare.interventions AS i USING pcare.cursors AS c WHERE (i.origin_topic, i.origin_partition, "
        "i.origin_offset) = (c.topic, c.partition, c.next_offset - 1) AND (c.topic, c.partition) = ($1, $2) "
        "RETURNING i.id",
        SUBMITTED,
        set_back,
    )
    await system.fetch(
        "WITH c AS (UPDATE pcare.cursors SET next_offset = next_offset - 1, recorded = recorded - 1 WHERE "
        "(topic, partition) = ($1, $2) RETURNING next_offset) DELETE FROM pcare.published AS p USING c "
        "WHERE (p.origin_topic, p.origin_partition, p.origin_offset) = ($1, $2, c.next_offset)",
        SUBMITTED,
        set_back,
    )
    found = await replay(system)
    said(found, "text-differs", text["id"])
    said(found, "row-differs", number["id"])
    said(found, "row-differs", endless["id"])
    said(found, "row-not-in-log", FORGED)
    assert shared["id"] not in {one.event.id for one in of_kind(found, "row-not-in-log") if one.event}
    assert len([one for one in of_kind(found, "rejection-missing") if "do not know" in one.words]) == 1
    assert len([one for one in of_kind(found, "link-differs") if "is no link" in one.words]) == 1
    said(found, "row-missing", astray["id"])
    said(found, "row-not-in-log", nowhere["id"])
    said(found, "row-not-in-log", foreign["id"])
    said(found, "row-missing", gone)
    assert kinds(found)["rejection-differs errors"] == 1
    assert f"{SUBMITTED}/{no_cursor}/0" in {one.place for one in of_kind(found, "count-differs")}
    assert "elsewhere" in str([one.place for one in of_kind(found, "link-differs")])
    assert any("cannot be counted by SQL" in one for one in found.troubles), found.troubles
    everything = json.dumps(found.document())
    assert NHS_NUMBER not in everything
    assert pseudonym.removeprefix("person:") not in everything


async def rows_that_share_an_origin(system: System, event: Any) -> None:
    """Put in a row of the origin of another; the genuine one is touched afterwards, so that it is read last."""
    ((columns,),) = await system.fetch(
        "SELECT string_agg(column_name, ', ') FROM information_schema.columns WHERE table_schema = 'pcare' "
        "AND table_name = 'interventions' AND is_generated = 'NEVER' AND column_name <> 'id'"
    )
    by_origin = "(origin_topic, origin_partition, origin_offset) = ($1, $2, $3)"
    await system.fetch(
        f"INSERT INTO pcare.interventions ({columns}, id) SELECT {columns}, '{FORGED}' FROM pcare.interventions "
        f"WHERE {by_origin}",
        *event[:3],
    )
    await system.fetch(
        f"UPDATE pcare.interventions SET id = id WHERE {by_origin} AND id <> '{FORGED}'",
        *event[:3],
    )


def records_of_no_partition(system: System) -> None:
    """Put records on the recorder's topics that name a partition which no topic can have."""
    origin = f"{SUBMITTED}/70000/1"
    link = {"type": "link", "subject": "person:x", "time": "2026-11-01T00:00:00Z", "origin": origin}
    link |= {"rulesversion": "1", "data": {"subject": f"person:{uuid4()}", "pseudonym": "nobody"}}
    with closing(KafkaProducer(**system.options)) as producer:
        producer.send(REJECTED, b"{}", key=origin.encode())
        producer.send(SUBJECTS, json.dumps(link).encode(), key=b"nobody")
        producer.flush()


def said(found: Result, kind: str, name: str) -> None:
    assert name in {one.event.id for one in of_kind(found, kind) if one.event}, (kind, found.document()["differences"])
