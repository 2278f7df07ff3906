"""The course of the demo: servers, schema and topics, services, simulated providers; then watching, or a verdict."""

import asyncio
import datetime as dt
import json
import os
import shutil
import signal
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import asyncpg
import httpx
from rich.console import Console
from rich.live import Live

from pcare_cli import sending, topics
from pcare_cli.accounting import Report
from pcare_cli.auditing import Auditor, NotSettledError
from pcare_cli.demo import board, tables
from pcare_cli.demo.layout import Layout
from pcare_cli.demo.observing import observe, rate
from pcare_cli.demo.servers import Servers, start_servers
from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.sealing import keys as sealing_keys
from pcare_cli.simulation.organisations import ORGANISATIONS, Way
from pcare_cli.topic_plan import read_plan
from pcare_common.clock import SystemClock
from pcare_ingest import keys
from pcare_kpi_aggregator.years import LONDON, instant_of, moment_of, start_of, year_of
from pcare_local.directory_lock import LOCK_FILE, DirectoryLock

REFRESH_SECONDS = 1.0
PLAIN_REFRESH_SECONDS = 10.0  # where there is no terminal, a line is enough now and then
INTERRUPTED = 130
EVENTS_A_SECOND = 20.0  # of a demo that is watched

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Demo:
    """What was asked for. `exit_when_done`: send `events`, wait, give the verdict, end."""

    directory: Path
    events: int | None = None
    rate: float | None = None
    seed: int | None = None
    exit_when_done: bool = False
    fresh: bool = False
    report: Path | None = None


class StoppedError(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: the exit status, and the last line to print if there is a verdict."""

    status: int
    verdict: str | None = None


async def run(demo: Demo, console: Console) -> Outcome:
    """Run the demo. Everything that was started is stopped again, whatever happens.

    Raises the errors of `start_servers`, and ProcessError when a service ends by itself.
    """
    stop = _stop_on_signals(console)
    lock = DirectoryLock(demo.directory)
    lock.acquire()
    try:
        if demo.fresh:
            _empty(demo.directory)
        return await _with_servers(demo, console, stop)
    finally:
        lock.release()


async def _with_servers(demo: Demo, console: Console, stop: asyncio.Event) -> Outcome:
    layout = Layout.choose(demo.directory)
    servers = await start_servers(layout.directory, console.print)
    supervisor = Supervisor(layout.environment(servers.bootstrap_servers, servers.postgres.dsn))
    servers.watch_by(supervisor)
    try:
        await _unless_stopped(_start_services(layout, servers, supervisor, console), stop)
        return await _unless_stopped(_course(demo, layout, servers, supervisor, console), stop)
    except StoppedError:
        return Outcome(INTERRUPTED if demo.exit_when_done else 0)
    finally:
        console.print("Stopping everything ...")
        for name in await supervisor.stop():
            console.print(f"{name} did not end in order; see {layout.directory / 'logs'}.", soft_wrap=True)
        await servers.stop()
        console.print(f"All is stopped. The data are in {layout.directory}; `make clean` removes them.", soft_wrap=True)


async def _start_services(layout: Layout, servers: Servers, supervisor: Supervisor, console: Console) -> None:
    if not layout.key.exists():
        keys.new(layout.key)
    if not layout.seal_key.exists():
        sealing_keys.make(layout.seal_key, layout.seal_name)
    migration = Service("database migration", ["-m", "pcare_recorder.migrate"], layout.log("migrate"))
    await asyncio.gather(asyncio.to_thread(_create_topics, servers), supervisor.run_to_end(migration))
    console.print("Starting kpi-aggregator, recorder and ingest ...")
    supervisor.start(
        Service("kpi-aggregator", ["-m", "pcare_kpi_aggregator"], layout.log("kpi-aggregator"), layout.aggregator)
    )
    supervisor.start(Service("recorder", ["-m", "pcare_recorder"], layout.log("recorder"), layout.recorder))
    supervisor.start(Service("ingest", ["-m", "pcare_ingest"], layout.log("ingest"), layout.ingest))
    await supervisor.wait_until_ready()
    # after the others, so that nobody waits for it: what is recorded meanwhile is in its first checkpoint
    supervisor.start(Service("sealer", ["-m", "pcare_cli.sealing"], layout.log("seal")))
    console.print("All services are ready.")
    console.print(board.addresses(layout), highlight=False)


def _create_topics(servers: Servers) -> None:
    providers = [organisation.slug for organisation in ORGANISATIONS if organisation.way is Way.KAFKA]
    with topics.admin_of(servers.options) as admin:
        topics.create(admin, read_plan(), providers, repair=True)


async def _course(demo: Demo, layout: Layout, servers: Servers, supervisor: Supervisor, console: Console) -> Outcome:
    since = None
    if demo.events is None and await _nothing_recorded(servers.postgres.dsn):
        since = history_begins()
        console.print(f"Sending a history since {since}, then what happens now ...")
    simulator = Service("simulated providers", simulate(demo, layout, since), layout.log("simulate"), may_end=True)
    if not demo.exit_when_done:
        supervisor.start(simulator)
        await _watch(layout, supervisor, console)
    console.print(f"Sending {demo.events} events ...")
    await supervisor.run_to_end(simulator)
    report = await _judge(layout, servers, supervisor, console)
    if demo.report is not None:
        demo.report.write_text(json.dumps(report.document(), indent=2) + "\n")
    console.print(tables.accounting(report.accounting))
    console.print(tables.comparison(report.kpis))
    return Outcome(0 if report.exact else 1, report.verdict())


def simulate(demo: Demo, layout: Layout, since: dt.date | None = None) -> list[str]:
    """Return the arguments of the simulated providers; `since`: they begin with a history from that day on."""
    arguments = ["-m", "pcare_cli", "simulate", "--ingest", layout.ingest]
    if since is not None:
        arguments += ["--since", since.isoformat()]
    rate = demo.rate
    if demo.events is not None:
        arguments += ["--events", str(demo.events), "--ledger", str(layout.ledger)]
    elif rate is None:
        rate = EVENTS_A_SECOND
    if rate is not None:
        arguments += ["--rate", str(rate)]
    if demo.seed is not None:
        arguments += ["--seed", str(demo.seed)]
    return arguments


def history_begins(now: dt.datetime | None = None) -> dt.date:
    """Return the first day of the financial year before this one: so that a year has closed and one is running."""
    at = now or SystemClock().now()
    return moment_of(start_of(year_of(instant_of(at)) - 1)).astimezone(LONDON).date()


async def _nothing_recorded(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        return not await connection.fetchval("SELECT EXISTS (SELECT FROM pcare.interventions)")
    finally:
        await connection.close()


async def _watch(layout: Layout, supervisor: Supervisor, console: Console) -> NoReturn:
    before = None
    async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                supervisor.check()
                now = await observe(client, layout)
                if console.is_terminal:
                    live.update(board.board(layout, now, rate(before, now), console.width), refresh=True)
                else:
                    console.print(board.status_line(now, rate(before, now)))
                before = now
                await asyncio.sleep(REFRESH_SECONDS if console.is_terminal else PLAIN_REFRESH_SECONDS)


async def _judge(layout: Layout, servers: Servers, supervisor: Supervisor, console: Console) -> Report:
    lines = (await asyncio.to_thread(layout.ledger.read_text)).splitlines()
    fates = [json.loads(line)["fate"] for line in lines]
    async with httpx.AsyncClient(base_url=layout.aggregator, timeout=30.0, trust_env=False) as client:
        auditor = Auditor(servers.options, servers.postgres.dsn, client)
        troubles: tuple[str, ...] = ()
        try:
            await auditor.wait_until_settled(console.print)
        except NotSettledError as error:
            troubles = (str(error),)
        supervisor.check()
        report = await auditor.report(sending.accepted_in(lines), fates.count(sending.Fate.UNANSWERED))
    return Report(report.accounting, report.kpis, report.instant, (*troubles, *report.troubles))


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK_FILE:  # it is held
            path.unlink()


async def _unless_stopped(work: Coroutine[Any, Any, Result], stop: asyncio.Event) -> Result:
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise StoppedError
        return working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


def _stop_on_signals(console: Console) -> asyncio.Event:
    stop = asyncio.Event()

    def asked() -> None:
        if stop.is_set():
            sys.stderr.write("Stopping at once.\n")
            os._exit(INTERRUPTED)  # every child dies with this process
        console.print("Stopping in order; Ctrl-C again stops at once.")
        stop.set()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, asked)
    return stop
