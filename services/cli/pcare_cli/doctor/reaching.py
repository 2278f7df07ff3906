"""Whether Kafka and PostgreSQL can be reached: found out once, for all who look. One that is away is told of once."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from kafka.errors import KafkaError

from pcare_cli.doctor import kafka_rules, server_rules
from pcare_cli.doctor.doors import UnseenError, reading, with_admin
from pcare_cli.doctor.findings import Finding
from pcare_cli.doctor.settings import DoctorSettings
from pcare_common import kafka_login
from pcare_common.kafka_errors import in_words, refusal
from pcare_recorder.errors import ErrorKind, classify, for_operator

Find = Callable[[], Awaitable[list[Finding]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. `topics` and `access` are files in place of the repository's own.

    `seconds` is how long each look may take. `send`: an event that counts is to be sent, and followed.
    """

    seconds: float
    thorough: bool = False
    send: bool = False
    topics: Path | None = None
    access: Path | None = None


class Reaching:
    """Where things are, and whether they can be reached. `now` is this machine's clock."""

    def __init__(self, settings: DoctorSettings, wanted: Wanted, now: Callable[[], dt.datetime]) -> None:
        self.settings = settings
        self.wanted = wanted
        self.now = now
        self.options = settings.kafka_python_options()
        self._reached: dict[str, asyncio.Future[Finding | None]] = {}

    @property
    def dsn(self) -> str:
        """Where PostgreSQL is. Raises UnseenError where nobody said."""
        if self.settings.postgres_dsn is None:
            raise UnseenError("nobody said where PostgreSQL is", "Set PCARE_POSTGRES_DSN.")
        return self.settings.postgres_dsn.get_secret_value()

    async def kafka_trouble(self) -> Finding | None:
        """Return what keeps us from Kafka. Raises UnseenError where nobody said where it is."""
        if not self.settings.kafka_given:
            raise UnseenError("nobody said where Kafka is", "Set PCARE_KAFKA_BOOTSTRAP_SERVERS.")
        return await self._once("kafka", self._reach_kafka)

    async def postgres_trouble(self) -> Finding | None:
        """Return what keeps us from PostgreSQL. Raises UnseenError where nobody said where it is."""
        dsn = self.dsn
        return await self._once("postgres", lambda: _reach_postgres(dsn))

    def with_kafka(self, find: Find) -> Find:
        """Return the same look, for when Kafka can be reached."""

        async def found() -> list[Finding]:
            if await self.kafka_trouble() is not None:
                raise UnseenError("Kafka cannot be reached")
            return await find()

        return found

    def with_postgres(self, find: Find) -> Find:
        """Return the same look, for when PostgreSQL can be reached."""

        async def found() -> list[Finding]:
            if await self.postgres_trouble() is not None:
                raise UnseenError("PostgreSQL cannot be reached")
            return await find()

        return found

    async def _reach_kafka(self) -> Finding | None:
        try:
            await with_admin(self.options, lambda admin: admin.describe_cluster())
        except KafkaError as error:
            refused = await kafka_login.refusal_at_login(self.settings.aiokafka_options())
            if refused is not None:
                return kafka_rules.REFUSES.found(str(refused))
            if refusal(error) is not None:
                return kafka_rules.REFUSES.found(in_words(error))
            return kafka_rules.AWAY.found(f"{self.settings.kafka_bootstrap_servers}: {in_words(error)}")
        return None

    async def _once(self, name: str, reach: Callable[[], Awaitable[Finding | None]]) -> Finding | None:
        """Find out once, for everybody who asks; one who gives up does not keep the others from knowing."""
        if name not in self._reached:
            self._reached[name] = asyncio.ensure_future(reach())
        return await asyncio.shield(self._reached[name])


async def _reach_postgres(dsn: str) -> Finding | None:
    try:
        async with reading(dsn):
            return None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        told = for_operator(error)
        if classify(error) is ErrorKind.TRANSIENT or told is None:
            return server_rules.AWAY.found(f"{type(error).__name__}: {error}".removesuffix(": "))
        return server_rules.REFUSES.found(f"{type(error).__name__}: {error}", words=told)
