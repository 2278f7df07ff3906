"""Checks a statement with the public key alone: no database, no Kafka."""

from pathlib import Path

import orjson
import typer

from pcare_audit.signed_note import NoteError, Verifier
from pcare_audit.statements.rendering import FIRST_LINE, as_text
from pcare_audit.statements.statement import Statement, StatementError
from pcare_cli.console import fail

LARGEST = 16 * 1024 * 1024


def check(file: Path, public_key: Path) -> None:
    """Print what was signed; ends with status 1 where it was not, and 2 where there is nothing to check."""
    try:
        verifier = Verifier.load(public_key)
    except NoteError as error:
        fail(str(error), status=2)
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", status=2)
    try:
        text = signed_text(content, verifier)
    except (NoteError, StatementError) as error:
        fail(f"NOT AS SIGNED: {error}")
    typer.echo(text)
    typer.echo(f"as signed: by {verifier.name} ({verifier.key_hash.hex()}).")


def signed_text(content: bytes, verifier: Verifier) -> str:
    """Return the text of a statement, as text or JSON, if it is what this key signed. Raises Note-, StatementError.

    The numbers in the JSON are those in the text, or it is refused.
    """
    try:
        written = content.decode()
    except UnicodeDecodeError as error:
        raise StatementError("This is no statement: it is not UTF-8.") from error
    if not written.startswith("{"):
        text = verifier.open(written)
        if not text.startswith(f"{FIRST_LINE}\n"):
            raise StatementError("The note is signed, and is about something else than a statement.")
        return text
    try:
        document = orjson.loads(written)
    except orjson.JSONDecodeError as error:
        raise StatementError("This is neither a signed note nor JSON.") from error
    if document.keys() != {"statement", "note"} or not isinstance(document["note"], str):
        raise StatementError("This JSON holds no signed statement: it has to have `statement` and `note`.")
    text = verifier.open(document["note"])
    if as_text(Statement.of_document(document["statement"])) != text:
        raise StatementError("The numbers of the JSON are not those of the text that was signed.")
    return text
