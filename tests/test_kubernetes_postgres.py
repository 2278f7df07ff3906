"""The database as CloudNativePG makes it of the overlay: its owner may not make roles, and the migrations need none."""

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from kubernetes_overlays import built, one
from pcare_local.testing import running_postgres

pytestmark = pytest.mark.integration

PASSWORD = "of-this-test-alone"
OWNER = "owner"  # its name in a cluster, pcare, is here the server's superuser's


def as_login(dsn: str, user: str) -> str:
    parts = urlsplit(dsn)
    netloc = f"{user}:{PASSWORD}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=netloc, path="/record"))


async def test_its_roles_are_all_that_the_migrations_need(tmp_path: Path):
    spec = one(built("production"), "Cluster", "postgres")["spec"]
    assert spec["bootstrap"]["initdb"]["owner"] not in [role["name"] for role in spec["managed"]["roles"]]
    with running_postgres(tmp_path) as server:
        superuser = await asyncpg.connect(server.dsn)
        try:
            for role in spec["managed"]["roles"]:
                login = f"LOGIN PASSWORD '{PASSWORD}'" if role["login"] else "NOLOGIN"
                await superuser.execute(f'CREATE ROLE "{role["name"]}" {login} NOSUPERUSER NOCREATEROLE NOCREATEDB')
            for role in spec["managed"]["roles"]:
                for of in role.get("inRoles", []):
                    await superuser.execute(f'GRANT "{of}" TO "{role["name"]}"')
            await superuser.execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}' NOCREATEROLE")
            await superuser.execute(f"CREATE DATABASE record OWNER {OWNER} ENCODING 'UTF8' TEMPLATE template0")
        finally:
            await superuser.close()
        migrating = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pcare_recorder.migrate"),
            env={**os.environ, "PCARE_POSTGRES_DSN": as_login(server.dsn, OWNER)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told = (await migrating.communicate())[0].decode()
        assert migrating.returncode == 0, told
        assert "the database is up to date" in told
        assert "an administrator has to run" not in told, told
        for role in spec["managed"]["roles"]:
            if role["login"]:
                connection = await asyncpg.connect(as_login(server.dsn, role["name"]))
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute("CREATE TABLE pcare.mine ()")
                await connection.close()
        # whoever may look at a dashboard may send any query: so what analysts read stays out of Grafana's reach
        grafana = await asyncpg.connect(as_login(server.dsn, "grafana"))
        assert await grafana.fetchval("SELECT count(*) FROM dashboards.providers") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await grafana.fetch("SELECT subject FROM analysis.interventions")
        await grafana.close()
