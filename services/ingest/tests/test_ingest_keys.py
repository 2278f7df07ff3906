"""Making and reading the pseudonym key."""

import stat
from pathlib import Path

import pytest

from pcare_common.errors import OperatorError
from pcare_ingest import keys
from pcare_schemas.pseudonym import Keys, PseudonymKey


def test_a_new_key_is_for_its_owner_only_and_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "key"

    assert keys.main(["new", str(file)]) == 0

    key = PseudonymKey.read(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key.id == "k1"
    assert len(key.secret) >= 32
    said = capsys.readouterr().out
    assert f"PCARE_PSEUDONYM_KEY_FILE={file}" in said
    assert key.secret.decode() not in said


def test_two_keys_differ(tmp_path: Path) -> None:
    keys.new(tmp_path / "one")
    keys.new(tmp_path / "two")

    assert (tmp_path / "one").read_bytes() != (tmp_path / "two").read_bytes()


def test_a_key_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "key"
    keys.new(file)
    before = file.read_bytes()

    assert keys.main(["new", str(file)]) != 0

    assert file.read_bytes() == before
    assert "Name another file" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="no-such-directory"):
        keys.new(tmp_path / "no-such-directory" / "key")


@pytest.mark.parametrize("arguments", [[], ["new"], ["old", "file"], ["new", "a", "b"]])
def test_other_words_get_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert keys.main(arguments) != 0
    assert capsys.readouterr().err == keys.USAGE


def test_without_a_key_the_error_names_variable_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PCARE_PSEUDONYM_KEY_FILE", raising=False)
    monkeypatch.delenv("PCARE_PSEUDONYM_KEY", raising=False)

    with pytest.raises(OperatorError, match=r"PCARE_PSEUDONYM_KEY_FILE.*pcare keys new FILE"):
        keys.read()


def test_a_key_that_is_too_short_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PCARE_PSEUDONYM_KEY_FILE", raising=False)
    monkeypatch.setenv("PCARE_PSEUDONYM_KEY", "hunter2")

    with pytest.raises(OperatorError) as refused:
        keys.read()

    assert "PCARE_PSEUDONYM_KEY" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_key_of_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys.new(tmp_path / "key")
    monkeypatch.setenv("PCARE_PSEUDONYM_KEY_FILE", str(tmp_path / "key"))

    assert keys.read() == Keys(PseudonymKey.read(tmp_path / "key"))
