"""Runs the doctor: reads where things are, looks at all of them at once, and shows what it saw."""

import asyncio
from collections.abc import Callable

import orjson
import typer
from rich.console import Console

from pcare_cli.doctor.findings import COULD_NOT_LOOK, Diagnosis
from pcare_cli.doctor.kafka_looks import KafkaLooks
from pcare_cli.doctor.looking import all_of
from pcare_cli.doctor.outer_looks import OuterLooks
from pcare_cli.doctor.reaching import Reaching, Wanted
from pcare_cli.doctor.record_looks import RecordLooks
from pcare_cli.doctor.settings import DoctorSettings
from pcare_cli.doctor.showing import document, show
from pcare_common.clock import Clock, SystemClock
from pcare_common.settings import load

WIDTH_WITHOUT_TERMINAL = 160


async def diagnose(settings: DoctorSettings, wanted: Wanted, clock: Clock) -> Diagnosis:
    """Look at everything that the settings name."""
    reaching = Reaching(settings, wanted, clock.now)
    begun = clock.monotonic()
    looks = [*KafkaLooks(reaching).looks(), *RecordLooks(reaching).looks(), *OuterLooks(reaching).looks()]
    findings = await all_of(looks)
    return Diagnosis(findings, clock.monotonic() - begun)


def run(wanted: Wanted, *, as_json: bool, clock: Callable[[], Clock] = SystemClock) -> int:
    """Look, show, and return the exit status."""
    try:
        settings = load(DoctorSettings)
    except SystemExit:  # it has said which setting is wrong
        return COULD_NOT_LOOK
    time_now = clock()
    diagnosis = asyncio.run(diagnose(settings, wanted, time_now))
    if as_json:
        typer.echo(orjson.dumps(document(diagnosis, time_now.now()), option=orjson.OPT_INDENT_2).decode())
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = WIDTH_WITHOUT_TERMINAL
        show(console, diagnosis)
    return diagnosis.status
