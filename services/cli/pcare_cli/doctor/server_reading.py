"""Asks PostgreSQL for what `server_rules` judges. Every function raises what asyncpg raises."""

import asyncpg

from pcare_cli.doctor.server_facts import Roles, Server, Sessions, Transaction, Waiting

SAFE = {"fsync": "on", "full_page_writes": "on"}
UNSAFE_COMMIT = "off"
ROLES = (
    "pcare_recorder",
    "pcare_edge",
    "pcare_operator",
    "pcare_auditor",
    "pcare_sealer",
    "pcare_analyst",
    "pcare_provider",
    "pcare_grafana",
)


async def server(connection: asyncpg.Connection) -> Server:
    """Return the server, and how full it is."""
    row = await connection.fetchrow(
        """
        SELECT current_setting('server_version_num')::integer AS version,
            current_setting('server_version') AS version_words,
            pg_is_in_recovery() AS standby,
            pg_database_size(current_database()) AS bytes,
            (SELECT max(age(datfrozenxid)) FROM pg_database) AS xid_age,
            current_setting('autovacuum_freeze_max_age')::bigint AS xid_freezes_at,
            (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL)
                AS connections,
            current_setting('max_connections')::integer AS max_connections,
            coalesce((SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()), 0)
                AS damaged_pages
        """
    )
    settings = await connection.fetch(
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
    )
    unsafe = {
        one["name"]: one["setting"]
        for one in settings
        if one["setting"] != SAFE.get(one["name"], one["setting"])
        or (one["name"] == "synchronous_commit" and one["setting"] == UNSAFE_COMMIT)
    }
    return Server(**dict(row), unsafe=unsafe)


async def sessions(connection: asyncpg.Connection) -> Sessions:
    """Return who waits for locks, and whose transactions are open. No text of a statement is read."""
    waiting = await connection.fetch(
        """
        SELECT l.pid, coalesce(a.application_name, '') AS program, pg_blocking_pids(l.pid) AS blockers,
            extract(epoch FROM clock_timestamp() - min(l.waitstart))::float8 AS seconds
        FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
        WHERE NOT l.granted AND l.waitstart IS NOT NULL GROUP BY 1, 2
        """
    )
    open_ = await connection.fetch(
        """
        SELECT pid, coalesce(application_name, '') AS program, state LIKE 'idle in%' AS idle,
            extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
        FROM pg_stat_activity
        WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()
        ORDER BY xact_start
        """
    )
    return Sessions(
        tuple(Waiting(one["pid"], one["program"], tuple(one["blockers"]), one["seconds"]) for one in waiting),
        tuple(Transaction(one["pid"], one["program"], one["seconds"], one["idle"]) for one in open_),
        seen=await connection.fetchval("SELECT pg_has_role('pg_read_all_stats', 'USAGE')"),
    )


async def roles(connection: asyncpg.Connection) -> Roles:
    """Return which roles there are, and who of ours is connected as a superuser."""
    there = await connection.fetch("SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1::text[])", list(ROLES))
    overmighty = await connection.fetch(
        """
        SELECT DISTINCT a.application_name || ' as ' || a.usename AS who
        FROM pg_stat_activity AS a JOIN pg_roles AS r ON r.rolname = a.usename
        WHERE a.application_name IN ('pcare-recorder', 'pcare-ingest') AND r.rolsuper
          AND a.datname = current_database() ORDER BY 1
        """
    )
    mine = await connection.fetch(
        "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1::text[]) AND pg_has_role(oid, 'MEMBER')", list(ROLES)
    )
    present = {one["rolname"] for one in there}
    return Roles(
        tuple(name for name in ROLES if name not in present),
        tuple(one["who"] for one in overmighty),
        await connection.fetchval("SELECT current_user::text"),
        tuple(sorted(one["rolname"] for one in mine)),
    )
