"""The system on brokers that let nobody in unasked: every service and every provider with a user of its own."""

import asyncio
import gc
import json
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import Result
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError
from kafka.net.selector import NetworkSelector
from typer.testing import CliRunner

from backends import Backend
from database_logins import logins
from pcare_cli.main import app
from pcare_cli.sealing import keys as sealing_keys
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.kafka import KafkaSettings
from pcare_ingest import keys
from pcare_local import processes
from pcare_local.kafka import KafkaServer
from pcare_local.testing import running_secured_kafka
from system import Process, System, database

RUNNER = CliRunner()
SECONDS = 60.0
REAUTHENTICATE_SECONDS = 5
"""Short, so that services and providers say many times during a test who they are."""

SERVICES = ("ingest", "recorder", "kpi-aggregator")
GROUPS = {"PCARE_RECORDER_GROUP": "pcare-recorder", "PCARE_KPI_GROUP": "kpi-aggregator"}


@contextmanager
def shut_out() -> Iterator[None]:
    """Fail unless what is in the block is refused by Kafka.

    kafka-python leaves the sockets of such attempts to the collector: they are found here, not during another test.
    """
    with leaving_sockets():
        try:
            yield
        except KafkaError:
            return
        raise AssertionError("it was let in")


@contextmanager
def leaving_sockets() -> Iterator[None]:
    """Do not mind the sockets that are left open in the block, and close them after it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        finally:
            gc.collect()


@contextmanager
def stopping_clients() -> Iterator[None]:
    """Stop, after the block, whatever clients of kafka-python it has left running.

    One that was refused goes on trying in a thread of its own, and one that failed to begin cannot be closed: both
    would take sockets, and random numbers, in the middle of other tests.
    """
    before = {id(loop) for loop in _running_loops()}
    try:
        yield
    finally:
        with leaving_sockets():
            for loop in _running_loops():
                if id(loop) not in before:
                    loop.close()


def _running_loops() -> list[NetworkSelector]:
    found = [one for one in gc.get_objects() if type(one) is NetworkSelector]
    return [loop for loop in found if loop._io_thread is not None]


@dataclass
class _Address:
    """As much of a backend as a System asks for."""

    bootstrap_servers: str


@dataclass
class Secured:
    """A cluster, a database, and who has which password."""

    kafka: KafkaServer
    system: System
    passwords: dict[str, str] = field(default_factory=dict)

    def login(self, user: str, password: str | None = None) -> dict[str, str]:
        """Return the environment of who logs in as `user`."""
        assert self.kafka.security is not None
        return {
            "PCARE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "PCARE_KAFKA_SASL_USERNAME": user,
            "PCARE_KAFKA_SASL_PASSWORD": password or self.passwords[user],
            "PCARE_KAFKA_SSL_CAFILE": str(self.kafka.security.authority),
        }

    def options(self, user: str, **changed: Any) -> dict[str, Any]:
        """Return the connection options of kafka-python for `user`."""
        as_user = {"sasl_plain_username": user, "sasl_plain_password": self.passwords[user]}
        return self.kafka.administration | as_user | changed

    def log_in(self, user: str, *, milliseconds: int = 30_000, **changed: Any) -> None:
        """Connect as `user`, and no more. Raises a KafkaError once it has tried for so many milliseconds."""
        KafkaAdminClient(**self.options(user, **changed), bootstrap_timeout_ms=milliseconds).close()

    def settings(self, user: str) -> KafkaSettings:
        """Return the settings of a service that logs in as `user`."""
        login = {name.removeprefix("PCARE_").lower(): value for name, value in self.login(user).items()}
        return KafkaSettings.model_validate({"kafka_bootstrap_servers": self.kafka.bootstrap_servers, **login})

    def invoke(self, *arguments: str, user: str = "admin", **variables: str) -> Result:
        """Type a command as a user, the administrator by default."""
        environment = self.system.environment | self.login(user) | variables
        with leaving_sockets():
            return RUNNER.invoke(app, arguments, env=environment)

    def type(self, *arguments: str, status: int = 0, **more: str) -> str:
        """Type a command that ends with this status, and return what it says, on both streams."""
        done = self.invoke(*arguments, **more)
        assert done.exit_code == status, f"{' '.join(arguments)}: {done.exit_code} {done.exception!r}\n{done.output}"
        return done.output

    def change(self, *arguments: str, why: str = "a test", **more: Any) -> str:
        """Type a command that changes users, remember the password that it shows, and return what it says."""
        said = self.type(*arguments, "--who", "ada", "--why", why, **more)
        shown = re.search(r"password of (\S+), which is shown now and kept nowhere:\n\n    (\S+)\n", said)
        if shown:
            self.passwords[shown[1]] = shown[2]
        return said

    async def start(self, name: str) -> Process:
        """Start a service with a user of its own, and wait until it is ready."""
        process = self.system.add(name)
        process.environment |= self.login(name)
        await asyncio.to_thread(process.start)
        await process.ready()
        return process

    def send(self, user: str, topic: str, *events: dict[str, Any], **changed: Any) -> None:
        """Send events with the settings and the key that docs/send-by-kafka.md names. Raises what Kafka says."""
        options = {"acks": "all", "enable_idempotence": True, "max_block_ms": 20_000} | self.options(user, **changed)
        with closing(KafkaProducer(**options)) as producer:
            for one in events:
                producer.send(topic, value=json.dumps(one).encode(), key=one["subject"].encode()).get(timeout=30)

    async def fetched(self, query: str, *arguments: object, rows: int = 1) -> list[Any]:
        """Ask the database until it has so many rows; start again, as an orchestrator does, what ended by itself.

        aiokafka's coordination now and then fails where topics come while it joins its group: the process then ends.
        """
        deadline = time.monotonic() + SECONDS
        while len(found := await self.system.fetch(query, *arguments)) < rows:
            for process in self.system.processes:
                if process.popen is not None and process.popen.poll() not in {None, 0, EXIT_CONFIGURATION}:
                    process.start()
            assert time.monotonic() < deadline, f"{query} {arguments}: {found}\n{self.system.logs()[-3000:]}"
            await asyncio.sleep(0.1)
        return found

    def trail(self) -> list[dict[str, Any]]:
        """Return the audit trail, the oldest act first. Not for a loop that runs."""
        found = asyncio.run(self.system.fetch("SELECT number, who, what, why, details FROM pcare.acts ORDER BY number"))
        return [{**row, "details": json.loads(row["details"])} for row in found]


@contextmanager
def running_secured(backend: Backend, directory: Path) -> Iterator[Secured]:
    """Run a secured broker, with the topics and a database, and no user but the administrator."""
    with (
        running_secured_kafka(directory / "kafka", reauthenticate_seconds=REAUTHENTICATE_SECONDS) as kafka,
        asyncio.Runner() as runner,
    ):
        assert kafka.security is not None
        made = database(backend.dsn)
        dsn = runner.run(made.__aenter__())
        try:
            system = System(_Address(kafka.bootstrap_servers), directory, dsn)  # type: ignore[arg-type]
            system.environment |= GROUPS
            keys.new(system.layout.key)
            sealing_keys.make(system.layout.seal_key, system.layout.seal_name)
            secured = Secured(kafka, system, {"admin": kafka.security.password})
            secured.type("migrate")
            secured.type("topics", "create")
            logged_in = logins(dsn)
            system.logins = runner.run(logged_in.__aenter__())
            try:
                yield secured
                for process in system.processes:
                    if process.popen is not None and process.popen.poll() is None:
                        processes.kill(process.popen)
            finally:
                runner.run(logged_in.__aexit__(None, None, None))
        finally:
            runner.run(made.__aexit__(None, None, None))
