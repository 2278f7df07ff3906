"""Logins of a database for the programs that use it, each a member of its role as a deployment makes them."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from pcare_recorder import migrate

READS_ONLY = frozenset({"auditor", "grafana"})
"""Logins whose transactions begin as read only, beside what their role may do."""

ROLES = {
    "recorder": "pcare_recorder",
    "ingest": "pcare_edge",
    "operator": "pcare_operator",
    "sealer": "pcare_sealer",
    "auditor": "pcare_auditor",
    "grafana": "pcare_grafana",
}


@asynccontextmanager
async def logins(owner: str) -> AsyncIterator[dict[str, str]]:
    """Make a login for each program in the database of this DSN, which is at the present schema; return their DSNs."""
    connection = await asyncpg.connect(owner)
    made = {name: f"{name}_{secrets.token_hex(4)}" for name in ROLES}
    try:
        assert await migrate.admit_edge(connection) is None
        assert await migrate.admit_roles(connection) is None
        password = f"Word{secrets.token_hex(12)}"
        for name, login in made.items():
            await connection.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{password}' IN ROLE {ROLES[name]}")
            if name in READS_ONLY:
                await connection.execute(f"ALTER ROLE {login} SET default_transaction_read_only = on")
        parts = urlsplit(owner)
        yield {
            name: urlunsplit(parts._replace(netloc=f"{login}:{password}@{parts.hostname}:{parts.port}"))
            for name, login in made.items()
        }
    finally:
        await connection.close()
        connection = await asyncpg.connect(owner)  # anew: a test may have killed the server in between
        try:
            for login in made.values():
                await connection.execute(f"DROP ROLE IF EXISTS {login}")
        finally:
            await connection.close()
