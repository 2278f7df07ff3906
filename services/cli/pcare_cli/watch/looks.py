"""The rounds of the watcher: each look by itself, again and again, and how long ago each last succeeded."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import asyncpg
import httpx
from kafka.errors import KafkaError
from prometheus_client import CollectorRegistry, Counter

from pcare_cli import postgres_errors
from pcare_common import logs, metrics
from pcare_common.backoff import delays
from pcare_common.clock import Clock
from pcare_common.errors import OperatorError, TransientError
from pcare_common.health import Health
from pcare_common.kafka_errors import in_words

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
PATIENCE_SECONDS = 60.0

AWAY = (
    OSError,  # TimeoutError, ConnectionError and SSLError are kinds of it
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # asked on a connection in the moment in which it was lost
    KafkaError,
    httpx.HTTPError,
    ssl.SSLError,
    OperatorError,
    TransientError,
)
"""What a look may fail with and be repeated: something is away or refuses. Any other error is a mistake of ours."""

log = logs.get(__name__)


@dataclass(slots=True)
class Look:
    """Something that is looked at every so many seconds. `at_most` bounds one look; what it leaves behind is closed."""

    name: str
    seconds: float
    work: Callable[[], Awaitable[None]]
    at_most: float
    began: float = 0.0
    succeeded: float | None = None
    trouble: str | None = None

    def age(self, now: float) -> float:
        """Return how long ago it last succeeded: since the start if it never did."""
        return now - (self.began if self.succeeded is None else self.succeeded)

    def is_stale(self, now: float) -> bool:
        """Tell whether what it showed is older than it should be."""
        return self.age(now) > 3 * self.seconds + PATIENCE_SECONDS


@dataclass(slots=True)
class Watch:
    """All looks. `run` goes on until it is told to stop, whatever is away; other errors end it."""

    looks: Sequence[Look]
    registry: CollectorRegistry
    clock: Clock
    _failures: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Show how old each look is from now on."""
        ages = metrics.gauge("pcare_watch_look_age_seconds", self.registry)
        intervals = metrics.gauge("pcare_watch_look_interval_seconds", self.registry)
        self._failures = metrics.counter("pcare_watch_look_failures_total", self.registry)
        for look in self.looks:
            look.began = self.clock.monotonic()
            ages.labels(look.name).set_function(partial(self._age, look))
            intervals.labels(look.name).set(look.seconds)
            self._failures.labels(look.name)

    def _age(self, look: Look) -> float:
        return look.age(self.clock.monotonic())

    def ready(self) -> Health:
        """Say what it cannot look at, and since when."""
        now = self.clock.monotonic()
        return Health(
            tuple(
                f"{look.name}: no look has succeeded for {look.age(now):.0f} s ({look.trouble or 'it has not ended'})"
                for look in self.looks
                if look.succeeded is None or look.trouble is not None or look.is_stale(now)
            )
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        async with asyncio.TaskGroup() as group:
            for look in self.looks:
                group.create_task(self._keep_looking(look, stop), name=f"look-{look.name}")

    async def _keep_looking(self, look: Look, stop: asyncio.Event) -> None:
        waits = delays(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        while not stop.is_set():
            if await self.look_once(look):
                waits = delays(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
                wait = look.seconds
            else:
                wait = next(waits)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)

    async def look_once(self, look: Look) -> bool:
        """Look, and return whether that succeeded. What was shown before stays where it did not."""
        try:
            async with asyncio.timeout(look.at_most):
                await look.work()
        except AWAY as error:
            self._failures.labels(look.name).inc()
            trouble = told(error)
            if trouble != look.trouble:
                log.warning("a look did not succeed; it is repeated", look=look.name, trouble=trouble)
            look.trouble = trouble
            return False
        if look.trouble is not None:
            log.info("the look succeeds again", look=look.name)
        look.trouble = None
        look.succeeded = self.clock.monotonic()
        return True


def told(error: BaseException) -> str:
    """Return an error as an operator reads it: what did not answer or refused; what to do, where that is known."""
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return words(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")


_LACKING = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)
# the first that fits
_WORDS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    ((OperatorError, TransientError), str),
    (KafkaError, lambda error: f"Kafka: {in_words(error)}"),
    (
        asyncpg.InsufficientPrivilegeError,
        lambda error: f"PostgreSQL refuses: {error}. The watcher's login must be a member of pcare_auditor",
    ),
    (_LACKING, lambda _error: "the database is not up to date: run `pcare migrate`"),
    (
        (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
        lambda error: f"PostgreSQL: {postgres_errors.in_words(error)}",
    ),
    (httpx.HTTPError, lambda error: f"the kpi-aggregator: {type(error).__name__}: {error}"),
)
