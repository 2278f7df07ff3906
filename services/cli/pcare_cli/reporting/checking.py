"""`pcare audit check-report`: a report against its signature, with the public key alone."""

from pathlib import Path

import typer

from pcare_audit.signed_note import NoteError, Verifier
from pcare_cli.console import fail
from pcare_cli.reporting import signing
from pcare_cli.reporting.signing import CheckError, Stated


def check(file: Path, public_key: Path, note: Path | None) -> None:
    """Print that the report is as it was signed; ends with status 1 and one line where it is not."""
    try:
        verifier = Verifier.load(public_key)
    except NoteError as error:
        fail(str(error), status=2)
    try:
        if file.suffix == ".json":
            stated = signing.check_document(_read(file), _read(note or file.with_suffix(".note")).decode(), verifier)
            _say("The JSON", stated)
            return
        stated = signing.check_page(_read(file), verifier)
        _say("The page", stated)
        _beside(file.with_suffix(".json"), stated)
    except (CheckError, UnicodeDecodeError) as error:
        fail(f"NOT AS SIGNED: {error}" if isinstance(error, CheckError) else "NOT AS SIGNED: the note is no text.")


def _beside(document: Path, stated: Stated) -> None:
    if not document.exists():
        typer.echo(f"There is no {document.name} beside it; its SHA-256 would be {stated.json_sha256}.")
    elif signing.sha256(_read(document)) == stated.json_sha256:
        typer.echo(f"So is {document.name} beside it.")
    else:
        raise CheckError(f"The page is, but {document.name} beside it was changed, or is of another report.")


def _say(what: str, stated: Stated) -> None:
    typer.echo(f"{what} is just as {stated.signer} signed it; the report was made at {stated.made_at}.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", status=2)
