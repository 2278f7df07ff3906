"""The signature of a report: one byte changed anywhere is found, with the public key alone."""

import os
from pathlib import Path

import pytest
from report_support import difference, report, result
from typer.testing import CliRunner

from pcare_audit.signed_note import Signer
from pcare_cli.main import app
from pcare_cli.reporting import page as pages
from pcare_cli.reporting import signing
from pcare_cli.reporting.document import as_json, from_json
from pcare_cli.reporting.signing import CheckError


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """A key, with its public key beside it."""
    made = Signer.new(tmp_path / "key.pem", "audit.example")
    (tmp_path / "key.pem.pub").write_text(f"{made.verifier}\n")
    return made


@pytest.fixture
def signed(signer: Signer) -> tuple[bytes, bytes, str]:
    """A signed page, its JSON and its note."""
    whole = report([difference("row-missing")])
    document = as_json(whole)
    page, note = signing.sign(pages.render(whole, document, signing.sha256(document)), document, whole.made_at, signer)
    return page, document, note


def test_page_and_json_are_as_signed(signed: tuple[bytes, bytes, str], signer: Signer) -> None:
    page, document, note = signed
    stated = signing.check_page(page, signer.verifier)
    assert stated == signing.check_document(document, note, signer.verifier)
    assert stated.signer == "audit.example"


def test_each_byte_changed_is_found(signed: tuple[bytes, bytes, str], signer: Signer) -> None:
    page, document, note = signed
    of_the_note = page.index(signing.BEGINS)
    places = [*range(0, len(page), len(page) // 150), *range(of_the_note, page.index(signing.ENDS) + 30)]
    for place in places:
        changed = page[:place] + bytes([page[place] ^ 1]) + page[place + 1 :]
        with pytest.raises(CheckError):
            signing.check_page(changed, signer.verifier)
    for place in range(0, len(document), len(document) // 150):
        changed = document[:place] + bytes([document[place] ^ 1]) + document[place + 1 :]
        with pytest.raises(CheckError):
            signing.check_document(changed, note, signer.verifier)


def test_more_beside_the_note_is_found(signed: tuple[bytes, bytes, str], signer: Signer) -> None:
    page, _, note = signed
    more = page.replace(b'<pre class="note">', b'<p>All is well.</p><pre class="note">')
    with pytest.raises(CheckError, match="holds more than the signed note"):
        signing.check_page(more, signer.verifier)
    twice = page.replace(signing.ENDS, signing.ENDS + signing.region(note))
    with pytest.raises(CheckError):
        signing.check_page(twice, signer.verifier)


def test_a_note_of_another_key_or_about_something_else_is_refused(
    signed: tuple[bytes, bytes, str], signer: Signer, tmp_path: Path
) -> None:
    page, document, _ = signed
    other = Signer.new(tmp_path / "other.pem", "audit.example")
    with pytest.raises(CheckError):
        signing.check_page(page, other.verifier)
    with pytest.raises(CheckError, match="something else"):
        signing.check_document(document, signer.sign("a statement\n"), signer.verifier)
    bare = signing.put_together(page, None)
    with pytest.raises(CheckError, match="not signed"):
        signing.check_page(bare, signer.verifier)


def test_the_commands_make_and_check_a_report_without_any_database(signer: Signer, tmp_path: Path) -> None:
    run = CliRunner().invoke
    (tmp_path / "replay.json").write_bytes(result(differences=[difference("row-missing")]))
    out, public = tmp_path / "report.html", str(tmp_path / "key.pem.pub")
    arguments = ["audit", "report", "--from", str(tmp_path / "replay.json"), "--out", str(out), "--no-database"]
    made = run(app, [*arguments, "--key", str(tmp_path / "key.pem")])
    assert made.exit_code == 1, made.output  # a difference was found, and the report is there
    assert "Not equal: 1 difference found." in made.output

    for file in (out, out.with_suffix(".json")):
        checked = run(app, ["audit", "check-report", str(file), "--public-key", public])
        assert checked.exit_code == 0, checked.output
        assert "just as audit.example signed it" in checked.output

    document = out.with_suffix(".json").read_bytes()
    out.with_suffix(".json").write_bytes(document.replace(b'"equal": false', b'"equal": true '))
    for file in (out, out.with_suffix(".json")):
        checked = run(app, ["audit", "check-report", str(file), "--public-key", public])
        assert checked.exit_code == 1
        assert "NOT AS SIGNED" in checked.output


def test_a_user_without_a_name_makes_a_report_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run under a number that has none."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    (tmp_path / "replay.json").write_bytes(result())
    out = tmp_path / "report.html"
    made = CliRunner().invoke(
        app, ["audit", "report", "--from", str(tmp_path / "replay.json"), "--out", str(out), "--no-database"]
    )
    assert made.exit_code == 0, made.output
    assert from_json(out.with_suffix(".json").read_bytes()).who == f"user {os.getuid()}"


def test_the_result_of_the_replay_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "replay.json"
    file.write_bytes(result())
    arguments = ["audit", "report", "--from", str(file), "--out", str(tmp_path / "replay.html"), "--no-database"]
    made = CliRunner().invoke(app, arguments)
    assert made.exit_code == 2
    assert "would be written over" in made.output
    assert file.read_bytes() == result()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"differences_total": 0}, "lists 1 differences and counts 0"),
        ({"equal": True}, "says equal"),
        ({"differences": (), "differences_total": 3}, "lists none"),
        ({"equal": "yes"}, "no result of a replay"),
    ],
)
def test_a_result_that_contradicts_itself_makes_no_report(
    changes: dict[str, object], words: str, tmp_path: Path
) -> None:
    file = tmp_path / "replay.json"
    file.write_bytes(result(**({"differences": [difference("row-missing")]} | changes)))  # type: ignore[arg-type]
    arguments = ["audit", "report", "--from", str(file), "--out", str(tmp_path / "r.html"), "--no-database"]
    made = CliRunner().invoke(app, arguments)
    assert made.exit_code == 2
    assert words in made.output
    assert not (tmp_path / "r.html").exists()
