"""Lines of the audit trail, `pcare.acts`: who did what by command, and why."""

import getpass
import os
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson


def login_name() -> str:
    """Return under which name this process runs; its number, where that has none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


@dataclass(frozen=True, slots=True)
class By:
    """Who does something and why; by default whoever runs the process, for no reason of their own."""

    why: str
    who: str = field(default_factory=login_name)

    @classmethod
    def said(cls, who: str | None, why: str | None, otherwise: str) -> "By":
        """Return what was said on a command line, and `otherwise` as the reason where none was."""
        return cls((why or "").strip() or otherwise, (who or "").strip() or login_name())


async def add(connection: asyncpg.Connection, by: By, what: str, details: dict[str, Any]) -> int:
    """Write a line and return its number. Call it in the transaction that does what it tells of, where there is one."""
    number: int = await connection.fetchval(
        "INSERT INTO pcare.acts (who, what, why, details) VALUES ($1, $2, $3, $4) RETURNING number",
        by.who,
        what,
        by.why,
        orjson.dumps(details).decode(),
    )
    return number
