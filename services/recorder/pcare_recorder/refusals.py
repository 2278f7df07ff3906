"""When the database refuses what one row of a batch holds: find that row, reject its event, keep the others.

The checks should leave nothing that PostgreSQL cannot store. This is for the day they do: one event must not stop a
partition, and its neighbours must not suffer.
"""

import contextlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

import asyncpg

from pcare_common.errors import OperatorError
from pcare_recorder.errors import ErrorKind, classify
from pcare_recorder.rows import Row
from pcare_recorder.store import Adder
from pcare_recorder.verdicts import Checked
from pcare_schemas.check import refuse
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import FieldError, Reason, Rejection

Written = tuple[Row, Checked]
"""A row, and the verdict that it was made of."""


class RowsRefusedError(Exception):
    """The database refuses some of these rows for what they hold. `cause` is what it said of the first it met."""

    def __init__(self, add: Adder, written: Sequence[Written], cause: Exception) -> None:
        super().__init__(_said(cause))
        self.add = add
        self.written = written
        self.cause = cause

    @classmethod
    @contextlib.contextmanager
    def translated(cls, add: Adder, written: Sequence[Written]) -> Generator[None, None, None]:
        """Raise RowsRefusedError for an error that is about a row; let any other pass."""
        try:
            yield
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            if classify(error) is ErrorKind.POISON:
                raise cls(add, written, error) from error
            raise


async def refused_rows(
    connection: asyncpg.Connection, refusal: RowsRefusedError, *, already: Mapping[Origin, Rejection]
) -> dict[Origin, Rejection]:
    """Return the verdicts to put in place of those whose rows the database refuses, by halving. Writes nothing.

    Raises OperatorError when no single row is refused by itself, or when one of `already` is refused again: then it
    is not an event that is wrong.
    """
    found = await _halve(connection, refusal.add, refusal.written)
    if not found or any(checked[0].origin in already for checked, _ in found):
        raise blameless(refusal.cause) from refusal.cause
    return {checked[0].origin: _verdict(checked, error) for checked, error in found}


def blameless(error: Exception) -> OperatorError:
    """Return what to raise where the database refuses a value and no single event is to blame for it.

    The error's own words are left out: they quote the value.
    """
    return OperatorError(
        f"The database refuses what no event is to blame for: {_said(error)}. Compare its schema with this release."
    )


def without_refused(checked: Sequence[Checked], refused: Mapping[Origin, Rejection]) -> Sequence[Checked]:
    """Return a batch with the verdicts of `refused` in place of what `check` said."""
    if not refused:
        return checked
    return [(submitted, refused.get(submitted.origin, found)) for submitted, found in checked]


async def _halve(
    connection: asyncpg.Connection, add: Adder, written: Sequence[Written]
) -> list[tuple[Checked, Exception]]:
    trial = connection.transaction()
    await trial.start()
    try:
        with RowsRefusedError.translated(add, written):
            await add(connection, [row for row, _ in written])
        return []
    except RowsRefusedError as refusal:
        if len(written) == 1:
            return [(written[0][1], refusal.cause)]
    finally:
        await trial.rollback()
    middle = len(written) // 2
    return [
        *await _halve(connection, add, written[:middle]),
        *await _halve(connection, add, written[middle:]),
    ]


def _verdict(checked: Checked, error: Exception) -> Rejection:
    submitted, found = checked
    if isinstance(found, Rejection):  # then it was something in the claims or the bytes: keep the verdict alone
        return replace(found, errors=(), source=None, id=None, evidence=None)
    message = f"The database cannot store what this event holds ({_said(error)})."
    return refuse(submitted.record, found, Reason.invalid_data, FieldError("", message, None))


def _said(error: Exception) -> str:
    """Return what kind of error it was, without its words: they quote the row."""
    return f"SQLSTATE {error.sqlstate}" if isinstance(error, asyncpg.PostgresError) else type(error).__name__
