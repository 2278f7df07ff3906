"""schemathesis against a running ingest: what the OpenAPI document promises is what the service does."""

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest
from ingest_process import make_topic_anew, running

if TYPE_CHECKING:
    from pathlib import Path

    from backends import Backend

pytestmark = pytest.mark.integration

EXAMPLES = "5"
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [400, 404, 405, 406, 413, 415, 422]  # 413 is how too long a batch is refused

[checks.positive_data_acceptance]
enabled = false  # code lists, the register and the clock refuse what a schema cannot
"""
SEED = "1"


async def test_schemathesis_finds_nothing(backend: "Backend", tmp_path: "Path") -> None:
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    make_topic_anew(backend.bootstrap_servers)
    async with running(tmp_path, backend.bootstrap_servers) as ingest:
        await ingest.ready()
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)]
        command += ["run", f"http://127.0.0.1:{ingest.port}/openapi.json"]
        command += ["--max-examples", EXAMPLES, "--seed", SEED, "--no-color", "--suppress-health-check", "all"]
        running_it = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path
        )
        said, _ = await asyncio.wait_for(running_it.communicate(), 540)
        assert running_it.returncode == 0, said.decode()[-12_000:]
        assert b"Tested: 4" in said, said.decode()[-4_000:]
