"""The system in containers loses what can be lost, one thing after another, and is upgraded while it works.

Each ends with the same: all that was accepted is accounted for, and stream, SQL and replay agree. It takes minutes, so
`make proof-deploy` plays it, and `make test` only where PCARE_TEST_CONTAINERS is 1. The tests go on from one another.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from composed import ROOT, WANTED, Composed, lacks, left_out, running
from events import referral
from pcare_cli.accounting import Report
from pcare_cli.auditing import Auditor
from pcare_common.kafka import KafkaSettings

pytestmark = pytest.mark.containers

WHO = ("--who", "ada", "--why", "a test")
CONTENT_TYPE = {"Content-Type": "application/cloudevents+json"}


class Operator:
    """Whoever types the commands, and a provider that sends."""

    def __init__(self, composed: Composed, directory: Path) -> None:
        self.composed = composed
        self.backups = directory / "backups"
        self.environment = composed._environment | {
            "COMPOSE_PROJECT_NAME": composed.project,
            "PYTHONPATH": str(ROOT / "deploy" / "operations"),
        }
        said = composed.compose("run", "--rm", "pcare", "providers", "add", "RKE", "--key", *WHO)
        found = re.search(r"pcare_[a-z]{12}_[A-Za-z]{45}", said)
        assert found, said
        self.headers = CONTENT_TYPE | {"X-API-Key": found[0]}
        self.accepted: list[tuple[str, str]] = []

    def type(self, *words: str, status: int = 0) -> str:
        """Type an operation, which is to end with this status, and return what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "pcare_operations", *words],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=2_400, check=False,
        )  # fmt: skip
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done.stdout + done.stderr

    def send(self, count: int) -> None:
        """Send until so many are accepted."""
        wanted = len(self.accepted) + count
        deadline = time.monotonic() + 300
        while len(self.accepted) < wanted:
            assert time.monotonic() < deadline, "nothing is accepted"
            if not self.send_one():
                time.sleep(0.5)

    def send_one(self) -> bool:
        """Send an event, and tell whether it was accepted: whatever else is answered, the provider sends another."""
        event = referral()
        try:
            answer = httpx.post(
                f"{self.composed.address('INGEST')}/events", json=event, headers=self.headers, timeout=30
            )
        except httpx.TransportError:
            return False
        if answer.status_code == 202:
            self.accepted.append((event["source"], event["id"]))
        return answer.status_code == 202

    def well(self) -> Report:
        """Wait until all has settled; everything accepted is accounted for, and the three counts agree."""
        report = asyncio.run(self._report())
        assert report.exact, report.faults()
        return report

    async def _report(self) -> Report:
        kafka = KafkaSettings.model_validate(
            {
                "kafka_bootstrap_servers": f"localhost:{self.composed.ports['KAFKA']}",
                "kafka_security_protocol": "SASL_SSL",
                "kafka_sasl_username": "admin",
                "kafka_sasl_password": self.composed.secret("kafka-admin"),
                "kafka_ssl_cafile": str(self.composed.secrets / "authority.pem"),
            }
        )
        board = {"Authorization": f"Bearer {self.composed.secret('kpi-token')}"}
        async with httpx.AsyncClient(base_url=self.composed.address("KPI"), headers=board, timeout=120) as client:
            auditor = Auditor(kafka.kafka_python_options(), self.dsn, client)
            await auditor.wait_until_settled(lambda _: None)
            return await auditor.report(self.accepted)

    @property
    def dsn(self) -> str:
        password = self.composed.secret("postgres-pcare")
        return f"postgresql://pcare:{password}@127.0.0.1:{self.composed.ports['POSTGRES']}/pcare"

    async def _fetch(self, sql: str) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    def fetch(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the database, as its owner."""
        return asyncio.run(self._fetch(sql))

    def lose(self, service: str) -> None:
        """Lose a service with its volume, which the watcher has as well, and start it on an empty one."""
        self.composed.compose("rm", "--stop", "--force", service, "watch")
        volume = f"{self.composed.project}_{service}"
        subprocess.run(["docker", "volume", "rm", volume], check=True, capture_output=True)
        self.composed.compose("up", "--detach", "--wait", "--no-deps", service, seconds=600)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run the system for the tests of this module, with one provider that sends."""
    reason = lacks() if os.environ.get(WANTED) == "1" else f"it takes minutes: make proof-deploy, or {WANTED}=1"
    if reason:
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("operations")
    with running(directory) as composed:
        composed.compose("stop", "simulator")
        yield Operator(composed, directory)


def backup_of(operator: Operator) -> Path:
    operator.type("backup", "--rehearse", "--to", str(operator.backups))
    return max(operator.backups.glob("pcare-2*.tar"))


def test_a_backup_comes_back_and_the_log_gives_what_is_newer(operator):
    operator.send(20)
    path = backup_of(operator)
    operator.composed.compose("run", "--rm", "pcare", "providers", "add", "RAL", *WHO)
    operator.send(20)
    said = operator.type("restore", str(path))
    assert "1 acts are newer than the backup and are undone" in said
    assert "ada  provider-added" in said
    operator.send(5)
    operator.well()
    assert "provider-added" in {row[0] for row in operator.fetch("SELECT what FROM pcare.acts")}


def test_postgresql_without_a_backup_is_made_again_from_the_log(operator):
    before = operator.well().accounting.total("recorded")
    texts = "SELECT published::text FROM pcare.published ORDER BY 1"
    kept = operator.fetch(texts)
    operator.lose("postgres")
    said = operator.type("rebuild")
    operator.composed.compose("up", "--detach", "--no-deps", "watch")
    assert "in no register" in said
    assert operator.fetch(texts) == kept
    assert operator.well().accounting.total("recorded") == before


def test_kafka_is_made_again_from_postgresql(operator):
    texts = "SELECT published::text FROM pcare.published ORDER BY 1"
    kept = operator.fetch(texts)
    operator.composed.compose("stop", "ingest", "recorder", "kpi-aggregator", "sealer")
    operator.lose("kafka")
    operator.composed.compose("run", "--rm", "kafka-users", seconds=600)
    operator.composed.compose("run", "--rm", "pcare-administrator", "republish", *WHO, seconds=600)
    operator.composed.up()
    operator.composed.compose("stop", "simulator")
    operator.well()
    assert set(kept) <= set(operator.fetch(texts))  # the made-up providers went on


def _left_out() -> list[str]:
    return [word for service in left_out() for word in ("--without", service)]


def test_an_upgrade_loses_nothing_that_was_accepted_meanwhile(operator):
    path = max(operator.backups.glob("pcare-2*.tar"))
    operator.type("restore", str(path))  # the provider and its key are known again
    operator.send(20)
    before = len(operator.accepted)
    upgrading = subprocess.Popen(
        [sys.executable, "-m", "pcare_operations", "upgrade", "--no-backup", *_left_out()],
        cwd=ROOT, env=operator.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with upgrading:
        while upgrading.poll() is None:
            operator.send_one()
        assert upgrading.stdout is not None
        said = upgrading.stdout.read()
    assert upgrading.returncode == 0, said[-5000:]
    assert "all services are healthy" in said
    assert len(operator.accepted) > before
    operator.well()
