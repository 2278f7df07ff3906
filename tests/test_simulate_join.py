"""Made-up providers are let in where ingest asks for credentials, on real PostgreSQL: `pcare simulate-join`."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from backends import Backend
from pcare_cli.main import app
from pcare_cli.simulation.organisations import ORGANISATIONS, Way
from pcare_common import api_keys
from pcare_local.demo import PROVIDERS
from pcare_recorder import migrate
from system import database

pytestmark = pytest.mark.integration

OVER_HTTP = {one.source for one in ORGANISATIONS if one.way is Way.HTTP}


async def _join(dsn: str, file: Path, status: int = 0) -> str:
    command = ["simulate-join", str(file), "--register", str(PROVIDERS), "--who", "ada", "--why", "a demonstration"]
    environment = {"PCARE_POSTGRES_DSN": dsn, "PCARE_PROVIDER_REGISTER": None}
    done = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)
    assert done.exit_code == status, f"{done.exception!r} {done.output}"
    return done.output


async def _fetch(dsn: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def test_each_is_registered_with_a_key_once_and_a_lost_key_is_made_anew(backend: Backend, tmp_path: Path):
    file = tmp_path / "keys.json"
    async with database(backend.dsn) as dsn:
        connection = await asyncpg.connect(dsn)
        await migrate.apply(connection)
        await connection.close()

        said = await _join(dsn, file)
        keys = json.loads(file.read_text())
        assert keys.keys() == OVER_HTTP
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not any(key in said for key in keys.values())
        kept = {row["id"]: row["secret_sha256"] for row in await _fetch(dsn, "SELECT * FROM pcare.credentials")}
        parsed = [api_keys.parse(key) for key in keys.values()]
        assert kept == {one[0]: api_keys.sha256(one[1]) for one in parsed if one is not None}
        registered = await _fetch(dsn, "SELECT source, kinds FROM pcare.register")
        assert {row["source"] for row in registered} == {one.source for one in ORGANISATIONS}
        assert [row["source"] for row in registered if row["kinds"]] == ["urn:ncl:provider:demo-trust"]

        assert "Nothing was changed" in await _join(dsn, file)
        assert json.loads(file.read_text()) == keys

        file.write_text(json.dumps({source: key for source, key in keys.items() if "icb" not in source}))
        await _join(dsn, file)
        again = json.loads(file.read_text())
        assert {source for source in keys if again[source] != keys[source]} == {"urn:ncl:provider:demo-icb"}

        file.write_text("no keys")
        assert "holds no API keys" in await _join(dsn, file, status=2)
