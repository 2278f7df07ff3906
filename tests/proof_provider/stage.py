"""The system of the proof: real servers, the services as processes, and the operator's and providers' hands."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import httpx

from pcare_cli.auditing import Auditor
from pcare_local import processes
from pcare_local.kafka_security import ADMINISTRATOR, MECHANISM
from pcare_local.testing import running_postgres, running_secured_kafka
from pcare_schemas.register import LOCAL_SOURCE, ODS_SOURCE
from system import Process

SERVICES = ("recorder", "kpi-aggregator", "ingest")
SECONDS_FOR_A_COMMAND = 120.0
SETTLED = {"recorded", "duplicate", "rejected", "retracted"}
ONE = {"content-type": "application/cloudevents+json"}
MANY = {"content-type": "application/cloudevents-batch+json"}
WHY = ("--who", "proof", "--why", "a proof")


@dataclass
class Ran:
    """What a command printed, and its exit status."""

    status: int
    output: str


@dataclass
class Stage:
    """The running system. `environment` is the operator's; `keys` are the API keys that were given out, by provider."""

    directory: Path
    dsn: str
    bootstrap_servers: str
    authority: Path
    environment: dict[str, str]
    services: dict[str, Process] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    """Everything that must not be found in a log."""

    @property
    def ingest(self) -> str:
        """The address that providers are given."""
        return self.services["ingest"].address

    async def pcare(self, *arguments: str, **environment: str) -> Ran:
        """Run the command as a person would, and return what it said. `environment` comes on top of the operator's."""
        command = [sys.executable, "-m", "pcare_cli", *arguments]

        def run() -> Ran:
            done = subprocess.run(
                command,
                check=False,
                env={**self.environment, **environment},
                cwd=self.directory,
                capture_output=True,
                text=True,
                timeout=SECONDS_FOR_A_COMMAND,
                stdin=subprocess.DEVNULL,
            )
            return Ran(done.returncode, done.stdout + done.stderr)

        return await asyncio.to_thread(run)

    async def must(self, *arguments: str, **environment: str) -> str:
        """Run the command, which must succeed, and return what it said."""
        ran = await self.pcare(*arguments, **environment)
        assert ran.status == 0, f"pcare {' '.join(arguments)} ended with {ran.status}: {ran.output[-2000:]}"
        return ran.output

    def client(self, credential: str | None) -> httpx.AsyncClient:
        """Return an HTTP client that calls with a credential, or without."""
        headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
        return httpx.AsyncClient(base_url=self.ingest, headers=headers, trust_env=False, timeout=30)

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Ask the database as its owner."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def acts(self) -> set[str]:
        """Return what is in the audit trail, by name."""
        return {str(row["what"]) for row in await self.fetch("SELECT DISTINCT what FROM pcare.acts")}

    async def is_recorded(self, source: str, *ids: str, within: float = 30.0) -> bool:
        """Wait until events are in the record, and say whether they came."""
        query = "SELECT count(*) FROM pcare.interventions WHERE source = $1 AND id = ANY($2::text[])"
        for _ in range(int(within / 0.1)):
            if (await self.fetch(query, source, list(ids)))[0]["count"] == len(set(ids)):
                return True
            await asyncio.sleep(0.1)
        return False

    @asynccontextmanager
    async def auditor(self) -> AsyncIterator[Auditor]:
        """Return whom to ask whether everything adds up."""
        options = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": ADMINISTRATOR,
            "sasl_plain_password": self.environment["PCARE_KAFKA_SASL_PASSWORD"],
            "ssl_cafile": str(self.authority),
        }
        address = self.services["kpi-aggregator"].address
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as aggregator:
            yield Auditor(options, self.dsn, aggregator)

    async def settled(self) -> None:
        """Wait until everything that was sent is judged, published and counted."""
        async with self.auditor() as auditor:
            await auditor.wait_until_settled(lambda _line: None)

    def logs(self) -> str:
        """Return everything that the services wrote."""
        files = sorted((self.directory / "logs").glob("*.log"))
        return "\n".join(path.read_text(errors="replace") for path in files)


async def receipt(client: httpx.AsyncClient, at: str, *, within: float = 20.0) -> dict[str, Any]:
    """Ask at a receipt's address until it is settled, and return the document."""
    answer = await client.get(at)
    for _ in range(int(within / 0.1)):
        if answer.status_code == httpx.codes.OK and answer.json().get("status") in SETTLED:
            break
        await asyncio.sleep(0.1)
        answer = await client.get(at)
    return {"http": answer.status_code, **(answer.json() if answer.content else {})}


def receipt_of(source: str, id_: str) -> str:
    """Return the address of an event's receipt."""
    return f"/events/{quote(source, safe='')}/{id_}"


def source_of(code: str) -> str:
    """Return the source of an ODS code or a slug."""
    return (ODS_SOURCE if code.isupper() else LOCAL_SOURCE) + code


def secret_in(output: str) -> str:
    """Return the secret that a command showed once: a line of its own, indented."""
    found = re.findall(r"^ {4}(\S{24,})$", output, re.MULTILINE)
    assert len(found) >= 1, f"no secret is shown in: {output}"
    return str(found[0])


@asynccontextmanager
async def running_stage(directory: Path) -> AsyncIterator[Stage]:
    """Start servers and services on an empty directory, with credentials on everywhere, and end them afterwards."""
    with running_secured_kafka(directory / "kafka") as kafka, running_postgres(directory / "postgres") as postgres:
        (directory / "system").mkdir()
        security = kafka.security
        assert security is not None
        login = _login(kafka.bootstrap_servers, security.authority, ADMINISTRATOR, security.password)
        stage = Stage(
            directory / "system",
            postgres.dsn,
            kafka.bootstrap_servers,
            security.authority,
            _environment(directory / "system", login | {"PCARE_POSTGRES_DSN": postgres.dsn}),
        )
        stage.secrets.append(security.password)
        try:
            await _prepare(stage)
            yield stage
        finally:
            for process in stage.services.values():
                if process.popen is not None and process.popen.poll() is None:
                    processes.kill(process.popen)


async def _prepare(stage: Stage) -> None:
    """Do what docs/operate.md says an operator does before anybody joins."""
    await stage.must("migrate")
    await stage.must("topics", "create")
    await stage.must("keys", "new", stage.environment["PCARE_PSEUDONYM_KEY_FILE"])
    await stage.must("keys", "token", stage.environment["PCARE_INGEST_TOKEN_KEY_FILE"])
    await stage.fetch("CREATE ROLE edge LOGIN PASSWORD 'edge-of-the-proof' IN ROLE pcare_edge")
    stage.secrets.append("edge-of-the-proof")
    for name in SERVICES:
        shown = await stage.must("kafka", "add", name, *WHY)
        password = secret_in(shown)
        stage.secrets.append(password)
        login = _login(stage.bootstrap_servers, stage.authority, name, password)
        own = {"PCARE_POSTGRES_DSN": _edge(stage.dsn)} if name == "ingest" else {}
        process = Process(name, 0, stage.directory, {**stage.environment, **login, **own})
        stage.services[name] = process
        process.start()
    for process in stage.services.values():
        await process.ready()


def _environment(directory: Path, base: Mapping[str, str]) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PCARE_")},
        "PYTHONUNBUFFERED": "1",
        "PCARE_LOG_FORMAT": "json",
        "PCARE_LOG_LEVEL": "debug",
        "PCARE_PSEUDONYM_KEY_FILE": str(directory / "pseudonym.key"),
        "PCARE_INGEST_TOKEN_KEY_FILE": str(directory / "token.key"),
        "PCARE_INGEST_CREDENTIALS": "register",
        "PCARE_INGEST_REGISTER_POLL": "0.5",
        **base,
    }


def _login(servers: str, authority: Path, user: str, password: str) -> dict[str, str]:
    return {
        "PCARE_KAFKA_BOOTSTRAP_SERVERS": servers,
        "PCARE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "PCARE_KAFKA_SASL_MECHANISM": MECHANISM,
        "PCARE_KAFKA_SASL_USERNAME": user,
        "PCARE_KAFKA_SASL_PASSWORD": password,
        "PCARE_KAFKA_SSL_CAFILE": str(authority),
    }


def _edge(dsn: str) -> str:
    parts = urlsplit(dsn)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"edge:edge-of-the-proof@{parts.hostname}{port}"))
