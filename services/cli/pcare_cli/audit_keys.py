"""The key that statements are signed with, and where it is."""

from pathlib import Path

from pydantic import Field

from pcare_audit.signed_note import NoteError, Signer, Verifier
from pcare_cli.console import fail
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.settings import Settings, load


class AuditKeySettings(Settings):
    """What the commands read from the environment that sign what they say."""

    audit_signing_key_file: Path | None = Field(
        None,
        description="the private key (Ed25519, PEM) that statements and reports are signed with; `pcare audit key new` "
        "makes it, and the public key beside it",
    )


def signer(private: Path) -> Signer:
    """Return the key of a file, under the name that its public key beside it has. Raises NoteError."""
    public = private.with_name(f"{private.name}.pub")
    verifier = Verifier.load(public)
    found = Signer.load(private, verifier.name)
    if str(found.verifier) != str(verifier):
        raise NoteError(f"{private} and {public} are not of one key. Sign with the pair that was made together.")
    return found


def chosen_signer(named: Path | None) -> Signer | None:
    """Return the key that was named, or that of the environment, or None; ends the process where it is no key."""
    private = named or load(AuditKeySettings).audit_signing_key_file
    try:
        return None if private is None else signer(private)
    except NoteError as error:
        fail(str(error), status=2 if named else EXIT_CONFIGURATION)
