"""The statements about the provider register and the rules: read the table, keep rules, name providers."""

from collections.abc import Iterable

import asyncpg
import orjson

from pcare_schemas.register import COLUMNS, Provider
from pcare_schemas.rules import Rules


async def count_of_changes(connection: asyncpg.Connection) -> int:
    """Return how often pcare.register has changed: whoever holds a copy reads the table again when this moves."""
    count: int = await connection.fetchval("SELECT register FROM pcare.register_state")
    return count


async def rows(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return the rows of pcare.register in the order of source, for `Register.with_rows`."""
    found = await connection.fetch(f"SELECT {', '.join(COLUMNS)} FROM pcare.register ORDER BY source")  # noqa: S608
    return list(found)


async def remember_rules(connection: asyncpg.Connection, rules: Rules) -> None:
    """Keep the rules that verdicts are about to be given under, and name their providers. May be repeated."""
    await connection.execute(
        "INSERT INTO pcare.rules (version, document) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        rules.version,
        orjson.dumps(rules.document()).decode(),
    )
    await name_providers(connection, rules.register.by_source.values())


async def name_providers(connection: asyncpg.Connection, providers: Iterable[Provider]) -> None:
    """Write what these providers are called into pcare.providers, where analysts and the desk read it."""
    # in one order in every copy, so that no two wait for each other in a circle
    register = sorted(providers, key=lambda provider: provider.source)
    await connection.execute(
        """
        INSERT INTO pcare.providers AS p (source, code, name, kind)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        ON CONFLICT (source) DO UPDATE SET code = excluded.code, name = excluded.name, kind = excluded.kind
        WHERE (p.code, p.name, p.kind) IS DISTINCT FROM (excluded.code, excluded.name, excluded.kind)
        """,
        [provider.source for provider in register],
        [provider.code for provider in register],
        [provider.name for provider in register],
        [provider.kind for provider in register],
    )
