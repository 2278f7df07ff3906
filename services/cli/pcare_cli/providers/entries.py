"""The rows of pcare.register: read together, changed one at a time, and never so that they make no register."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from pydantic import ValidationError

from pcare_cli.providers.words import RefusedError, known_source
from pcare_recorder import register_store
from pcare_schemas.register import COLUMNS, Provider, Register

ROW = (*COLUMNS, "events_per_second", "expected_by", "expected_days", "expected_on_bank_holidays")
"""The columns of a row that people decide about."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entries:
    """The register: what files say (`files`), and the rows of the table, by source."""

    files: Register
    rows: Mapping[str, Row]

    @property
    def register(self) -> Register:
        """The register in force. Raises RefusedError where files and table make none."""
        try:
            return self.files.with_rows(self.rows.values())
        except ValueError as error:
            raise RefusedError(f"The provider register cannot be used {error}.") from error

    def provider(self, source: str) -> Provider | None:
        """Return the provider of a row, whatever the others hold; None where there is no row."""
        row = self.rows.get(source)
        return None if row is None else Register([]).with_rows([row]).by_source[source]

    def source_of(self, text: str) -> str | None:
        """Return the source of an organisation that is registered, or None."""
        if text in self.rows:
            return text
        by_code = {re.split("[/:]", source)[-1].lower(): source for source in self.rows}
        return by_code.get(text.lower()) or known_source(text, self.files)

    def row_of(self, source: str) -> Row | None:
        """Return the row of an organisation; where only files have it, the row that it would have."""
        row = self.rows.get(source)
        if row is not None:
            return dict(row)
        provider = self.files.by_source.get(source)
        return None if provider is None else _row_of(provider)

    def with_row(self, row: Row) -> Provider:
        """Return the provider that a new or changed row makes. Raises RefusedError where it makes no register.

        A row that is wrong already does not keep another from being put right.
        """
        try:
            register = self.files.with_rows({**self.rows, row["source"]: row}.values())
        except ValidationError as error:
            raise RefusedError(_first_mistake(error)) from error
        except ValueError as error:
            cause = error.__cause__
            said = _first_mistake(cause) if isinstance(cause, ValidationError) else str(error)
            raise RefusedError(f"That makes no register {said}.") from error
        successor = row["successor"]
        if successor is not None and successor not in register.by_code:
            raise RefusedError(f"No organisation of the register has the code {successor}: add the successor first.")
        if row["expected_by"] is None and (row["expected_days"] or row["expected_on_bank_holidays"]):
            raise RefusedError("--days and --bank-holidays say when --expected-by holds: give that too.")
        return register.by_source[row["source"]]


async def read(connection: asyncpg.Connection, files: Register) -> Entries:
    """Read the table. In a transaction that changes it, call `lock` first."""
    found = await connection.fetch(f"SELECT {', '.join(ROW)} FROM pcare.register ORDER BY source")  # noqa: S608
    return Entries(files, {row["source"]: dict(row) for row in found})


async def lock(connection: asyncpg.Connection) -> None:
    """Keep others from changing the register until the transaction ends; who reads it does not wait."""
    await connection.execute("LOCK TABLE pcare.register IN SHARE ROW EXCLUSIVE MODE")


async def write(connection: asyncpg.Connection, row: Row, provider: Provider, act: int) -> None:
    """Add or change a row; and say what the provider is called, for analysts and the desk."""
    values = [*(row[name] for name in ROW), act]
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    columns = ", ".join((*ROW, "act"))
    await connection.execute(
        f"INSERT INTO pcare.register ({columns}) VALUES ({places}) "  # noqa: S608 - names of columns
        f"ON CONFLICT (source) DO UPDATE SET ({columns}) = ROW ({', '.join(f'excluded.{n}' for n in (*ROW, 'act'))})",
        *values,
    )
    await register_store.name_providers(connection, [provider])


def document(row: Row) -> dict[str, Any]:
    """Return a row as plain JSON values, without what is not limited."""
    return {name: _plain(value) for name, value in row.items() if value is not None and value is not False}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _row_of(provider: Provider) -> Row:
    return {
        "source": provider.source,
        "name": provider.name,
        "kind": provider.kind,
        "valid_from": provider.validity.first,
        "valid_to": provider.validity.end,
        "successor": provider.successor,
        "kinds": None if provider.kinds is None else list(provider.kinds),
        "events_per_second": None,
        "expected_by": None,
        "expected_days": None,
        "expected_on_bank_holidays": False,
    }


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in mistake["loc"])
    return f"--{place.replace('_', '-')}: {mistake['msg']}" if place else mistake["msg"]
