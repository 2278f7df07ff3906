"""Files: a CSV with mistakes in it, and one that breaks off. All that is right is recorded, and once."""

import asyncio
import csv
import datetime as dt
import signal
import subprocess
import sys
import time
from pathlib import Path

from proof_provider.checks import Checks
from proof_provider.joining import TRUST
from proof_provider.stage import Ran, Stage, source_of

ROWS, WRONG = 2_000, 3
RATE = "400"
BROKEN_OFF = 75
COLUMNS = ("nhs_number", "time", "borough", "referral_ref", "referrer", "reasons")
RIGHT, NO_BOROUGH = "E09000007", "E09000001"
COUNT = "SELECT count(*) FROM pcare.interventions WHERE source = $1 AND ref LIKE $2"


async def play(stage: Stage, checks: Checks) -> None:
    """Publish, mend what was rejected, publish that; then break off in the middle and go on."""
    template = await stage.must("publish", "--template", "sp-referral")
    checks.that("a template for the kind", set(COLUMNS) <= set(template.splitlines()[0].split(",")), template[:300])

    file = stage.directory / "referrals.csv"
    _write(file, "file", ROWS, WRONG)
    ran = await _publish(stage, file)
    checks.that("a file with mistakes ends with 1", ran.status == 1 and f"{WRONG} rejected" in ran.output, ran.output)
    reports = [path for path in stage.directory.glob("referrals.*.csv") if path != file]
    checks.that("and the rejected rows are a file of their own", len(reports) == 1, reports)
    checks.equal("all others are recorded", await _count(stage, "file-%", ROWS - WRONG), ROWS - WRONG)
    if reports:
        reports[0].write_text(reports[0].read_text().replace(NO_BOROUGH, RIGHT))
        ran = await _publish(stage, reports[0])
        checks.equal("mended, it is published as it is", ran.status, 0)
        checks.equal("and then all are recorded", await _count(stage, "file-%", ROWS), ROWS)

    file = stage.directory / "history.csv"
    _write(file, "history", ROWS, 0)
    status = await asyncio.to_thread(_break_off, stage, file)
    checks.equal("stopped in the middle", status, BROKEN_OFF)
    ran = await _publish(stage, file)
    checks.that("it goes on where it was", ran.status == 0 and "published before" in ran.output, ran.output)
    checks.equal("and all are recorded, once", await _count(stage, "history-%", ROWS), ROWS)
    ran = await _publish(stage, file, "--afresh")
    checks.equal("sent all over again", ran.status, 0)
    await stage.settled()
    checks.equal("it still counts once", await _count(stage, "history-%", ROWS), ROWS)


def _write(file: Path, name: str, rows: int, wrong: int) -> None:
    begin = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=300)
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        for number in range(rows):
            borough = NO_BOROUGH if number < wrong else RIGHT
            time_ = (begin + dt.timedelta(hours=number)).isoformat()
            writer.writerow(["9990000018", time_, borough, f"{name}-{number}", "gp", "mental_health"])


async def _publish(stage: Stage, file: Path, *more: str) -> Ran:
    arguments = ["--kind", "sp-referral", "--source", TRUST, "--address", stage.ingest, *more]
    return await stage.pcare("publish", str(file), *arguments, **_own(stage))


def _own(stage: Stage) -> dict[str, str]:
    return {"PCARE_API_KEY": stage.keys[TRUST], "PCARE_PUBLISH_ID_KEY_FILE": str(stage.directory / "ids.key")}


def _break_off(stage: Stage, file: Path) -> int:
    """Begin to publish, stop in the middle as Ctrl-C does, and return the exit status."""
    command = [sys.executable, "-m", "pcare_cli", "publish", str(file), "--kind", "sp-referral", "--source", TRUST]
    command += ["--address", stage.ingest, "--rate", RATE]
    with (stage.directory / "broken-off.txt").open("wb") as output:
        process = subprocess.Popen(
            command, env={**stage.environment, **_own(stage)}, cwd=stage.directory, stdout=output, stderr=output
        )
        time.sleep(4)
        process.send_signal(signal.SIGINT)
        return process.wait(30)


async def _count(stage: Stage, like: str, wanted: int) -> int:
    for _ in range(200):
        count = int((await stage.fetch(COUNT, source_of(TRUST), like))[0]["count"])
        if count >= wanted:
            break
        await asyncio.sleep(0.1)
    return count
