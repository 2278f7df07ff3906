"""A database of the present schema for one test, with a login of ingest's and hands to fill the register."""

import datetime as dt
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from pcare_common import api_keys
from pcare_recorder import migrate


class EdgeDatabase:
    """`dsn` is the owner's, `edge_dsn` that of a login with the role pcare_edge, whose password is `password`."""

    def __init__(self, dsn: str, login: str, password: str, connection: asyncpg.Connection) -> None:
        self.dsn = dsn
        self.login = login
        self.password = password
        self.connection = connection

    @property
    def edge_dsn(self) -> str:
        return self.dsn_of(self.login, self.password)

    def dsn_of(self, user: str, password: str) -> str:
        parts = urlsplit(self.dsn)
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}"))

    async def add_provider(self, source: str, *, kind: str = "trust", rate: int | None = None) -> None:
        await self.connection.execute(
            "INSERT INTO pcare.register (source, name, kind, events_per_second, act) VALUES ($1, $1, $2, $3, $4)",
            source,
            kind,
            rate,
            await self._act(),
        )

    async def add_key(self, source: str, *, expires_at: dt.datetime | None = None) -> api_keys.ApiKey:
        key = api_keys.new()
        await self.connection.execute(
            "INSERT INTO pcare.credentials (id, source, form, secret_sha256, valid_from, expires_at, act) "
            "VALUES ($1, $2, 'api_key', $3, '2015-01-01', $4, $5)",
            key.id,
            source,
            api_keys.sha256(key.secret),
            expires_at,
            await self._act(),
        )
        return key

    async def add_client(self, source: str, jwks: str) -> str:
        client = api_keys.new_id()
        await self.connection.execute(
            "INSERT INTO pcare.credentials (id, source, form, jwks, act) VALUES ($1, $2, 'private_key_jwt', $3, $4)",
            client,
            source,
            jwks,
            await self._act(),
        )
        return client

    async def revoke(self, credential: str) -> None:
        await self.connection.execute("UPDATE pcare.credentials SET revoked_at = now() WHERE id = $1", credential)

    async def _act(self) -> Any:
        return await self.connection.fetchval(
            "INSERT INTO pcare.acts (who, what, why) VALUES ('a test', 'test', 'test') RETURNING number"
        )


@asynccontextmanager
async def edge_database(server: str) -> AsyncIterator[EdgeDatabase]:
    """Make it, and drop it afterwards. `server` is the DSN of an administrator."""
    name = f"edge_{secrets.token_hex(4)}"
    dsn = f"{server.rsplit('/', 1)[0]}/{name}"
    await _administer(server, f"CREATE DATABASE {name}")
    try:
        connection = await asyncpg.connect(dsn)
        await migrate.apply(connection)
        await connection.close()
        async with edge_login(dsn) as database:
            yield database
    finally:
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def edge_login(dsn: str) -> AsyncIterator[EdgeDatabase]:
    """Make a login of ingest's for a database that is at the present schema."""
    login, password = f"edge_{secrets.token_hex(4)}", f"Word{secrets.token_hex(12)}"
    connection = await asyncpg.connect(dsn)
    try:
        assert await migrate.admit_edge(connection) is None
        await connection.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{password}' IN ROLE pcare_edge")
        yield EdgeDatabase(dsn, login, password, connection)
    finally:
        connection.terminate()
        await _administer(dsn, f"DROP ROLE IF EXISTS {login}")


async def _administer(server: str, *statements: str) -> None:
    connection = await asyncpg.connect(server)  # anew: a test may have killed the server in between
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
