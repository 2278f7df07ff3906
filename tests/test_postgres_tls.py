"""PostgreSQL over TLS: every program that uses it speaks it, and none trusts a server that it should not."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner

import events
from backends import Backend
from certificates import self_signed
from encrypted_postgres import Encrypted, encrypted_postgres
from pcare_cli.demo.layout import Layout
from pcare_cli.main import app
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_ingest import keys
from system import SECONDS_TO_START, Process, System, running_system

pytestmark = pytest.mark.integration

RUNNER = CliRunner()
SINGLE = {"content-type": "application/cloudevents+json"}
USES_TLS = """
SELECT a.application_name, s.ssl, s.version FROM pg_stat_ssl AS s JOIN pg_stat_activity AS a USING (pid)
WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
"""
NO_TLS = "PostgreSQL speaks no TLS there"
NOT_TRUSTED = "PostgreSQL's certificate is not trusted"


class _Servers:
    """The brokers of the run, and a PostgreSQL that speaks TLS."""

    def __init__(self, backend: Backend, dsn: str) -> None:
        self.bootstrap_servers = backend.bootstrap_servers
        self.dsn = dsn


@pytest.fixture
async def encrypted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Encrypted]:
    async with encrypted_postgres(tmp_path_factory.mktemp("encrypted")) as server:
        yield server


@pytest.fixture
async def secured_system(
    backend: Backend, encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """A system whose every address of PostgreSQL asks for a certificate that is trusted, by the host's name."""
    monkeypatch.setenv("PGSSLMODE", "verify-full")  # for what the tests' own connections do not say
    monkeypatch.setenv("PGSSLROOTCERT", str(encrypted.authority))
    servers = _Servers(backend, encrypted.dsn)
    async with running_system(servers, tmp_path_factory.mktemp("system")) as running:  # type: ignore[arg-type]
        running.logins = {name: encrypted.address(dsn) for name, dsn in running.logins.items()}
        monkeypatch.delenv("PGSSLMODE")
        monkeypatch.delenv("PGSSLROOTCERT")
        yield running


async def test_services_and_commands_speak_it(secured_system: System, encrypted: Encrypted) -> None:
    system = secured_system
    await system.start("ingest", "recorder")
    async with system.client("ingest") as client:
        one = events.pam()
        sent = await client.post("/events", content=json.dumps(one).encode(), headers=SINGLE)
        assert sent.status_code == 202
        for _ in range(300):
            receipt = (await client.get(sent.headers["location"])).json()
            if receipt["status"] == "recorded":
                break
            await asyncio.sleep(0.1)
        assert receipt["status"] == "recorded"
    owner = await asyncpg.connect(encrypted.address(system.dsn))
    try:
        found = {tuple(row) for row in await owner.fetch(USES_TLS)}
    finally:
        await owner.close()
    assert {(name, True) for name in ("pcare-recorder", "pcare-ingest-receipts")} <= {row[:2] for row in found}
    assert {version for _, _, version in found} <= {"TLSv1.3", "TLSv1.2"}
    assert "Nobody is recorded" not in await command(system.logins["operator"], "keys", "show")
    await command(encrypted.address(system.dsn), "migrate")


async def test_a_server_that_is_not_the_one_is_trusted_by_none(
    encrypted: Encrypted, backend: Backend, tmp_path: Path
) -> None:
    other, _ = self_signed(tmp_path)
    stranger = encrypted.address(authority=other)
    elsewhere = encrypted.address(encrypted.dsn.replace("127.0.0.1", "localhost"))
    for dsn in (stranger, elsewhere):
        assert NOT_TRUSTED in await command(dsn, "keys", "show", status=1)
        assert NOT_TRUSTED in await command(dsn, "migrate", status=EXIT_CONFIGURATION)
        assert NOT_TRUSTED in await command(dsn, "kpis", "--as-of", "2024-03-31", status=1)
    for service in ("ingest", "recorder"):
        await asyncio.to_thread(waits_and_says, service, stranger, backend, tmp_path, NOT_TRUSTED)


async def test_who_asks_for_it_gets_it_or_nothing(encrypted: Encrypted, backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
        await asyncpg.connect(f"{encrypted.dsn}?sslmode=disable")
    authority, _ = self_signed(tmp_path)
    plain = f"{backend.dsn}?sslmode=verify-full&sslrootcert={authority}"
    assert NO_TLS in await command(plain, "keys", "show", status=1)
    await asyncio.to_thread(waits_and_says, "recorder", plain, backend, tmp_path, NO_TLS)
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    said = await command(f"{encrypted.dsn}?sslmode=verify-full&sslrootcert={broken}", "keys", "show", status=78)
    assert "holds no certificates in PEM" in said


def waits_and_says(service: str, dsn: str, backend: Backend, directory: Path, words: str) -> None:
    """Run a service until its log says what is the matter: it takes no data, and is there when it has been mended."""
    layout = Layout.choose(directory)
    key = directory / "token.key"
    if not key.exists():
        assert RUNNER.invoke(app, ["keys", "token", str(key)]).exit_code == 0
        keys.new(layout.key)
    environment = layout.environment(backend.bootstrap_servers, dsn) | {
        "PCARE_INGEST_CREDENTIALS": "register",
        "PCARE_INGEST_TOKEN_KEY_FILE": str(key),
    }
    process = Process(service, 0, directory, environment)
    process.start()
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not process.log.exists() or words not in (log := process.log.read_text()):
            assert process.popen is not None
            assert process.popen.poll() is None, process.tail()
            assert time.monotonic() < deadline, process.tail()
            time.sleep(0.1)
        assert password_of(dsn) not in log
        ready = httpx.get(f"{process.address}/health/ready", trust_env=False)
        assert ready.status_code == 503
    finally:
        process.kill()


async def command(dsn: str, *arguments: str, status: int = 0) -> str:
    done = await asyncio.to_thread(RUNNER.invoke, app, arguments, env={"PCARE_POSTGRES_DSN": dsn})
    assert done.exit_code == status, f"{' '.join(arguments)}: {done.exit_code} {done.exception!r}\n{done.output}"
    assert password_of(dsn) not in done.output
    return str(done.output)


def password_of(dsn: str) -> str:
    return dsn.partition("@")[0].rpartition(":")[2]
