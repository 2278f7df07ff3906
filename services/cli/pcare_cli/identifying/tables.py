"""Looks through every column of every table that can hold ten digits, in every schema but PostgreSQL's own."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import asyncpg

from pcare_cli.identifying.places import Place, Report, Scanned
from pcare_cli.identifying.searching import Search

AT_ONCE = 200
_APART = b" | "
"""Between the columns of a row: no number reaches over it."""

_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, t.typname
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
ORDER BY n.nspname, c.relname, a.attnum
"""
_HOLD_NO_TEXT = frozenset(
    {"bool", "int2", "float4", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "uuid", "oid"}
)
"""Types whose values are no text and no number of ten digits, however they are written."""


class Table(NamedTuple):
    """A table, and its columns with their types."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]


async def scan(connection: asyncpg.Connection, search: Search, report: Report) -> AsyncIterator[Scanned]:
    """Look through all tables as they are at one instant; give how many rows each held."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for table in await tables(connection):
            yield Scanned(f"{table.schema}.{table.name}", await _scan_table(connection, table, search, report))


async def tables(connection: asyncpg.Connection) -> list[Table]:
    """Return the tables of all schemas, and of each the columns that are to be looked into."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, name, column, kind in await connection.fetch(_COLUMNS):
        columns = found.setdefault((schema, name), [])
        if kind not in _HOLD_NO_TEXT:
            columns.append((column, kind))
    return [Table(schema, name, tuple(columns)) for (schema, name), columns in found.items()]


async def _scan_table(connection: asyncpg.Connection, table: Table, search: Search, report: Report) -> int:
    chosen = ", ".join(["ctid::text", *(_selected(column, kind) for column, kind in table.columns)])
    query = f"SELECT {chosen} FROM {_quoted(table.schema)}.{_quoted(table.name)}"  # noqa: S608 - names of the catalogue
    number = 0
    async for row in connection.cursor(query, prefetch=AT_ONCE):
        number += 1
        cells = [_bytes(value) for value in row[1:]]
        if search.finds_one(_APART.join(cells)):
            _tell(table, row[0], cells, search, report)
    return number


def _tell(table: Table, at: str, cells: Sequence[bytes], search: Search, report: Report) -> None:
    where = f"{table.schema}.{table.name} {at}"
    for (column, _), cell in zip(table.columns, cells, strict=True):
        if search.finds_one(cell):
            report(Place(where, column))


def _selected(column: str, kind: str) -> str:
    """Bytes as they are; an array of them each apart; all else as text."""
    if kind == "bytea":
        return _quoted(column)
    return _quoted(column) if kind == "_bytea" else f"{_quoted(column)}::text"


def _bytes(value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, list):
        return _APART.join(map(_bytes, value))
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
