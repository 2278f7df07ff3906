"""Follows the register in PostgreSQL: looks every few seconds whether it has moved, and reads it when it has."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from pcare_common import logs
from pcare_common.backoff import delays
from pcare_common.postgres import tls_trouble
from pcare_ingest.knowledge import Knowledge
from pcare_ingest.providers import Credential, Providers
from pcare_ingest.rate_limit import Granted
from pcare_schemas.rules import Rules

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 15.0

_STATE = "SELECT register, credentials FROM edge.state"
_REGISTER = (
    "SELECT source, name, kind, valid_from, valid_to, successor, kinds, events_per_second FROM edge.register "
    "ORDER BY source"
)
_CREDENTIALS = "SELECT id, source, form, secret_sha256, jwks, valid_from, expires_at FROM edge.credentials"

_SETTINGS = {
    "application_name": "pcare-ingest",
    "default_transaction_read_only": "on",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

_ADVICE = {  # by class of SQLSTATE
    "28": "Check user and password in PCARE_POSTGRES_DSN, and the server's pg_hba.conf.",
    "3D": "Check the name of the database in PCARE_POSTGRES_DSN.",
    "3F": "Run `pcare migrate` on the database of PCARE_POSTGRES_DSN.",
    "42": "Run `pcare migrate` on the database of PCARE_POSTGRES_DSN, and give its user the role pcare_edge: "
    "`GRANT pcare_edge TO <user>`.",
}
_WAIT = "It is tried again; see that PostgreSQL answers at the address of PCARE_POSTGRES_DSN."
_ROWS = (
    "The register cannot be used: the table pcare.register holds what is not a provider, or does not go with the "
    "files. The log says what it is; mend it by `pcare providers`."
)

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is in the way: `told` to anybody who asks for the health; `words`, which may repeat a row, to the log."""

    told: str
    words: str = ""


class RegisterReader:
    """Keeps `knowledge` current. `base` are the rules of the files, which the table's rows come before."""

    def __init__(self, dsn: str, base: Rules, knowledge: Knowledge, *, poll: float, granted: Granted) -> None:
        self._dsn = dsn
        self._base = base
        self._knowledge = knowledge
        self._poll = poll
        self._granted = granted
        self._connection: asyncpg.Connection | None = None
        self._seen: tuple[int, int] | None = None

    async def run(self) -> None:
        """Follow the register until cancelled. Whatever PostgreSQL does is waited out and told, never raised."""
        waits = delays(longest=LONGEST_WAIT_SECONDS)
        before: Trouble | None = None
        try:
            while True:
                trouble = await self._try()
                if trouble is not None:
                    self._knowledge.in_the_way(trouble.told)
                    if trouble != before:
                        log.warning(
                            "the register cannot be read: going on with what is known",
                            trouble=trouble.told,
                            words=trouble.words,
                        )
                elif before is not None:
                    log.info("the register is read again")
                    waits = delays(longest=LONGEST_WAIT_SECONDS)
                before = trouble
                await asyncio.sleep(self._poll if trouble is None else next(waits))
        finally:
            self.drop()

    async def look(self) -> None:
        """Look once: read what has moved. Raises what asyncpg raises, and ValueError where rows are no register.

        Even then the credentials are learnt: a row of one provider must not keep the revocation of another's waiting.
        """
        connection = await self._connected()
        if self._seen is not None and _pair(await connection.fetchrow(_STATE)) == self._seen:
            self._knowledge.still_current()
            return
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            state = _pair(await connection.fetchrow(_STATE))
            register = await connection.fetch(_REGISTER)
            credentials = await connection.fetch(_CREDENTIALS)
        known = await asyncio.to_thread(_credentials, credentials)
        try:
            rules, providers = await asyncio.to_thread(self._made, register, known)
        except ValueError:
            self._knowledge.learn_credentials(known)
            raise
        self._knowledge.learn(rules, providers)
        self._seen = state
        log.info("the register was read", rules=rules.version, providers=len(register), credentials=len(credentials))

    def _made(self, register: Sequence[Any], known: Mapping[str, Credential]) -> tuple[Rules, Providers]:
        """Make it, away from the loop: all rules are hashed."""
        rules = self._base.with_register(self._base.register.with_rows(register))
        rates = {row["source"]: row["events_per_second"] for row in register if row["events_per_second"] is not None}
        return rules, Providers(rules.register, known, rates, self._granted)

    async def _try(self) -> Trouble | None:
        """Look once. Return what is in the way, in words that hold no secret, or None."""
        try:
            await self.look()
        except _AWAY as error:
            self.drop()
            return _in_words(error)
        except ValueError as error:
            return Trouble(_ROWS, str(error))
        except RuntimeError as error:
            if "the handler is closed" not in str(error):  # uvloop's word for a connection that was closed a moment ago
                raise
            self.drop()
            return Trouble(f"PostgreSQL closed the connection. {_WAIT}")
        return None

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self.drop()
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                server_settings=_SETTINGS,
                statement_cache_size=0,  # a pooler may give each statement another session
            )
        return self._connection

    def drop(self) -> None:
        """Let go of the connection, if there is one, and of what was seen by it.

        Behind the next connection may be another database, a standby or one restored, whose counters mean other rows.
        """
        self._seen = None
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _pair(row: Any) -> tuple[int, int]:
    return (row["register"], row["credentials"])


def _credentials(rows: Sequence[Any]) -> dict[str, Credential]:
    """Make them, away from the loop: keys are parsed."""
    return {row["id"]: Credential.of_row(row) for row in rows}


def _in_words(error: BaseException) -> Trouble:
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        told = f"PostgreSQL refuses ({type(error).__name__}, SQLSTATE {code}). {_ADVICE.get(code[:2], _WAIT)}"
        return Trouble(told, str(error))
    if isinstance(error, asyncpg.ClientConfigurationError):
        return Trouble("PCARE_POSTGRES_DSN cannot be used: it is no address of a database that the client understands.")
    if (untrusted := tls_trouble(error)) is not None:
        return Trouble(untrusted)
    return Trouble(f"PostgreSQL does not answer ({type(error).__name__}). {_WAIT}")
