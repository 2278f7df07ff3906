"""What is asked of PostgreSQL: what a database holds, its roles, and one database in another's place."""

import json
from typing import Any

from pcare_operations.errors import OperationError
from pcare_operations.server import MAINTENANCE, Server, Session

ROLES = r"""
-- Roles that are missing are made as they were; those that are there keep their passwords and rights.
SELECT format(
    'DO $role$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = %L) THEN CREATE ROLE %I WITH %s %s '
    'CONNECTION LIMIT %s %s; END IF; END $role$;',
    rolname, rolname, CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
    CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END, rolconnlimit, {password}
) FROM {catalogue} WHERE rolname !~ '^pg_' AND NOT rolsuper ORDER BY rolname;
SELECT format(
    'GRANT %I TO %I WITH ADMIN %s, INHERIT %s, SET %s;', granted.rolname, member.rolname,
    m.admin_option::text, m.inherit_option::text, m.set_option::text
) FROM pg_auth_members AS m
JOIN pg_roles AS granted ON granted.oid = m.roleid
JOIN pg_roles AS member ON member.oid = m.member
WHERE member.rolname !~ '^pg_' AND NOT member.rolsuper ORDER BY granted.rolname, member.rolname;
-- What belongs to the database itself is not in a dump of its contents.
SELECT format('ALTER DATABASE :"database" OWNER TO %I;', pg_get_userbyid(datdba))
FROM pg_database WHERE datname = current_database();
SELECT 'REVOKE ALL ON DATABASE :"database" FROM PUBLIC;'
FROM pg_database WHERE datname = current_database() AND datacl IS NOT NULL;
SELECT format(
    'GRANT %s ON DATABASE :"database" TO %s;', acl.privilege_type,
    CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
) FROM pg_database, aclexplode(datacl) AS acl WHERE datname = current_database() ORDER BY 1;
SELECT format(
    'ALTER %s SET %I TO %s;',
    CASE setrole WHEN 0 THEN 'DATABASE :"database"'
        ELSE format('ROLE %I IN DATABASE :"database"', pg_get_userbyid(setrole)) END,
    split_part(setting, '=', 1), quote_literal(substr(setting, strpos(setting, '=') + 1))
) FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1;
"""
_TABLES = """
SELECT coalesce(json_agg(relname ORDER BY relname), '[]') FROM pg_class
WHERE relnamespace = to_regnamespace('pcare') AND relkind = 'r'
"""


def roles(server: Server) -> str:
    """Return statements that make the roles, their memberships and the database's own grants and settings again.

    Passwords, as PostgreSQL keeps them, are among them where the user may read them.
    """
    administrator = server.query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "t"
    sql = ROLES.format(
        catalogue="pg_authid" if administrator else "pg_roles",
        password="coalesce('PASSWORD ' || quote_literal(rolpassword), '')" if administrator else "''",
    )
    return server.query(sql) + "\n"


def contents(session: Session) -> dict[str, Any]:
    """Return what the database of a session holds: its migration, the rows of each table, the newest act.

    Raises OperationError where it is not one of ours.
    """
    tables = json.loads(session.ask(_one_line(_TABLES)))
    if "schema_migrations" not in tables:
        raise OperationError("The database has no schema pcare: is it the right one? Run `pcare migrate` on a new one.")
    counts = ", ".join(f"'{table}', (SELECT count(*) FROM pcare.{table})" for table in tables)  # noqa: S608
    acts = "(SELECT max(at) FROM pcare.acts)" if "acts" in tables else "NULL"
    found: dict[str, Any] = json.loads(
        session.ask(
            "SELECT json_build_object('server', current_setting('server_version'), "  # noqa: S608
            "'migration', (SELECT max(number) FROM pcare.schema_migrations), "
            f"'newest_act', {acts}, 'rows', json_build_object({counts}))"
        )
    )
    return found


def exists(server: Server, database: str) -> bool:
    """Tell whether the server has this database."""
    found = server.query(
        "SELECT count(*) FROM pg_database WHERE datname = :'name'", database=MAINTENANCE, variables={"name": database}
    )
    return found == "1"


def create(server: Server, database: str) -> None:
    """Make an empty database; one of that name is dropped first."""
    server.query('DROP DATABASE IF EXISTS :"name" WITH (FORCE)', database=MAINTENANCE, variables={"name": database})
    server.query(
        "CREATE DATABASE :\"name\" TEMPLATE template0 ENCODING 'UTF8'",
        database=MAINTENANCE,
        variables={"name": database},
    )


def drop(server: Server, database: str) -> None:
    """Drop a database, whoever is connected."""
    server.query('DROP DATABASE IF EXISTS :"name" WITH (FORCE)', database=MAINTENANCE, variables={"name": database})


def put_in_place(server: Server, new: str, kept: str) -> bool:
    """Give a database the name of pcare's; the one that had it is kept under another. Return whether there was one.

    Both names change in one transaction. Whoever is connected is cut off, and finds the new one when connecting again;
    or the one that was there, where it fails.
    """
    names = {"new": new, "old": server.database, "kept": kept}
    if not exists(server, server.database):
        server.query('ALTER DATABASE :"new" RENAME TO :"old"', database=MAINTENANCE, variables=names)
        return False
    try:
        server.query(
            """
            ALTER DATABASE :"old" ALLOW_CONNECTIONS false;
            SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname IN (:'old', :'new')
            \\g /dev/null
            BEGIN;
            ALTER DATABASE :"old" RENAME TO :"kept";
            ALTER DATABASE :"kept" ALLOW_CONNECTIONS true;
            ALTER DATABASE :"new" RENAME TO :"old";
            COMMIT;
            """,
            database=MAINTENANCE,
            variables=names,
        )
    except BaseException:  # also where somebody loses patience: the services are to find the one that is there
        let_in(server, server.database)
        raise
    return True


def let_in(server: Server, database: str) -> None:
    """Let connections to a database, which a `put_in_place` that came to no end may have kept out."""
    server.query('ALTER DATABASE :"name" ALLOW_CONNECTIONS true', database=MAINTENANCE, variables={"name": database})


def acts_since(server: Server, database: str, newest: str | None) -> list[str]:
    """Return what people did by command after an instant, a line each, as the audit trail of a database has it.

    Without what was done to the database as a whole, and what auditors looked at: none of that is to be done again.
    """
    if server.query("SELECT to_regclass('pcare.acts') IS NOT NULL", database=database) != "t":
        return []
    found = server.query(
        "SELECT concat_ws('  ', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), who, what) FROM pcare.acts "
        "WHERE at > coalesce(nullif(:'newest', '')::timestamptz, '-infinity') "
        "AND what !~ '^(database|audit|system)-' AND what <> 'rebuild-outcome' ORDER BY number",
        database=database,
        variables={"newest": newest or ""},
    )
    return found.splitlines()


def writers(server: Server) -> int:
    """Return how many recorders and sealers are connected."""
    return int(
        server.query(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name IN ('pcare-recorder', 'pcare-seal') AND datname = :'name'",
            database=MAINTENANCE,
            variables={"name": server.database},
        )
    )


def _one_line(sql: str) -> str:
    return " ".join(sql.split())
