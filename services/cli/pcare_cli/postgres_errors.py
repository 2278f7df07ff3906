"""What may be said of an error of PostgreSQL: its own words may quote a row, and with it a person."""

import asyncpg

QUOTING = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.WithCheckOptionViolationError)
"""Errors about a value. Their words or their details say which: `invalid input syntax for type bigint: "…"`."""


def in_words(error: BaseException) -> str:
    """Return an error's class and its words; the class alone where the words may be what a row holds."""
    name = type(error).__name__
    return name if isinstance(error, QUOTING) else f"{name}: {error}".removesuffix(": ")


def not_countable(error: asyncpg.DataError) -> str:
    """Return what to tell of a value that PostgreSQL cannot work with: no word of its own, and what says where."""
    return (
        "A row of the database cannot be counted, or PostgreSQL cannot take what it was given "
        f"({type(error).__name__}; the value is not shown, for it may be about a person). If it is a row, "
        "`pcare audit replay` says which."
    )
