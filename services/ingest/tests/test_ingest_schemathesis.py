"""schemathesis against a running ingest: what the OpenAPI document promises is what the service does.

All kinds of event take some minutes; the test tries four, of sources and times that are accepted. The long form,
of all kinds and whatever the document allows:
`PCARE_SCHEMATHESIS_EXAMPLES=200 .venv/bin/python -m pytest -s services/ingest/tests/test_ingest_schemathesis.py`
"""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from ingest_process import make_topic_anew, running

from pcare_recorder import migrate

if TYPE_CHECKING:
    from backends import Backend

pytestmark = pytest.mark.integration

EXAMPLES = os.environ.get("PCARE_SCHEMATHESIS_EXAMPLES")
SOME_KINDS = "choice-standards-assessed event-retracted pam-scored sp-referral"
SEED = "1"
PATIENCE_SECONDS = 1_800 if EXAMPLES else 500
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [
    207,  # of a batch that holds good events too, these are accepted
    400, 404, 405, 406,
    413,  # how too long a batch is refused
    415, 422,
]

[checks.positive_data_acceptance]
enabled = false  # in its place, schemathesis_checks looks at the reason of each refusal
"""


@pytest.fixture
async def record(backend: "Backend") -> AsyncIterator[str]:
    """Make a database at the present schema, for the receipts."""
    name = f"ingest_{uuid.uuid4().hex[:8]}"
    dsn = f"{backend.dsn.rsplit('/', 1)[0]}/{name}"
    server = await asyncpg.connect(backend.dsn)
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(dsn)
    await migrate.apply(connection)
    await connection.close()
    yield dsn
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def test_schemathesis_finds_nothing(backend: "Backend", record: str, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    make_topic_anew(backend.bootstrap_servers)
    async with running(tmp_path, backend.bootstrap_servers, PCARE_POSTGRES_DSN=record) as ingest:
        await ingest.ready()
        status, said = await run_schemathesis(tmp_path, ingest.port)

    assert status == 0, said[-12_000:]
    assert "Tested: 10" in said, said[-4_000:]
    sys.stdout.write(said[said.index("SUMMARY") :])


async def run_schemathesis(directory: Path, port: int) -> tuple[int | None, str]:
    """Return its exit status and what it said."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(directory / "schemathesis.toml")]
    command += ["run", f"http://127.0.0.1:{port}/openapi.json", "--no-color", "--seed", SEED]
    command += ["--max-examples", EXAMPLES or "10", "--suppress-health-check", "all"]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "schemathesis_checks",
        "PYTHONPATH": str(Path(__file__).parent),
        "PCARE_SCHEMATHESIS_KINDS": "" if EXAMPLES else SOME_KINDS,
    }
    run = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=directory, env=environment
    )
    try:
        said, _ = await asyncio.wait_for(run.communicate(), PATIENCE_SECONDS)
    finally:
        if run.returncode is None:
            run.kill()
    return run.returncode, said.decode()
