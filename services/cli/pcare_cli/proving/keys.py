"""`pcare audit key new`."""

from pathlib import Path

import typer

from pcare_audit.signed_note import NoteError, Signer
from pcare_cli.console import fail
from pcare_cli.sealing.keys import public_of

PUBLIC = 0o644


def new(file: Path, name: str) -> None:
    """Make a key and print the public one; ends the process where that cannot be. Nothing is ever written over."""
    public = public_of(file)
    if public.exists():
        fail(f"{public} is there already. A key is never written over: name another file.")
    try:
        signer = Signer.new(file, name)
        public.write_text(f"{signer.verifier}\n")
        public.chmod(PUBLIC)
    except NoteError as error:
        fail(str(error), status=2)
    except FileExistsError:
        fail(f"{file} is there already. A key is never written over: name another file.")
    except OSError as error:
        fail(f"The key cannot be written to {file}: {error.strerror}.")
    typer.echo(str(signer.verifier))
    typer.echo(
        f"The public key is in {public} too: hand it to whoever verifies. {file} stays where it is used.", err=True
    )
