"""The audit trail of what is done to the database as a whole: who backed it up, restored it, brought it up to date.

What people need at three in the morning is not refused because it cannot be put down: then a line says what was not.
"""

import getpass
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pcare_operations.errors import OperationError
from pcare_operations.server import Server

Say = Callable[[str], None]

_THERE = "SELECT to_regclass('pcare.acts') IS NOT NULL"
_ADD = """
INSERT INTO pcare.acts (who, what, why, details)
VALUES (:'who', :'what', :'why', convert_from(decode(:'details', 'hex'), 'UTF8')::json)
"""
_HEAD = "SELECT position || ' ' || encode(hash, 'hex') FROM pcare.acts_chain ORDER BY position DESC LIMIT 1"


def login_name() -> str:
    """Return who runs this, behind `sudo` too."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


@dataclass(frozen=True, slots=True)
class By:
    """Who does something and why."""

    why: str
    who: str = field(default_factory=login_name)


def put_down(server: Server, by: By, what: str, details: Mapping[str, Any], *, say: Say) -> None:
    """Add an act to the trail of pcare's database, or say that it is in none."""
    document = json.dumps(details)
    variables = {"who": by.who, "what": what, "why": by.why, "details": document.encode().hex()}
    try:
        trouble = None if server.query(_THERE) == "t" else "the database has none yet"
        if trouble is None:
            server.query(_ADD, variables=variables)
    except OperationError as error:
        trouble = str(error)
    if trouble is not None:
        say(f"not in the audit trail ({trouble}). Keep this line: {by.who}: {what} {document}")


def head(server: Server, database: str) -> str | None:
    """Return where the chain of acts ends in a database; None where it has none."""
    if server.query("SELECT to_regclass('pcare.acts_chain') IS NOT NULL", database=database) != "t":
        return None
    return server.query(_HEAD, database=database) or None
