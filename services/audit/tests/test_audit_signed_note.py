"""Signed notes: a published one of the form's first implementation, and what is refused."""

import stat
from pathlib import Path

import pytest

from pcare_audit.signed_note import NoteError, Signer, Verifier, Verifiers, split

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
WISDOM = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETERS_NOTE = (
    WISDOM + "\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6"
    "RyyBwJnAM=\n"
)
TEXT = "one\ntwo\n"


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.new(tmp_path / "key.pem", "log.example")


def test_the_published_note_is_opened_by_the_published_key() -> None:
    verifier = Verifier.parse(PETER)
    assert verifier.open(PETERS_NOTE) == WISDOM
    assert str(verifier) == PETER
    for changed in (PETERS_NOTE.replace("answer", "Answer"), PETERS_NOTE.replace("x08go/ZJ", "x08go/ZK")):
        with pytest.raises(NoteError, match=r"signature of PeterNeumann is wrong|not signed by PeterNeumann"):
            verifier.open(changed)


def test_what_was_signed_is_opened_with_the_public_key_alone(signer: Signer) -> None:
    note = signer.sign(TEXT)
    assert Verifier.parse(str(signer.verifier)).open(note) == TEXT
    assert split(note)[0] == TEXT


def test_any_byte_that_is_changed_is_noticed(signer: Signer) -> None:
    note = signer.sign(TEXT).encode()
    for at in range(len(note)):
        changed = note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :]
        with pytest.raises((NoteError, UnicodeDecodeError)):
            signer.verifier.open(changed.decode())


def test_signatures_of_others_are_passed_over_and_a_false_one_among_right_ones_is_not(
    signer: Signer, tmp_path: Path
) -> None:
    other = Signer.new(tmp_path / "other.pem", "other.example")
    note, others = signer.sign(TEXT), other.sign(TEXT)
    both = note + others.removeprefix(TEXT + "\n")
    assert signer.verifier.open(both) == other.verifier.open(both) == TEXT
    with pytest.raises(NoteError, match=r"not signed by log\.example .*, but by other\.example"):
        signer.verifier.open(others)
    false = signer.sign("another\n").removeprefix("another\n\n")
    with pytest.raises(NoteError, match=r"signature of log\.example is wrong"):
        signer.verifier.open(note + false)


def test_the_private_key_is_its_owners_alone_and_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    signer = Signer.new(file, "log.example")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(Signer.load(file, "log.example").verifier) == str(signer.verifier)
    before = file.read_bytes()
    with pytest.raises(FileExistsError):
        Signer.new(file, "log.example")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("Peter", "peter"),
        PETER.replace("ARpc", "AhPc"),
        PETER[:-4],
        "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(text)


@pytest.mark.parametrize("note", ["", "text", "text\n", "text\n\n\u2014 name\n", PETERS_NOTE[:-1], "a\n\nb\n"])
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        split(note)


@pytest.mark.parametrize("text", ["no newline", "a tab\t\n", "", "a return\r\n"])
def test_what_no_note_can_hold_is_not_signed(signer: Signer, text: str) -> None:
    with pytest.raises(NoteError):
        signer.sign(text)


def test_keys_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(NoteError, match=r"nowhere\.pem cannot be read"):
        Signer.load(tmp_path / "nowhere.pem", "log.example")
    (tmp_path / "none.pem").write_text("no key")
    with pytest.raises(NoteError, match=r"none\.pem cannot be read"):
        Signer.load(tmp_path / "none.pem", "log.example")
    with pytest.raises(NoteError, match=r"nowhere\.pub cannot be read"):
        Verifier.load(tmp_path / "nowhere.pub")


def test_a_log_whose_key_was_changed_is_opened_by_both_keys(signer: Signer, tmp_path: Path) -> None:
    before = Signer.new(tmp_path / "before.pem", "log.example")
    keys = Verifiers([signer.verifier, before.verifier])
    assert keys.open(signer.sign(TEXT)) == keys.open(before.sign(TEXT)) == TEXT
    with pytest.raises(NoteError, match="not signed by log"):
        keys.open(PETERS_NOTE)
    with pytest.raises(NoteError, match="no public key"):
        Verifiers([]).open(PETERS_NOTE)
