"""Every query of every dashboard has an answer: of real Prometheus, and of PostgreSQL as Grafana's role."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from dashboard_queries import Asked, Reader, dashboards
from events import BARNET, CAMDEN, event
from prometheus_server import PrometheusServer, running_prometheus
from system import Process, System

pytestmark = pytest.mark.integration

EVENTS, SEED, RATE = 1500, 5, 300.0
ENOUGH_TO_TELL = 25
LONGEST_STEP_SECONDS = 15
"""With fewer answers of a borough, a share of collaboRATE has no value."""

BATCH = "application/cloudevents-batch+json"
ROLE = "pcare_grafana"
SECONDS_A_QUERY = 5
FRESH = dt.timedelta(minutes=5)
POSTGRES = {"type": "grafana-postgresql-datasource"}
BROKEN = [
    {"datasource": {"type": "prometheus"}, "instant": True, "expr": "sum by (pcare"},
    {"datasource": {"type": "prometheus"}, "instant": False, "expr": "pcare_invented_total"},
    {"datasource": {"type": "prometheus"}, "instant": True, "expr": 'up{instance="$invented"}'},
    {"datasource": POSTGRES, "format": "table", "rawSql": "SELECT subject FROM pcare.interventions"},
    {"datasource": POSTGRES, "format": "table", "rawSql": "SELECT subject FROM analysis.interventions"},
    {"datasource": POSTGRES, "format": "table", "rawSql": "SELECT 1 FROM dashboards.acts WHERE number < 0"},
]
"""Queries each of which has to be found at fault: no PromQL, unknown, not put in, not allowed (twice), and empty."""


class RealSources:
    """The real Prometheus, and the real PostgreSQL by a connection of Grafana's role."""

    def __init__(self, prometheus: PrometheusServer, connection: asyncpg.Connection) -> None:
        self._prometheus, self._connection = prometheus, connection

    async def prometheus(self, path: str, **parameters: Any) -> Any | str:
        data, error = await self._prometheus.ask(path, **parameters)
        return data if error is None else error

    async def postgres(self, sql: str) -> Sequence[Mapping[str, Any]] | str:
        try:
            return list(await self._connection.fetch(sql))
        except asyncpg.PostgresError as error:
            return str(error)


@asynccontextmanager
async def as_grafana(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect with the rights of Grafana's role, and no more."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"SET ROLE {ROLE}")
        await connection.execute("SET default_transaction_read_only = on")
        await connection.execute(f"SET statement_timeout = '{SECONDS_A_QUERY}s'")
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[PrometheusServer]:
    async with running_prometheus(tmp_path) as running:
        yield running


async def test_every_query_of_every_dashboard_has_an_answer(system: System, prometheus: PrometheusServer) -> None:
    started = [*await system.start("ingest", "recorder", "kpi-aggregator"), await watching(system)]
    await scraped(prometheus, started)
    ledger = await system.simulate(EVENTS, seed=SEED, rate=RATE)
    await answered(system)
    report = await system.report(ledger)
    assert report.exact, report.faults()
    await system.fetch("INSERT INTO pcare.acts (who, what, why) VALUES ('somebody', 'looked', 'to have one')")
    await prometheus.until("pcare:kpi_age_seconds < 30 and on () pcare_watch_kpi_numbers{verdict='agrees'} > 0")
    # what came last is recorded a scrape and an evaluation later, and a panel's last point is up to a step ago
    shares = f"pcare:kpi_value{{kpi='sdm_collaborate', borough=~'{BARNET}|{CAMDEN}|NCL'}}"
    await prometheus.until(f"count({shares} offset {LONGEST_STEP_SECONDS}s) == 3")
    async with as_grafana(system.dsn) as connection:
        sources = RealSources(prometheus, connection)
        asked = [one for reader in readers(sources, started) for one in await reader.look()]
        asked += await broken(sources)
    assert await well_without_reason(asked, prometheus) == []
    assert len(asked) > 300
    told = [f"{one.where}: {one.fault}\n    {one.text}" for one in asked if one.fault is not None]
    assert [one.split(":")[0] for one in told] == ["broken"] * len(BROKEN), "\n".join(told)


async def watching(system: System) -> Process:
    """Start the watcher, which looks often enough for a test."""
    watch = system.add("watch")
    watch.environment |= {
        **dict.fromkeys(("PCARE_WATCH_SECONDS", "PCARE_WATCH_SLOW_SECONDS", "PCARE_WATCH_KPI_SECONDS"), "2"),
        "PCARE_WATCH_KPI_ADDRESS": system.one("kpi-aggregator").address,
        "PCARE_WATCH_PATHS": str(system.directory),
    }
    watch.start()
    await watch.ready()
    return watch


async def well_without_reason(asked: Sequence[Asked], prometheus: PrometheusServer) -> list[str]:
    """Return the queries that answer 0 in place of nothing although the services were not there: an hour ago."""
    then = str((dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)).timestamp())
    in_place_of_nothing = {one.text for one in asked if " or on () " in one.text and "ALERTS" not in one.text}
    assert len(in_place_of_nothing) > 20
    answers = {text: (await prometheus.ask("query", query=text, time=then))[0] for text in in_place_of_nothing}
    return [text for text, answer in answers.items() if answer["result"]]


async def answered(system: System) -> None:
    """Send as many answers to collaboRATE of two boroughs as it takes for a share; the simulation has too few."""
    scores = {"understand": 9, "listen": 9, "include": 9}
    team = {"subject": "team:RKE:ward"}
    events = [
        event("collaborate-scored", {"team": "ward", "borough": borough, **scores}, **team)
        for borough in (BARNET, CAMDEN)
        for _ in range(ENOUGH_TO_TELL)
    ]
    async with system.client("ingest") as client:
        answer = await client.post("/events", json=events, headers={"Content-Type": BATCH})
    assert answer.status_code == 202, answer.text


async def scraped(prometheus: PrometheusServer, processes: Sequence[Process]) -> None:
    """Let Prometheus scrape every process, and wait until it has."""
    addresses: dict[str, list[str]] = {}
    for process in processes:
        addresses.setdefault(process.name, []).append(process.address.removeprefix("http://"))
    prometheus.scrape(addresses)
    await prometheus.until(f"count(up == 1) == {len(processes)}")


def readers(sources: RealSources, processes: Sequence[Process]) -> list[Reader]:
    """Return who looks at what: every dashboard as it opens, and with each variable at one, several and all values.

    The time that is shown is that in which the system has run.
    """
    now = dt.datetime.now(dt.UTC)
    copies = [process.address.removeprefix("http://") for process in processes]
    chosen: dict[str, list[dict[str, list[str]]]] = {
        "pcare-programme": [{}, {"borough": [CAMDEN]}, {"borough": [BARNET, CAMDEN]}],
        "pcare-operations": [{}, {"instance": copies}],
        # it writes to Kafka itself, so that its mistakes reach the recorder
        "pcare-provider": [{"provider": ["demo-trust"]}],
        "pcare-audit": [{}],
    }
    made = dashboards()
    assert made.keys() == chosen.keys()
    return [
        Reader(made[uid], sources, since=now - FRESH, until=now, wanted=wanted)
        for uid, choices in chosen.items()
        for wanted in choices
    ]


async def broken(sources: RealSources) -> list[Asked]:
    """Look at a dashboard in which everything is wrong: what is found there shows that faults are found."""
    panels = [{"title": "wrong", "targets": [{**one, "refId": str(number)} for number, one in enumerate(BROKEN)]}]
    document = {"uid": "broken", "templating": {"list": []}, "annotations": {}, "panels": panels}
    now = dt.datetime.now(dt.UTC)
    return await Reader(document, sources, since=now - FRESH, until=now).look()
