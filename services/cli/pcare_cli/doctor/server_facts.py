"""What the doctor sees of the database server: the server itself, its sessions, schema and roles. Facts alone."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Server:
    """The server and its database. `unsafe` are settings that may lose what was committed."""

    version: int
    version_words: str
    standby: bool
    unsafe: Mapping[str, str]
    bytes: int
    xid_age: int
    xid_freezes_at: int
    connections: int
    max_connections: int
    damaged_pages: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session that waits for a lock: which ones hold it, and since when, in seconds."""

    pid: int
    program: str
    blockers: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that is open, for so many seconds. `idle`: its client does nothing with it."""

    pid: int
    program: str
    seconds: float
    idle: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who waits and whose transactions are open. `seen`: whether this login may see those of others."""

    waiting: tuple[Waiting, ...]
    transactions: tuple[Transaction, ...]
    seen: bool


@dataclass(frozen=True, slots=True)
class Roles:
    """Which roles of the plan there are, and programs of ours that are connected as somebody who may do anything."""

    missing: tuple[str, ...]
    overmighty: tuple[str, ...]
    login: str
    member_of: tuple[str, ...]
