"""`pcare publish` and the client package against the system itself: ingest, Kafka, the recorder, PostgreSQL."""

import asyncio
import csv
import os
import signal
import sys
from pathlib import Path
from subprocess import PIPE, Popen, run
from uuid import uuid4

import pytest

from pcare_client import Client
from system import System

pytestmark = pytest.mark.integration

NHS_NUMBER = "9990000018"
SPOILT = "E08000001"
ROWS = 6_000


def command(system: System, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "pcare_cli", "publish", "--address", system.one("ingest").address, *arguments]


def environment(system: System) -> dict[str, str]:
    return {**os.environ, "PCARE_PUBLISH_ID_KEY_FILE": str(system.directory / "id.key")}


def begin(system: System, *arguments: str) -> Popen[str]:
    return Popen(command(system, *arguments), env=environment(system), stdout=PIPE, stderr=PIPE, text=True)


def publish(system: System, *arguments: str):
    return run(command(system, *arguments), env=environment(system), capture_output=True, text=True, check=False)


def write(file: Path, count: int, *, spoilt: frozenset[int] = frozenset()) -> Path:
    with file.open("w", newline="", encoding="utf-8") as opened:
        lines = csv.writer(opened)
        lines.writerow(["NHS Number", "Time", "Borough", "Referral Ref"])
        for number in range(count):
            borough = SPOILT if number in spoilt else "E09000019"
            lines.writerow(["999 000 0018", "19/04/2024 10:30", borough, f"SP-{number:06}"])
    return file


async def recorded(system: System, count: int) -> list[str]:
    """Wait until so many events are recorded, and return their references."""
    found: list[str] = []
    async with asyncio.timeout(90):
        while len(found) < count:
            await asyncio.sleep(0.3)
            found = [row[0] for row in await system.fetch("SELECT ref FROM pcare.interventions")]
    return found


async def test_a_file_is_recorded_once_though_its_publisher_is_killed_and_ingest_too(system: System):
    await system.start("ingest", "recorder")
    file = write(system.directory / "year.csv", ROWS, spoilt=frozenset({17, 4_321}))
    arguments = (str(file), "--kind", "sp-declined", "--source", "RKE")
    journal = file.with_name("year.csv.pcare-journal")

    first = begin(system, *arguments, "--rate", "500")
    async with asyncio.timeout(60):
        while not journal.exists() or len(journal.read_bytes().splitlines()) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    first.kill()
    first.communicate()
    done = len(journal.read_bytes().splitlines()) - 1
    assert 0 < done < ROWS / 500, "it was killed in the middle"

    second = begin(system, *arguments, "--rate", "3000")
    await asyncio.sleep(1.0)
    system.one("ingest").kill()
    await asyncio.sleep(0.5)
    system.one("ingest").start()
    await system.one("ingest").ready()
    said, errors = await asyncio.to_thread(second.communicate)
    assert second.returncode == 1, errors
    assert f"{ROWS - 2:,} of {ROWS:,} rows accepted, 2 rejected" in said

    references = await recorded(system, ROWS - 2)
    assert len(references) == len(set(references)) == ROWS - 2

    report = file.with_name("year.rejected.csv")
    with report.open(encoding="utf-8-sig", newline="") as opened:
        rejected = list(csv.DictReader(opened))
    assert sorted(row["pcare_row"] for row in rejected) == ["19", "4323"]
    report.write_text(report.read_text(encoding="utf-8-sig").replace(SPOILT, "E09000019"), encoding="utf-8-sig")
    mended = publish(system, str(report), "--kind", "sp-declined", "--source", "RKE")
    assert mended.returncode == 0, mended.stderr
    assert len(set(await recorded(system, ROWS))) == ROWS

    again = publish(system, *arguments, "--afresh")
    assert again.returncode == 1
    async with asyncio.timeout(90):
        while not await _all_read(system):  # noqa: ASYNC110
            await asyncio.sleep(0.3)
    assert len(await recorded(system, ROWS)) == ROWS, "what was sent again counts once"
    for text in (said, errors, again.stdout, again.stderr, system.logs()):
        assert NHS_NUMBER not in text
        assert "999 000 0018" not in text


async def test_ctrl_c_ends_in_order_and_the_same_command_goes_on(system: System):
    await system.start("ingest")
    file = write(system.directory / "x.csv", 3_000)
    arguments = (str(file), "--kind", "sp-declined", "--source", "RKE")
    process = begin(system, *arguments, "--rate", "500")
    journal = file.with_name("x.csv.pcare-journal")
    async with asyncio.timeout(60):
        while not journal.exists() or len(journal.read_bytes().splitlines()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.to_thread(process.communicate)
    assert process.returncode == 75, errors
    assert "again to go on" in errors
    assert "Traceback" not in errors
    ended = publish(system, *arguments)
    assert ended.returncode == 0, ended.stderr
    assert "3,000 of 3,000 rows accepted" in ended.stdout
    assert "were not sent again" in ended.stdout


async def test_mistakes_of_the_command_send_nothing(system: System):
    await system.start("ingest")
    file = write(system.directory / "x.csv", 3)
    for arguments, said in (
        ((str(file), "--kind", "sp-decline", "--source", "RKE"), "sp-declined"),
        ((str(file), "--kind", "sp-declined"), "--source"),
        ((str(system.directory / "none.csv"), "--kind", "sp-declined", "--source", "RKE"), "cannot be read"),
        ((), "Which files"),
    ):
        ended = publish(system, *arguments)
        assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
    assert not file.with_name("x.csv.pcare-journal").exists()


async def test_the_client_package_sends_and_repeats_safely(system: System):
    await system.start("ingest", "recorder")
    with Client(system.one("ingest").address, source="RKE") as client:
        events = [
            client.events.sp_declined(
                nhs_number=NHS_NUMBER, time="2024-04-19T10:30:00+01:00", borough="E09000019", referral_ref=str(uuid4())
            )
            for _ in range(50)
        ]
        verdicts = list(client.send_many(events, batch=20))
        assert all(verdict.accepted for verdict in verdicts)
        system.one("ingest").kill()
        system.one("ingest").start()
        assert all(verdict.accepted for verdict in client.send_many(events))
    references = await recorded(system, 50)
    assert len(references) == len(set(references)) == 50


async def _all_read(system: System) -> bool:
    """Whether the recorder has come to the end of what was submitted."""
    from kafka import KafkaConsumer, TopicPartition

    def ends() -> int:
        consumer = KafkaConsumer(bootstrap_servers=system.backend.bootstrap_servers)
        try:
            partitions = consumer.partitions_for_topic("interventions.submitted") or set()
            places = [TopicPartition("interventions.submitted", number) for number in partitions]
            return sum(consumer.end_offsets(places).values())
        finally:
            consumer.close()

    read = await system.fetch(
        "SELECT coalesce(sum(next_offset), 0) FROM pcare.cursors WHERE topic = 'interventions.submitted'"
    )
    return int(read[0][0]) >= await asyncio.to_thread(ends)
