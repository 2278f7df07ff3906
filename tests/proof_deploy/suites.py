"""Runs tests of the repository as a step of the proof: what they found is shown one by one."""

import asyncio
import os
import sys
from pathlib import Path
from xml.etree import ElementTree

from proof_provider.checks import Checks

ROOT = Path(__file__).parents[2]


async def play_tests(checks: Checks, directory: Path, *paths: str) -> None:
    """Run tests in a process of their own. One that is skipped is a fault: a step says in `lacks` what it needs."""
    results = directory / "results.xml"
    log = directory / "pytest.log"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={results}", *paths]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=output, stderr=output, env=os.environ)
        status = await process.wait()
    if not results.exists():
        checks.that("the tests were run", False, log.read_text(errors="replace")[-500:])
        return
    for case in ElementTree.parse(results).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        found = [child for child in case if child.tag in {"failure", "error", "skipped"}]
        name = f"{case.get('classname', '').rsplit('.', 1)[-1]}::{case.get('name')}"
        checks.that(name, not found, "; ".join(f"{child.tag}: {child.get('message')}" for child in found))
    checks.that("the tests ended as they should", status == 0, f"pytest ended with {status}: {log}")
