"""Ends, stops and slows processes and servers, and sees each alert; then lets them go on, where that is quick."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from kafka import KafkaProducer

from events import referral
from proof_deploy.alert_scene import Scene, scene
from proof_provider.checks import Checks
from system import Process

SUBMITTED = "interventions.submitted"
OF_A_PROVIDER = "interventions.submitted.demo-trust"
MANY = 100
WEDGED = Path(__file__).parents[2] / "services" / "kpi-aggregator" / "tests" / "kpi_with_a_fault.py"


async def play_processes(checks: Checks, directory: Path) -> None:
    """Play it all on one system; the end of it is the end of its Kafka."""
    async with scene(
        checks, directory, PCARE_RECORDER_BREAKER_WINDOW="60", PCARE_KPI_STATE_DIR=str(directory / "exits")
    ) as stage:
        await stage.start("kpi-aggregator", "kpi-aggregator", "recorder", "ingest", "watch", "seal")
        await _slow_kafka(stage)
        await _an_aggregator_goes(stage)
        await _nobody_counts(stage)
        await _two_groups(stage)
        await _a_slow_database(stage)
        await _the_recorder_goes(stage)
        await _postgres_goes(stage)
        await _kafka_stands_still(stage)
        await _breakers(stage)
        await _kafka_forgets(stage)


async def _slow_kafka(stage: Scene) -> None:
    async with _sending(stage, every=0.2), _kafka_halting(stage):
        await stage.alerts.fires("PcareIngestSlow", why="Kafka stands still for four seconds of five")


async def _an_aggregator_goes(stage: Scene) -> None:
    _, second = _copies(stage, "kpi-aggregator")
    second.kill()
    await stage.alerts.fires("PcareKpiPartitionWithoutOwner", why="a kpi-aggregator was killed")
    await stage.alerts.resolves("PcareKpiPartitionWithoutOwner", why="the other has taken its partitions")
    await stage.alerts.fires("PcareNotScraped", why="one of two is gone")
    second.start()
    await second.ready()
    await stage.alerts.resolves("PcareNotScraped", why="it is back")


async def _nobody_counts(stage: Scene) -> None:
    """Events come and nobody counts them: the loop turns, the work does not."""
    copies = _copies(stage, "kpi-aggregator")
    for process in copies:
        process.kill()
    wedged = stage.system.add("kpi-aggregator")
    wedged.environment |= {"PCARE_KPI_STALL_SECONDS": "600"}
    wedged.start(str(WEDGED), "agent")
    stage.scrape()
    async with _sending(stage, every=1):
        await stage.alerts.fires("PcareStandsStill", severity="ticket", why="a kpi-aggregator counts nothing of it")
    wedged.kill()
    stage.system.processes.remove(wedged)
    for process in copies:
        process.start()
        await process.ready()
    stage.scrape()


async def _two_groups(stage: Scene) -> None:
    other = stage.system.add("recorder")
    other.environment |= {"PCARE_RECORDER_GROUP": f"{stage.system.group}-other"}
    other.start()
    await other.ready()
    stage.scrape()
    async with _sending(stage, every=0.1):
        await stage.alerts.fires("PcareFencedSteadily", why="two recorders of two groups have the same partitions")
    other.kill()
    stage.system.processes.remove(other)
    stage.scrape()


async def _a_slow_database(stage: Scene) -> None:
    async with _sending(stage, every=0.2), _locking(stage):
        await stage.alerts.fires("PcareRecorderSaturated", why="each batch waits for a lock")


async def _the_recorder_goes(stage: Scene) -> None:
    recorder = stage.system.one("recorder")
    recorder.kill()
    async with _sending(stage, every=0.2, number=MANY):
        await stage.alerts.fires("PcareServiceGone", severity="page", why="the only recorder was killed")
        await stage.alerts.fires("PcareLagGrows", why="events come and nobody judges them")
        await stage.alerts.fires("PcareLagWithoutProgress", severity="page", why="no partition moves")
    recorder.start()
    await recorder.ready()
    for name in ("PcareServiceGone", "PcareLagGrows", "PcareLagWithoutProgress"):
        await stage.alerts.resolves(name, why="the recorder is back")


async def _postgres_goes(stage: Scene) -> None:
    stage.system.backend.kill_postgres()
    try:
        await stage.alerts.fires("PcareRegisterStale", severity="page", why="ingest cannot read the register")
        await stage.alerts.fires("PcareStandsStill", severity="page", why="the recorder has no database")
    finally:
        stage.system.backend.start_postgres()
    await stage.alerts.resolves("PcareRegisterStale", why="PostgreSQL is back")
    await stage.alerts.resolves("PcareStandsStill", why="PostgreSQL is back")


async def _kafka_stands_still(stage: Scene) -> None:
    stage.system.backend.stop_kafka()
    try:
        async with _sending(stage, every=0.5):
            await stage.alerts.fires("PcareIngestUnavailable", severity="page", why="Kafka acknowledges nothing")
    finally:
        stage.system.backend.continue_kafka()
    await stage.system.one("ingest").ready()


async def _breakers(stage: Scene) -> None:
    for topic, severity in ((OF_A_PROVIDER, "ticket"), (SUBMITTED, "page")):
        await asyncio.to_thread(_write_rubbish, stage, topic)
        await stage.alerts.fires("PcareBreakerOpen", severity=severity, why=f"{topic} brings rubbish")
        await stage.pcare("breaker", "release", topic)
    await stage.alerts.resolves("PcareBreakerOpen", why="an operator has released both")


async def _kafka_forgets(stage: Scene) -> None:
    """Lose what was acknowledged, as disks do that promise what they do not keep."""
    await stage.sent(referral() for _ in range(MANY))
    await stage.alerts.prometheus.until('increase(pcare_ingest_events_total{outcome="accepted"}[5m]) > 50')
    backend = stage.system.backend
    backend.kill_kafka()
    for place in stage.directory.glob(f"servers/kafka/**/{SUBMITTED}-*"):
        for file in place.glob("0*"):
            file.unlink()
    backend.start_kafka()
    await stage.alerts.fires("PcareAcceptedNotInKafka", severity="page", why="Kafka has lost what it acknowledged")


def _copies(stage: Scene, name: str) -> list[Process]:
    return [process for process in stage.system.processes if process.name == name]


@asynccontextmanager
async def _sending(stage: Scene, *, every: float, number: int = 5) -> AsyncIterator[None]:
    """Hand batches to ingest for the length of a `with`, whatever it answers."""

    async def send() -> None:
        while True:
            await stage.send(referral() for _ in range(number))
            await asyncio.sleep(every)

    sending = [asyncio.create_task(send()) for _ in range(4)]
    try:
        yield
    finally:
        for one in sending:
            one.cancel()
        await asyncio.gather(*sending, return_exceptions=True)


@asynccontextmanager
async def _kafka_halting(stage: Scene) -> AsyncIterator[None]:
    """Let Kafka stand still for four seconds of five."""
    backend = stage.system.backend

    async def play() -> None:
        while True:
            backend.stop_kafka()
            await asyncio.sleep(4)
            backend.continue_kafka()
            await asyncio.sleep(1)

    playing = asyncio.create_task(play())
    try:
        yield
    finally:
        playing.cancel()
        backend.continue_kafka()


@asynccontextmanager
async def _locking(stage: Scene) -> AsyncIterator[None]:
    """Hold the cursors most of the time, as somebody does who works on the table."""

    async def hold() -> None:
        connection = await asyncpg.connect(stage.system.dsn)
        try:
            while True:
                async with connection.transaction():
                    await connection.execute("LOCK TABLE pcare.cursors IN EXCLUSIVE MODE")
                    await asyncio.sleep(15)
                await asyncio.sleep(0.3)
        finally:
            await connection.close()

    holding = asyncio.create_task(hold())
    try:
        yield
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)


def _write_rubbish(stage: Scene, topic: str) -> None:
    producer = KafkaProducer(**stage.system.options)
    try:
        for _ in range(200):
            producer.send(topic, key=b"x", value=b"rubbish", partition=0)
        producer.flush(30)
    finally:
        producer.close()
