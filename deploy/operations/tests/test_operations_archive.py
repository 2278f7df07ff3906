"""The file of a backup: whole, or not there at all; damage is noticed; nobody else may read it."""

import stat
import subprocess
from pathlib import Path

import pytest

from pcare_operations.__main__ import main
from pcare_operations.archive import Archive, ArchiveWriter
from pcare_operations.errors import OperationError

CONTENT = bytes(range(256)) * 5_000


def written(path: Path) -> Archive:
    with ArchiveWriter(path) as writer:
        assert writer.add("large", [CONTENT[:7], CONTENT[7:]]) == len(CONTENT)
        writer.add("empty", [])
        writer.add("small", [b"few words"])
    return Archive(path)


def test_what_was_written_is_read_back_and_any_tar_can_read_it(tmp_path: Path) -> None:
    archive = written(tmp_path / "backups" / "one.tar")
    assert archive.check() == ["large", "empty", "small"]
    assert archive.read("large") == CONTENT
    assert archive.read("small") == b"few words"
    said = subprocess.run(["tar", "-tf", archive.path], check=True, capture_output=True, text=True).stdout
    assert said.split() == ["large", "empty", "small", "SHA256SUMS"]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    archive = written(tmp_path / "backups" / "one.tar")
    assert stat.S_IMODE(archive.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(archive.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("place", [600, 5_000 * 256, -1_500])
def test_a_flipped_bit_is_noticed(tmp_path: Path, place: int) -> None:
    archive = written(tmp_path / "one.tar")
    damaged = bytearray(archive.path.read_bytes())
    damaged[place] ^= 1
    archive.path.write_bytes(damaged)
    with pytest.raises(OperationError, match="Take another"):
        archive.check()


@pytest.mark.parametrize("length", [0, 511, 4_096, -2_048])
def test_a_file_that_was_cut_short_is_noticed(tmp_path: Path, length: int) -> None:
    archive = written(tmp_path / "one.tar")
    archive.path.write_bytes(archive.path.read_bytes()[:length])
    with pytest.raises(OperationError, match="Take another"):
        archive.check()


def test_a_backup_that_broke_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def breaking() -> list[bytes]:
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError), ArchiveWriter(tmp_path / "one.tar") as writer:
        writer.add("large", breaking())
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    archive = written(tmp_path / "one.tar")
    before = archive.path.read_bytes()
    with pytest.raises(OperationError, match="exists already"):
        written(archive.path)
    assert archive.path.read_bytes() == before


def test_another_file_is_not_taken_for_a_backup(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no tar\n" * 500)
    for path in (tmp_path / "notes.txt", tmp_path / "missing.tar"):
        with pytest.raises(OperationError):
            Archive(path).check()


@pytest.mark.parametrize("number", ["-1", "few"])
def test_a_number_of_backups_that_would_remove_the_newest_is_refused(number, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["backup", "--to", str(tmp_path), "--keep", number])
    assert "--keep" in capsys.readouterr().err
