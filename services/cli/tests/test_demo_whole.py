"""`pcare demo` from the outside: a verdict, then the same data again, watched and stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.integration

SECONDS = 240.0


@contextmanager
def demo(directory: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run the demo on a directory; its output goes to a file, as in a CI job."""
    output = directory.with_suffix(".txt")
    environment = {name: value for name, value in os.environ.items() if name != "PCARE_KAFKA_BOOTSTRAP_SERVERS"}
    command = [sys.executable, "-m", "pcare_cli", "demo", "--data", str(directory), *arguments]
    with output.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, text=True, env=environment)
        try:
            yield process, output
        finally:
            process.kill()  # its children die with it
            process.wait()


def wait_for(words: str, output: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while words not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)


def test_the_demo_gives_a_verdict_and_goes_on_with_its_data(tmp_path: Path) -> None:
    directory, report = tmp_path / "demo", tmp_path / "report.json"
    with demo(directory, "--events", "300", "--exit", "--seed", "3", "--report", str(report)) as (process, output):
        assert process.wait(SECONDS) == 0, output.read_text()
        last = output.read_text().splitlines()[-1]
    assert last.startswith("exact: ")
    first = json.loads(report.read_text())
    assert first["exact"]
    sums = first["accounting"]
    assert sums["submitted"] == sums["recorded"] + sums["duplicates"] + sums["rejected"] > 290
    assert {"kpi", "borough", "year", "exact", "stream", "sql", "replay"} == set(first["kpis"][0])

    with demo(directory, "--rate", "50") as (process, output):
        wait_for(" recorded ", output, process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert {"java", "postgres"} <= {child.name() for child in children}
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0, output.read_text()
        assert f"The data are in {directory}" in output.read_text()
    assert not [child for child in children if child.is_running()]

    with demo(directory, "--events", "300", "--exit", "--seed", "3", "--report", str(report)) as (process, output):
        assert process.wait(SECONDS) == 0, output.read_text()
    again = json.loads(report.read_text())["accounting"]
    assert again["recorded"] >= 2 * sums["recorded"]
