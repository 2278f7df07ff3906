"""What docs/credentials.md has to copy and paste, run as it stands against the real service."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from edge_ingest import OWN, event, registering, start_ingest
from system import System

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        not all(map(shutil.which, ("bash", "curl", "openssl", "basenc"))), reason="needs bash, curl, openssl, basenc"
    ),
]

PAGE = (Path(__file__).parents[1] / "docs" / "credentials.md").read_text()
BY_KEY, MAKE_KEYS, BY_SIGNATURE = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(IN_PYTHON,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


async def test_each_way_that_the_page_shows_lets_an_event_in(system: System, tmp_path: Path) -> None:
    async with registering(system) as database:
        key = await database.add_key(OWN)
        environment = {"KID": "our-key-2026", "PCARE_API_KEY": key.text}
        await run(tmp_path, environment, "bash", "-euc", MAKE_KEYS)
        environment["CLIENT_ID"] = await database.add_client(OWN, (tmp_path / "public.json").read_text())
        ingest = start_ingest(system, database)
        await ingest.ready()
        environment["INGEST"] = ingest.address

        assert " 202 " in await run(tmp_path, environment, "bash", "-euc", BY_KEY)
        assert " 202 " in await run(tmp_path, environment, "bash", "-euc", BY_SIGNATURE)
        assert "202 " in await run(tmp_path, environment, sys.executable, "-c", IN_PYTHON)


async def run(directory: Path, environment: dict[str, str], *command: str) -> str:
    """Run it with another event.json, and return what it said."""
    (directory / "event.json").write_bytes(event())
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env={**os.environ, **environment, "NO_PROXY": "*", "no_proxy": "*"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()
    return said.decode()
