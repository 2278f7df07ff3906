"""Keys and secrets are backed up apart from the database, and put back without writing over any."""

import datetime as dt
import stat
from pathlib import Path

import pytest

from pcare_operations import keys
from pcare_operations.archive import ArchiveWriter
from pcare_operations.compose import Compose
from pcare_operations.errors import OperationError

SIGNING_KEY = "checkpoint-signing.key"
NOW = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    directory = tmp_path / "secrets"
    directory.mkdir()
    for name in (keys.KEY, keys.AUTHORITY_KEY, SIGNING_KEY, "postgres-pcare"):
        (directory / name).write_text(f"the {name}\n")
    return directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_lost_is_there_again_and_containers_can_read_it(secrets: Path, tmp_path: Path) -> None:
    said: list[str] = []
    file = keys.back_up(secrets, tmp_path / "safe", now=NOW, say=said.append)
    assert mode(file) == 0o600
    lost = tmp_path / "lost"
    keys.restore(file, lost, say=said.append)
    assert {path.name: path.read_text() for path in lost.iterdir()} == {
        path.name: path.read_text() for path in secrets.iterdir()
    }
    assert mode(lost) == 0o700
    assert mode(lost / keys.KEY) == mode(lost / SIGNING_KEY) == 0o644
    assert mode(lost / keys.AUTHORITY_KEY) == 0o600
    assert not [line for line in said if "the pseudonym" in line]


def test_nothing_that_is_there_is_written_over(secrets: Path, tmp_path: Path) -> None:
    file = keys.back_up(secrets, tmp_path, now=NOW, say=lambda _: None)
    (secrets / "postgres-pcare").write_text("a newer one")
    (secrets / keys.AUTHORITY_KEY).unlink()
    said: list[str] = []
    keys.restore(file, secrets, say=said.append)
    assert (secrets / "postgres-pcare").read_text() == "a newer one"
    assert (secrets / keys.AUTHORITY_KEY).exists()
    assert said[0].startswith("1 of 4 secrets")


def test_another_pseudonym_key_stops_it_before_anything_is_written(secrets: Path, tmp_path: Path) -> None:
    file = keys.back_up(secrets, tmp_path, now=NOW, say=lambda _: None)
    (secrets / keys.KEY).write_text("made after the loss")
    (secrets / "postgres-pcare").unlink()
    with pytest.raises(OperationError, match="is another key"):
        keys.restore(file, secrets, say=lambda _: None)
    assert not (secrets / "postgres-pcare").exists()


def test_a_backup_of_something_else_is_refused(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "pcare.tar") as writer:
        writer.add("database.dump", [b"x"])
    with pytest.raises(OperationError, match="no backup that `make backup-keys` made"):
        keys.restore(tmp_path / "pcare.tar", tmp_path / "secrets", say=lambda _: None)
    with pytest.raises(OperationError, match="nothing to back up"):
        keys.back_up(tmp_path / "missing", tmp_path, now=NOW, say=lambda _: None)


def docker(tmp_path: Path, ingest: str) -> Compose:
    """Return a project whose `docker compose` is a script: it answers as one with a running ingest does."""
    script = tmp_path / "docker-compose"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"  ps*) printf '%s' '{ingest}' ;;\n"
        "  *printenv*) echo /keys/k1 ;;\n"
        "  *'cat /keys/k1') echo 'k1:abc' ;;\n"
        "  *) exit 1 ;;\n"
        "esac\n"
    )
    script.chmod(0o700)
    return Compose((str(script),))


def test_the_key_of_a_running_ingest_is_kept_before_another_is_made(tmp_path: Path) -> None:
    compose = docker(tmp_path, '{"Service": "ingest", "State": "running"}')
    said: list[str] = []
    keys.take(compose, tmp_path / "secrets", say=said.append)
    assert (tmp_path / "secrets" / keys.KEY).read_text() == "k1:abc\n"
    assert len(said) == 1
    (tmp_path / "secrets" / keys.KEY).write_text("k2:def\n")
    keys.take(compose, tmp_path / "secrets", say=said.append)
    assert (tmp_path / "secrets" / keys.KEY).read_text() == "k2:def\n"


def test_where_no_ingest_runs_there_is_no_key_to_keep(tmp_path: Path) -> None:
    keys.take(docker(tmp_path, ""), tmp_path / "secrets", say=lambda _: None)
    assert not (tmp_path / "secrets").exists()


def test_what_docker_or_a_loss_of_power_left_in_a_secrets_place_is_none(secrets: Path, tmp_path: Path) -> None:
    file = keys.back_up(secrets, tmp_path, now=NOW, say=lambda _: None)
    key = (secrets / keys.KEY).read_text()
    (secrets / keys.KEY).unlink()
    (secrets / keys.KEY).mkdir()  # `docker compose up` before there were secrets
    (secrets / "postgres-pcare").write_text("")
    keys.restore(file, secrets, say=lambda _: None)
    assert (secrets / keys.KEY).read_text() == key
    assert (secrets / "postgres-pcare").read_text() == "the postgres-pcare\n"
    (secrets / keys.KEY).unlink()
    (secrets / keys.KEY).mkdir()
    (secrets / keys.KEY / "something").touch()
    with pytest.raises(OperationError, match=r"pseudonym\.key is in the way"):
        keys.restore(file, secrets, say=lambda _: None)
