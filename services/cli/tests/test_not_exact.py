"""The verdict on a real run, and that it notices when something is not as it should be."""

import asyncio
import json
from collections.abc import Iterable

import httpx
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from pcare_audit.log_reading import read_log
from pcare_cli.accounting import KpiRow, Report
from pcare_cli.auditing import Auditor
from pcare_schemas.log import LogLine
from pcare_schemas.topics import RECORDED

pytestmark = pytest.mark.integration

COPY = "interventions.recorded-copy"


async def test_a_skew_anywhere_is_not_exact(system) -> None:  # type: ignore[no-untyped-def] # a fixture of the root
    await system.start("kpi-aggregator", "recorder", "ingest")
    ledger = await system.simulate(400, seed=11)
    whole = await system.report(ledger)
    assert whole.exact, whole.faults()
    assert whole.accounting.accepted > 300

    await system.fetch(
        "UPDATE pcare.cursors SET recorded = recorded - 1 WHERE topic = $1 AND recorded > 0 AND partition = "
        "(SELECT min(partition) FROM pcare.cursors WHERE topic = $1 AND recorded > 0)",
        "interventions.submitted",
    )
    miscounted = await system.report(ledger)
    assert not miscounted.exact
    assert sum(not one.exact for one in miscounted.accounting.partitions) == 1
    assert all(row.exact for row in miscounted.kpis)

    await system.fetch(
        "UPDATE pcare.cursors SET recorded = recorded + 1 "
        "WHERE recorded + duplicates + rejected < next_offset - base_offset"
    )
    assert (await system.report(ledger)).exact

    # An error in the stream alone
    async with httpx.AsyncClient(
        transport=_OneMore(system.one("kpi-aggregator").address), base_url="http://x"
    ) as client:
        skewed = await Auditor(system.options, system.dsn, client, system.group).report(())
    (row,) = _unlike(skewed)
    assert row.sql == row.replay != row.stream
    assert "KPI values differ, such as sp_referrals NCL" in skewed.verdict()

    # An error in the replay alone: it reads a log that lacks a record
    missing = _only_score_of_a_person(read_log(system.options))
    await asyncio.to_thread(_copy_log_without, system.options, missing.id)
    async with system.client("kpi-aggregator") as client:
        forgetful = await Auditor(system.options, system.dsn, client, system.group, log=COPY).report(())
    assert "pam_people" in {row.kpi for row in _unlike(forgetful)}
    assert all(row.stream == row.sql != row.replay for row in _unlike(forgetful))
    assert not forgetful.accounting.lost

    # An error in the database alone
    (gone,) = await system.fetch(
        "DELETE FROM pcare.interventions WHERE source = $1 AND id = $2 RETURNING source, id", missing.source, missing.id
    )
    lacking = await system.report(ledger)
    assert lacking.accounting.lost == ((gone["source"], gone["id"]),)
    assert "pam_people" in {row.kpi for row in _unlike(lacking)}
    assert all(row.stream == row.replay != row.sql for row in _unlike(lacking))
    assert lacking.verdict().startswith("NOT EXACT: 1 accepted events are neither recorded nor rejected")


class _OneMore(httpx.AsyncHTTPTransport):
    """Answers as the aggregator does, with one referral too many."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = httpx.URL(address)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host=self._address.host, port=self._address.port)
        response = await super().handle_async_request(request)
        content = await response.aread()
        if request.url.path == "/kpis":
            document = json.loads(content)
            row = next(row for row in document["kpis"] if (row["kpi"], row["borough"]) == ("sp_referrals", "NCL"))
            row["value"] += 1
            content = json.dumps(document).encode()
        return httpx.Response(response.status_code, content=content)


def _only_score_of_a_person(lines: Iterable[LogLine]) -> LogLine:
    """Return a score that counts, and without which its person would not count: a person counts once for several."""
    scores: dict[str, dict[str, LogLine]] = {}
    taken_back = set()
    for line in lines:
        if line.type.endswith("pam-scored.v1"):
            scores.setdefault(line.subject, {})[line.id] = line
        taken_back.add((line.source, line.data.get("retracts")))
    return next(
        line
        for of_one in scores.values()
        for line in of_one.values()
        if len(of_one) == 1 and (line.source, line.id) not in taken_back
    )


def _unlike(report: Report) -> list[KpiRow]:
    assert not report.exact
    return [row for row in report.kpis if not row.exact]


def _copy_log_without(options: dict[str, str], event: str) -> None:
    admin = KafkaAdminClient(**options)
    admin.create_topics({COPY: {"num_partitions": 1, "replication_factor": 1}})
    admin.close()
    consumer = KafkaConsumer(**options, isolation_level="read_committed", auto_offset_reset="earliest")
    partitions = [TopicPartition(RECORDED, number) for number in consumer.partitions_for_topic(RECORDED)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    producer = KafkaProducer(**options)
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                if json.loads(record.value)["id"] != event:
                    producer.send(COPY, record.value)
    producer.flush()
    producer.close()
    consumer.close()
