"""What needs no system: keys, an export and the public key, a proof and the public key."""

import json
import os
import stat
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from pcare_audit.checkpoint import origin_of
from pcare_audit.merkle import ProofInMaking, leaf_hash
from pcare_audit.sealed.items import Header, Unsealed, write
from pcare_audit.signed_note import Signer, Verifier
from pcare_cli.main import app
from pcare_cli.proving.proofs import Consistency, Inclusion
from pcare_cli.proving.proofs import write as write_proof
from sealed_record import TABLE, TOPIC, Record, sealed_record, text


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


@pytest.fixture(autouse=True)
def no_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks for a database or a broker finds none."""
    for name in list(os.environ):
        if name.startswith("PCARE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def record() -> Record:
    return sealed_record()


@pytest.fixture
def public(record: Record, tmp_path: Path) -> Path:
    file = tmp_path / "seal.pub"
    file.write_text(f"{record.signer.verifier}\n")
    return file


def exported(record: Record, tmp_path: Path, name: str = "record.gz") -> Path:
    write(tmp_path / name, record.items())
    return tmp_path / name


def test_a_new_key_is_two_files_and_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    made = run("key", "new", file, "--name", "ncl.example")
    assert made.exit_code == 0, made.output
    public = Path(f"{file}.pub")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    assert public.read_text() in made.output
    verifier = Verifier.load(public)
    assert verifier.open(Signer.load(file, "ncl.example").sign("a\n")) == "a\n"
    before = file.read_bytes()
    for again in (file, tmp_path / "other"):
        Path(f"{tmp_path / 'other'}.pub").write_text("mine")
        refused = run("key", "new", again, "--name", "ncl.example")
        assert refused.exit_code == 1
        assert "never written over" in refused.output
    assert file.read_bytes() == before
    assert not (tmp_path / "other").exists()
    assert run("key", "new", tmp_path / "third", "--name", "two words").exit_code == 2


def test_an_export_is_verified_by_the_public_key_alone(record: Record, public: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(record.notes[1])
    file = exported(record, tmp_path)
    found = run("verify", file, "--public-key", public, "--checkpoint", kept, "--json", tmp_path / "found.json")
    assert found.exit_code == 0, found.output
    assert "VERIFIED: nothing was altered, reordered or removed up to the checkpoint of 30 leaves" in found.output
    document = json.loads((tmp_path / "found.json").read_text())
    assert document["verified"] is True
    assert document["sources"][0]["leaves"] == 30


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_a_kept_checkpoint_may_end_as_psql_leaves_it(end: str, record: Record, public: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(record.notes[-1].rstrip("\n") + end)
    found = run("verify", exported(record, tmp_path), "--public-key", public, "--checkpoint", kept)
    assert found.exit_code == 0, found.output


def test_what_was_changed_in_an_export_is_named_and_the_status_says_so(
    record: Record, public: Path, tmp_path: Path
) -> None:
    record.change(9, texts=[text(2012, more="x")])
    found = run("verify", exported(record, tmp_path), "--public-key", public, "--json", tmp_path / "found.json")
    assert found.exit_code == 1
    assert "ALTERED: event urn:test id-2012, leaf 9, from interventions.submitted/2/12" in found.output
    (finding,) = json.loads((tmp_path / "found.json").read_text())["sources"][0]["findings"]
    assert (finding["kind"], finding["leaf"]) == ("altered", 9)
    assert finding["event"] == {"source": "urn:test", "id": "id-2012"}


def test_a_file_tells_the_terminal_nothing(record: Record, public: Path, tmp_path: Path) -> None:
    hidden = text(2012).replace("id-2012", "id\\u001b[2K\\u001b[1GVERIFIED: all is well\\u001b[8m")
    record.change(9, texts=[hidden])
    found = run("verify", exported(record, tmp_path), "--public-key", public)
    assert found.exit_code == 1
    assert "\x1b" not in found.output
    assert "id\\x1b[2K" in found.output


def test_an_export_of_the_log_says_what_was_changed_in_the_database_with_its_leaf(
    record: Record, public: Path, tmp_path: Path
) -> None:
    log = sealed_record()
    log.signer, log.notes, log.checkpoints = record.signer, list(record.notes), record.checkpoints
    log.as_the_log()
    log_file = exported(log, tmp_path, "log.gz")
    changed = text(2012, more="x")
    record.change(9, texts=[changed], hash=leaf_hash(changed.encode()))
    file = exported(record, tmp_path)
    alone = run("verify", file, "--public-key", public)
    assert alone.exit_code == 1
    assert "id-2012" not in alone.output
    both = run("verify", file, "--public-key", public, "--log", log_file)
    assert both.exit_code == 1
    assert "ALTERED: event urn:test id-2012, leaf 9" in both.output
    assert "the row of the leaf was changed: its record is what was sealed" in both.output

    del record.leaves[9]  # gone without a trace, but for the log
    both = run("verify", exported(record, tmp_path, "gone.gz"), "--public-key", public, "--log", log_file)
    assert "REMOVED: event urn:test id-2012, leaf 9" in both.output
    assert run("verify", log_file, "--public-key", public).exit_code == 0
    itself = run("verify", log_file, "--public-key", public, "--log", file)  # which would agree with itself
    assert itself.exit_code == 2
    assert "is no export of the database" in itself.output
    itself = run("verify", file, "--public-key", public, "--log", file)
    assert itself.exit_code == 2
    assert "is no export of the log" in itself.output


def beside(record: Record, tmp_path: Path, public: Path, *, made: str = "2024-04-01T00:00:00Z") -> Result:
    """Verify the export of a database, from which a test may have taken away, beside that of the log."""
    log = sealed_record()
    log.signer, log.notes, log.checkpoints = record.signer, list(record.notes), list(record.checkpoints)
    log.as_the_log()
    record.places = [TABLE]
    items = [msgspec.structs.replace(item, made=made) if isinstance(item, Header) else item for item in record.items()]
    for name, of in (("record.gz", items), ("log.gz", log.items())):
        (tmp_path / name).unlink(missing_ok=True)
        write(tmp_path / name, of)
    return run("verify", tmp_path / "record.gz", "--public-key", public, "--log", tmp_path / "log.gz")


def test_a_checkpoint_that_only_the_log_has_is_missed_in_the_database(
    record: Record, public: Path, tmp_path: Path
) -> None:
    assert beside(record, tmp_path, public).exit_code == 0
    record.missing = {(TABLE, 1)}
    found = beside(record, tmp_path, public)
    assert found.exit_code == 1
    assert f"REMOVED: checkpoint {record.checkpoints[1]}: it is in {TOPIC}, and not in {TABLE}" in found.output


def test_an_end_that_was_cut_off_in_the_database_is_missed_too(record: Record, public: Path, tmp_path: Path) -> None:
    record.missing = {(TABLE, 3)}
    del record.leaves[14:]
    found = beside(record, tmp_path, public)
    assert found.exit_code == 1
    assert f"REMOVED: checkpoint {record.checkpoints[3]}: it is in {TOPIC}, and not in {TABLE}" in found.output
    assert "VERIFIED: nothing" not in found.output


def test_a_log_that_went_on_is_no_finding(record: Record, public: Path, tmp_path: Path) -> None:
    record.missing = {(TABLE, 3)}
    del record.leaves[14:]
    found = beside(record, tmp_path, public, made="2024-03-31T12:14:00+00:00")
    assert found.exit_code == 0, found.output
    assert f"The log goes on to the checkpoint {record.checkpoints[3]}" in found.output
    assert f"up to the checkpoint {record.checkpoints[2]}" in found.output


def test_a_log_that_was_exported_before_the_database_is_refused(record: Record, public: Path, tmp_path: Path) -> None:
    record.places = [TABLE]
    file = exported(record, tmp_path)
    record.as_the_log()
    record.missing = {(TOPIC, 3)}
    log_file = exported(record, tmp_path, "log.gz")
    refused = run("verify", file, "--public-key", public, "--log", log_file)
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1), refused.output
    assert "Export the log after the database" in refused.output


def test_what_is_no_event_in_the_export_of_a_log_is_named_beside_the_database_too(
    record: Record, public: Path, tmp_path: Path
) -> None:
    record.places = [TABLE]
    file = exported(record, tmp_path)
    record.as_the_log()
    record.unsealed = [Unsealed("interventions.recorded/0/7", "", "this record of the log is no event")]
    found = run("verify", file, "--public-key", public, "--log", exported(record, tmp_path, "log.gz"))
    assert found.exit_code == 1
    assert "ADDED: from interventions.recorded/0/7: this record of the log is no event" in found.output


def test_what_cannot_be_read_is_said_in_one_line(record: Record, public: Path, tmp_path: Path) -> None:
    file = exported(record, tmp_path)
    (tmp_path / "cut.gz").write_bytes(file.read_bytes()[:100])
    cut = run("verify", tmp_path / "cut.gz", "--public-key", public)
    assert (cut.exit_code, cut.output.count("\n")) == (1, 1)
    for arguments in (
        (file, "--public-key", file),
        (file, "--public-key", public, "--checkpoint", tmp_path / "none"),
        (file, "--public-key", public, "--from-log"),
        ("--public-key", public, "--log", file),
    ):
        wrong = run("verify", *arguments)
        assert (wrong.exit_code, wrong.output.count("\n")) == (2, 1), wrong.output


def test_a_proof_of_an_event_is_checked_by_the_public_key_alone(record: Record, public: Path, tmp_path: Path) -> None:
    hashes = [leaf.hash or b"" for leaf in record.leaves]
    path = ProofInMaking.of_leaf(9, 14).take(hashes).proof()
    proof = Inclusion(record.leaves[9].texts[0], 9, 14, path, record.notes[1])
    write_proof(proof, tmp_path / "proof.json")
    shown = run("check-proof", tmp_path / "proof.json", "--public-key", public)
    assert shown.exit_code == 0, shown.output
    assert "PROVEN: the event urn:test id-2012 is leaf 9 of the checkpoint of 14 leaves" in shown.output
    for fields in (
        {"text": text(2012, more="x")},
        {"leaf": 8},
        {"size": 30},
        {"path": path[:-1]},
        {"path": [bytes(32), *path[1:]]},
        {"note": record.notes[1].replace("14", "15", 1)},
        {"note": record.notes[3]},
    ):
        write_proof(msgspec.structs.replace(proof, **fields), tmp_path / "proof.json")
        refused = run("check-proof", tmp_path / "proof.json", "--public-key", public)
        assert refused.exit_code == 1, fields
        assert refused.output.startswith("NOT PROVEN: ")


def test_a_proof_between_two_checkpoints_is_checked_likewise(record: Record, public: Path, tmp_path: Path) -> None:
    path = ProofInMaking.between(6, 30).take(leaf.hash or b"" for leaf in record.leaves).proof()
    proof = Consistency(record.notes[0], record.notes[3], path)
    write_proof(proof, tmp_path / "proof.json")
    shown = run("check-proof", tmp_path / "proof.json", "--public-key", public)
    assert "PROVEN: the checkpoint of 30 leaves" in shown.output
    assert "begins with all that the checkpoint of 6 leaves" in shown.output
    other = Record(signer=record.signer)
    other.add(0, 0)
    other.seal()
    for fields in (
        {"path": path[:-1]},
        {"old_note": record.notes[1]},
        {"old_note": other.notes[0]},
        {"new_note": record.signer.sign(record.checkpoints[3].text().replace(origin_of("test"), origin_of("other")))},
    ):
        write_proof(msgspec.structs.replace(proof, **fields), tmp_path / "proof.json")
        assert run("check-proof", tmp_path / "proof.json", "--public-key", public).exit_code == 1, fields
    (tmp_path / "proof.json").write_text("{}")
    assert "is no proof" in run("check-proof", tmp_path / "proof.json", "--public-key", public).output


@pytest.mark.parametrize("arguments", [(), ("--event", "a", "b", "--between", "1", "2")])
def test_it_must_be_said_what_to_prove(arguments: tuple[str, ...], tmp_path: Path) -> None:
    asked = run("prove", *arguments, "--out", tmp_path / "proof.json")
    assert asked.exit_code == 2
    assert "Say what to prove" in asked.output
