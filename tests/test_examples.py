"""The examples that integrators copy: each is run as it stands against the system, where the tool is at hand."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path
from subprocess import CompletedProcess, run

import pytest

from system import System

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
NHS_NUMBER = "9990000018"
KEY = "pcare_a_key_for_tests"
PROJECT = """<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType><Nullable>enable</Nullable>
<TargetFramework>net8.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup></Project>"""

WHERE = {
    "dotnet": "install the .NET SDK 8 or newer",
    "java": "install a Java runtime, 11 or newer",
    "node": "install Node.js 18 or newer",
    "curl": "install curl",
    "sh": "there is no POSIX shell",
}
"""What an example needs that neither pip nor `make test-tools` brings."""


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed, so the example that it runs is not tried: {WHERE[name]}")
    return found


def command(name: str, directory: Path) -> list[str]:
    """Return how an example is started, as its first lines say."""
    file = EXAMPLES / name
    if name.endswith(".py"):
        return [sys.executable, str(file)]
    if name.endswith(".cs"):
        dotnet = tool("dotnet")
        shutil.copy(file, directory / "Program.cs")
        (directory / "example.csproj").write_text(PROJECT)
        return [dotnet, "run", "--project", str(directory)]
    return [tool({".sh": "sh", ".mjs": "node", ".java": "java"}[file.suffix]), str(file)]


def started(name: str, directory: Path, ingest: str) -> CompletedProcess[str]:
    if name.endswith(".sh"):
        tool("curl")
    return finished(command(name, directory), ingest)


def finished(arguments: list[str], ingest: str) -> CompletedProcess[str]:
    environment = {**os.environ, "INGEST": ingest, "PCARE_API_KEY": KEY, "NO_PROXY": "127.0.0.1"}
    return run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)


def names() -> list[str]:
    return sorted(file.name for file in EXAMPLES.iterdir())


def test_there_is_one_for_each_platform():
    assert set(names()) == {
        "Example.cs", "Example.java", "curl.sh", "example.mjs", "python_requests.py", "python_sdk.py",
    }  # fmt: skip


@pytest.mark.parametrize("name", names())
async def test_an_example_sends_its_event_and_prints_the_receipt(name: str, system: System, tmp_path: Path):
    await system.start("ingest", "recorder")
    ended = started(name, tmp_path, system.one("ingest").address)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "accepted" in ended.stdout
    identity = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ended.stdout)
    assert identity is not None, ended.stdout
    assert re.search(r"recorded|waits for the recorder", ended.stdout), ended.stdout
    rows: list[str] = []
    async with asyncio.timeout(60):
        while not rows:
            await asyncio.sleep(0.1)
            rows = [row[0] for row in await system.fetch("SELECT id FROM pcare.interventions")]
    assert rows == [identity[0]], "it is recorded, and once"
    for text in (ended.stdout, ended.stderr, system.logs()):
        assert NHS_NUMBER not in text
        assert KEY not in text


async def test_the_first_lines_of_the_page_do_what_it_says(system: System, tmp_path: Path):
    await system.start("ingest")
    address = system.one("ingest").address
    page = (EXAMPLES.parent / "sdk.md").read_text()
    block = page.split("```python\n")[1].split("```")[0].replace("https://ingest.example", address)
    file = tmp_path / "page.py"
    file.write_text(block + "\nprint(verdict.accepted)\n")
    ended = finished([sys.executable, str(file)], address)
    assert (ended.returncode, ended.stdout.strip()) == (0, "True"), ended.stderr
