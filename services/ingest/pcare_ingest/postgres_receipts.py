"""Receipts out of PostgreSQL, as the role pcare_edge may read them: a `pcare_ingest.receipt_store.ReceiptStore`.

Every statement is a lookup by key or the next few rows of an index, and one statement is one instant. Whoever asks
waits for a connection and for the answer a bounded time, and only so many wait at once.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from pcare_common import logs
from pcare_common.postgres import tls_trouble
from pcare_ingest.receipt_store import Place, ReceiptsAwayError, Recorded, Rejected, Remembered
from pcare_schemas.origin import Origin
from pcare_schemas.topics import slug_of

CONNECTIONS = 4
MAX_WAITING = 64
WAIT_SECONDS = 2.0
STATEMENT_SECONDS = 3.0
CONNECT_SECONDS = 3.0
IDLE_SECONDS = 60.0

_SETTINGS = {
    "application_name": "pcare-ingest-receipts",
    "statement_timeout": f"{int(STATEMENT_SECONDS * 1000)}",
    "default_transaction_read_only": "on",
    "timezone": "UTC",
    "jit": "off",
    # Before the first statistics are there, the planner takes a table for small and would read all of it each time.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

_RECORDED = "e.kind, e.recorded_at, e.origin_topic AS e_topic, e.origin_partition AS e_partition, "
_RECORDED += "e.origin_offset AS e_offset, e.retracted"
_REJECTED = "r.source, r.id, r.reason, r.errors, r.received_at, "
_REJECTED += "r.origin_topic, r.origin_partition, r.origin_offset"

_BY_PLACE = f"""
SELECT c.next_offset, {_RECORDED}, {_REJECTED}, EXISTS (
    SELECT FROM edge.rejected AS a
    WHERE a.origin_topic = $4 AND a.origin_partition = $5 AND a.origin_offset = $6
      AND (a.owner IN ($1, $3)) IS NOT TRUE
) AS anothers
FROM (VALUES (1)) AS one
LEFT JOIN edge.cursors AS c ON c.topic = $4 AND c.partition = $5
LEFT JOIN edge.recorded AS e ON e.source = $1 AND e.id = $2
LEFT JOIN edge.rejected AS r
  ON r.origin_topic = $4 AND r.origin_partition = $5 AND r.origin_offset = $6 AND r.owner IN ($1, $3)
"""  # noqa: S608 - of constants
_BY_EVENT = f"""
SELECT NULL::bigint AS next_offset, {_RECORDED}, {_REJECTED}, false AS anothers
FROM (VALUES (1)) AS one
LEFT JOIN edge.recorded AS e ON e.source = $1 AND e.id = $2
LEFT JOIN LATERAL (
    SELECT * FROM edge.rejected AS found
    WHERE found.source = $1 AND found.id = $2 AND found.owner IN ($1, $3)
    ORDER BY found.received_at DESC LIMIT 1
) AS r ON true
"""  # noqa: S608 - of constants
_PAGE_OF_OWNER = f"""(
SELECT {_REJECTED} FROM edge.rejected AS r
WHERE r.owner = $%d
  AND (r.received_at, r.origin_topic, r.origin_partition, r.origin_offset)
    > ($3::timestamptz, $4, $5::integer, $6::bigint)
ORDER BY r.received_at, r.origin_topic, r.origin_partition, r.origin_offset LIMIT $7
)"""  # noqa: S608 - of constants
_PAGE = (
    _PAGE_OF_OWNER % 1
    + " UNION ALL "
    + _PAGE_OF_OWNER % 2
    + " ORDER BY received_at, origin_topic, origin_partition, origin_offset LIMIT $7"
)

log = logs.get(__name__)


class PostgresReceipts:
    """A small pool of connections, opened when they are first asked for. Used on one loop; `close` it at the end."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._waiting = 0

    async def remembered(self, source: str, id: str, at: Origin | None) -> Remembered:  # noqa: A002
        """See the protocol."""
        slug = slug_of(source)
        async with self._connection() as connection:
            if at is None:
                row = await connection.fetchrow(_BY_EVENT, source, id, slug)
            else:
                row = await connection.fetchrow(_BY_PLACE, source, id, slug, at.topic, at.partition, at.offset)
        rejected = None if row["reason"] is None else _rejected(row)
        return Remembered(row["next_offset"], _recorded(row), rejected, row["anothers"])

    async def rejections(self, source: str, after: Place, limit: int) -> list[Rejected]:
        """See the protocol."""
        origin = after.origin
        async with self._connection() as connection:
            rows: Sequence[asyncpg.Record] = await connection.fetch(
                _PAGE,
                source,
                slug_of(source),
                after.received_at,
                origin.topic,
                origin.partition,
                origin.offset,
                limit,
            )
        return [_rejected(row) for row in rows]

    async def close(self) -> None:
        """Close what is open; what does not close within a second is dropped."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(1.0):
                await pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        if self._waiting >= MAX_WAITING:
            raise ReceiptsAwayError("too many ask for receipts at once")
        self._waiting += 1
        try:
            async with (await self._opened()).acquire(timeout=WAIT_SECONDS) as connection:
                yield connection
        except asyncpg.InsufficientPrivilegeError as error:
            raise self._away(error, "grant the login of PCARE_POSTGRES_DSN the role pcare_edge") from error
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError) as error:
            raise self._away(error, "run `python -m pcare_recorder.migrate` on that database") from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise self._away(error, tls_trouble(error) or "") from error
        except RuntimeError as error:
            if "the handler is closed" not in str(error):  # uvloop's word for a connection that was just closed
                raise
            raise self._away(error, "") from error
        finally:
            self._waiting -= 1

    async def _opened(self) -> asyncpg.Pool:
        """Return the pool, made if there is none; no connection is opened by that."""
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=CONNECTIONS,
                    timeout=CONNECT_SECONDS,
                    command_timeout=STATEMENT_SECONDS + 1.0,
                    max_inactive_connection_lifetime=IDLE_SECONDS,
                    server_settings=_SETTINGS,
                )
            return self._pool

    def _away(self, error: BaseException, advice: str) -> ReceiptsAwayError:
        """Tell the operator; the words of a client never leave, which may repeat what was asked."""
        code = getattr(error, "sqlstate", None)
        log.warning("receipts cannot be looked up", error=type(error).__name__, sqlstate=code, advice=advice)
        return ReceiptsAwayError(type(error).__name__)


def _recorded(row: asyncpg.Record) -> Recorded | None:
    if row["kind"] is None:
        return None
    origin = Origin(row["e_topic"], row["e_partition"], row["e_offset"])
    return Recorded(row["kind"], row["recorded_at"], origin, row["retracted"])


def _rejected(row: asyncpg.Record) -> Rejected:
    origin = Origin(row["origin_topic"], row["origin_partition"], row["origin_offset"])
    return Rejected(row["source"], row["id"], row["reason"], orjson.loads(row["errors"]), row["received_at"], origin)
