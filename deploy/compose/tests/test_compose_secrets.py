"""The secrets of the system in containers: made once, whole, and readable by whom they are for."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pcare_audit.signed_note import Signer, Verifier
from pcare_compose import certificates, secrets
from pcare_compose.files import write
from pcare_ingest import token_keys
from pcare_schemas.pseudonym import PseudonymKey

ROOT = Path(__file__).parents[3]


def _contents(directory: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in directory.iterdir()}


def test_made_again_what_is_there_stays(tmp_path):
    made = secrets.make(tmp_path)
    before = _contents(tmp_path)
    assert sorted(made) == sorted(before)
    assert secrets.make(tmp_path) == []
    assert _contents(tmp_path) == before


def test_no_two_passwords_are_the_same_and_none_can_be_guessed(tmp_path):
    secrets.make(tmp_path)
    passwords = [text for name, text in _contents(tmp_path).items() if not name.endswith((".key", ".pub", ".dsn"))]
    assert len(set(passwords)) == len(passwords)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}\n", text) for text in passwords)


def test_keys_are_such_as_ingest_reads(tmp_path):
    secrets.make(tmp_path)
    assert PseudonymKey.read(tmp_path / secrets.PSEUDONYM_KEY).id == "k1"
    assert token_keys.read(tmp_path / secrets.TOKEN_KEY).signing


def test_what_the_sealer_signs_is_verified_with_what_auditors_are_handed(tmp_path):
    secrets.make(tmp_path)
    note = Signer.load(tmp_path / secrets.SIGNING_KEY, secrets.SIGNER).sign("a checkpoint\n")
    assert Verifier.load(tmp_path / secrets.PUBLIC_KEY).open(note) == "a checkpoint\n"
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    given = {name for name, service in services.items() if secrets.SIGNING_KEY in service.get("secrets", [])}
    assert given == {"sealer"}


def test_a_signing_key_that_is_none_is_told_of_and_stays(tmp_path):
    secrets.make(tmp_path)
    (tmp_path / secrets.SIGNING_KEY).write_text("no key\n")
    with pytest.raises(ValueError, match="signing key"):
        secrets.make(tmp_path)
    assert (tmp_path / secrets.SIGNING_KEY).read_text() == "no key\n"


def test_who_makes_secrets_is_told_what_to_hand_to_auditors_once(tmp_path):
    command = [sys.executable, "-m", "pcare_compose", "--directory", str(tmp_path / "secrets"), "secrets"]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    public = (tmp_path / "secrets" / secrets.PUBLIC_KEY).read_text().strip()
    assert [public in one for one in said] == [True, False]


def test_an_address_follows_the_password_that_somebody_put_there(tmp_path):
    secrets.make(tmp_path)
    (tmp_path / "postgres-recorder").write_text("another-password\n")
    assert secrets.make(tmp_path) == ["postgres-recorder.dsn"]
    expected = "postgresql://recorder:another-password@postgres:5432/pcare\n"
    assert (tmp_path / "postgres-recorder.dsn").read_text() == expected


def test_what_was_deleted_is_made_anew_and_nothing_else(tmp_path):
    secrets.make(tmp_path)
    (tmp_path / "kafka-ingest").unlink()
    (tmp_path / "kafka-admin").write_text("")
    assert secrets.make(tmp_path) == ["kafka-admin", "kafka-ingest"]


def test_the_directory_keeps_others_out_and_no_container_gets_the_key_of_the_authority(tmp_path, now):
    directory = tmp_path / "secrets"
    directory.mkdir(mode=0o755)
    secrets.make(directory)
    certificates.make(directory, now)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}
    assert modes.pop("authority.key") == 0o600
    assert set(modes.values()) == {0o644}
    assert "authority.key" not in (ROOT / "docker-compose.yml").read_text()


def test_a_file_is_replaced_whole(tmp_path):
    file = tmp_path / "secret"
    write(file, "one")
    with file.open() as being_read:
        write(file, "another")
        assert being_read.read() == "one"
    assert file.read_text() == "another"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("compose_file", ["docker-compose.yml", "docker-compose.tls.yml"])
def test_every_secret_that_compose_names_is_made(tmp_path, now, compose_file):
    secrets.make(tmp_path)
    certificates.make(tmp_path, now)
    named = yaml.safe_load((ROOT / compose_file).read_text())["secrets"]
    for name, secret in named.items():
        assert secret["file"] == f"${{PCARE_COMPOSE_SECRETS:-./deploy/compose/secrets}}/{name}"
        assert (tmp_path / name).is_file(), name


@pytest.mark.parametrize("compose_file", ["docker-compose.yml", "docker-compose.tls.yml"])
def test_no_secret_is_a_word_of_a_command(compose_file):
    """Everybody on the machine can read the command line of a process; its environment nobody but who runs it."""
    services = yaml.safe_load((ROOT / compose_file).read_text())["services"]
    for name, service in services.items():
        for script in [str(word) for word in service.get("command", [])]:
            in_words = re.sub(r"[A-Z]+=\"\$\$\(cat /run/secrets/[a-z-]+\)\" exec ", "", script)
            assert not re.search(r"\(cat |\(<", in_words), name
    passwords = (ROOT / "deploy" / "compose" / "mounted" / "administrator-password").read_text()
    assert "--add-config-file " in passwords
    assert "--add-config " not in passwords
