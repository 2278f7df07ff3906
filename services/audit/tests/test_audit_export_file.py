"""An export: whole, or said to be none."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from pcare_audit.sealed.items import BEGINNING, LONGEST, ExportError, Leaf, read, write
from pcare_audit.sealed.verifying import verify
from sealed_record import sealed_record


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "record.ndjson.gz"


def test_what_was_exported_is_read_again_and_verifies(file: Path) -> None:
    record = sealed_record()
    assert write(file, record.items()) == 30
    assert list(read(file)) == record.items()
    assert verify(read(file), record.signer.verifier).whole


def test_two_exports_of_one_record_are_one_file_to_the_byte(file: Path, tmp_path: Path) -> None:
    items = sealed_record().items()
    write(file, items)
    write(tmp_path / "again.gz", items)
    assert file.read_bytes() == (tmp_path / "again.gz").read_bytes()


def test_an_export_is_never_written_over(file: Path) -> None:
    file.write_text("mine")
    with pytest.raises(ExportError, match="none is ever written over"):
        write(file, sealed_record().items())
    assert file.read_text() == "mine"


def test_one_that_was_cut_off_says_so_wherever_that_was(file: Path, tmp_path: Path) -> None:
    write(file, sealed_record().items())
    whole = file.read_bytes()
    for end in (0, 1, 30, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        cut = tmp_path / f"{end}.gz"
        cut.write_bytes(whole[:end])
        with pytest.raises(ExportError, match=r"cannot be read|cut off"):
            list(read(cut))
    lines = tmp_path / "lines.gz"
    write(lines, sealed_record().items()[:-1])
    with pytest.raises(ExportError, match=r"cut off after line 41"):
        list(read(lines))


@pytest.mark.parametrize("content", [b"", b"no gzip", bytes.fromhex("1f8b0800000000000003") + b"x"])
def test_what_is_no_export_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ExportError):
        list(read(file))


def test_lines_of_something_else_are_refused(file: Path) -> None:
    write(file, sealed_record().items()[1:])
    with pytest.raises(ExportError, match="is no export"):
        next(read(file))
    assert not isinstance(next(iter(sealed_record().items())), Leaf)


def test_what_goes_on_behind_its_end_is_refused(file: Path) -> None:
    items = sealed_record().items()
    write(file, [*items, items[1]])
    with pytest.raises(ExportError, match="goes on behind line 42"):
        list(read(file))


def test_what_stands_behind_what_it_must_come_before_is_refused(file: Path, tmp_path: Path) -> None:
    items = sealed_record().items()
    write(file, [*items[:4], *items[5:-1], items[4], items[-1]])  # a checkpoint behind the leaves
    with pytest.raises(ExportError, match="line 41 stands behind"):
        list(read(file))
    again = tmp_path / "again.gz"
    write(again, [items[0], *items])
    with pytest.raises(ExportError, match="line 2 stands behind"):
        list(read(again))


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b'"origin_offset":4', b'"origin_offset":9223372036854775808'),
        (b'"origin_partition":2', b'"origin_partition":2147483648'),
        (b'"texts":[', b'"x":' + b"[" * 100_000),
    ],
)
def test_a_line_that_says_what_nobody_can_hold_is_refused(file: Path, said: bytes, instead: bytes) -> None:
    write(file, sealed_record().items())
    lines = gzip.decompress(file.read_bytes())
    assert said in lines
    file.write_bytes(gzip.compress(lines.replace(said, instead, 1)))
    with pytest.raises(ExportError, match="cannot be read after line"):
        list(read(file))


def test_a_line_without_end_is_not_taken_in(file: Path) -> None:
    with gzip.open(file, "wb") as bomb:
        for _ in range(64):
            bomb.write((BEGINNING if not bomb.tell() else b" ") + b" " * 1024 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(ExportError, match="line 1 is longer"):
            list(read(file))
        assert tracemalloc.get_traced_memory()[1] < 4 * LONGEST
    finally:
        tracemalloc.stop()
