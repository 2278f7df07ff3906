"""`pcare rejected grant | revoke`: which login sees the rejections of which provider.

The database holds it: the role pcare_provider may read the views of `desk` alone, and those show a login what is of the
providers that it is a member of.
"""

from collections.abc import Awaitable, Callable

import asyncpg
import typer

from pcare_cli.console import fail
from pcare_cli.operators import add_act, with_database


class _RefusedError(Exception):
    """The message says why, and what to do."""


def grant(provider: str, login: str, who: str, why: str) -> None:
    """Let `login` see what is of `provider`. May be repeated. Ends with status 1 when that cannot be."""

    async def work(connection: asyncpg.Connection) -> str:
        async with connection.transaction():
            code, source = await _provider(connection, provider)
            if not await connection.fetchval(
                "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND rolcanlogin)", login
            ):
                make = await connection.fetchval(
                    "SELECT format('CREATE ROLE %I LOGIN PASSWORD ''…'';', $1::text)", login
                )
                raise _RefusedError(f"There is no login {login}. An administrator of PostgreSQL makes it: {make}")
            if await connection.fetchval("SELECT has_table_privilege($1::name, 'pcare.rejections', 'SELECT')", login):
                raise _RefusedError(f"{login} sees all rejections already: it may read the table. Take another login.")
            admit = await connection.fetchval("SELECT format('GRANT pcare_provider TO %I', $1::text)", login)
            try:
                async with connection.transaction():
                    if not await connection.fetchval("SELECT pg_has_role($1::name, 'pcare_provider', 'MEMBER')", login):
                        await connection.execute(admit)
            except asyncpg.UndefinedObjectError as error:
                raise _RefusedError("There is no role pcare_provider. Run `pcare migrate`, then try again.") from error
            except asyncpg.InsufficientPrivilegeError as error:
                raise _RefusedError(
                    f"This user may not do it. An administrator of PostgreSQL has to run: {admit}; Then try again."
                ) from error
            await connection.execute(
                "INSERT INTO pcare.desk_members (login, source) VALUES ($1, $2) ON CONFLICT DO NOTHING", login, source
            )
            details = {"provider": code, "login": login}
            await add_act(connection, who=who, what="desk-granted", why=why, details=details)
            besides = await _besides(connection, login, source)
            return f"{login} sees the rejections of {code} now, by `pcare rejected list`, and {besides}."

    _end(work)


def revoke(provider: str, login: str, who: str, why: str) -> None:
    """Let `login` see what is of `provider` no longer. Ends with status 1 when it did not."""

    async def work(connection: asyncpg.Connection) -> str:
        async with connection.transaction():
            code, source = await _provider(connection, provider)
            status = await connection.execute(
                "DELETE FROM pcare.desk_members WHERE login = $1 AND source = $2", login, source
            )
            if status != "DELETE 1":
                raise _RefusedError(f"{login} does not see the rejections of {code}: there is nothing to take away.")
            details = {"provider": code, "login": login}
            await add_act(connection, who=who, what="desk-revoked", why=why, details=details)
            return f"{login} sees the rejections of {code} no longer. The login itself is left."

    _end(work)


async def _besides(connection: asyncpg.Connection, login: str, source: str) -> str:
    """Return what else a login sees. PostgreSQL gives the name of one that was dropped to the next who asks for it."""
    codes = await connection.fetchval(
        "SELECT string_agg(coalesce(p.code, p.source), ', ' ORDER BY p.code) "
        "FROM pcare.desk_members AS m JOIN pcare.providers AS p USING (source) WHERE m.login = $1 AND source <> $2",
        login,
        source,
    )
    if codes is None:
        return "nothing else"
    return f"those of {codes}, granted before. If that was somebody else's login, `pcare rejected revoke` those"


async def _provider(connection: asyncpg.Connection, provider: str) -> tuple[str, str]:
    """Return a provider's code and source, as the recorder that started last has the register."""
    row = await connection.fetchrow(
        "SELECT code, source FROM pcare.providers WHERE lower(code) = lower($1) ORDER BY name IS NULL LIMIT 1", provider
    )
    if row is None:
        raise _RefusedError(
            f"There is no provider {provider} in pcare.providers, the register of the recorder that started last."
        )
    return row["code"], row["source"]


def _end(work: Callable[[asyncpg.Connection], Awaitable[str]]) -> None:
    try:
        typer.echo(with_database(work))
    except _RefusedError as error:
        fail(str(error))
