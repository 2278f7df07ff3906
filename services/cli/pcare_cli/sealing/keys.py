"""The keys of a system that makes its own: the demo's, a test's. Where it matters `pcare audit key new` makes them."""

from pathlib import Path

from pcare_audit.signed_note import Signer


def make(file: Path, name: str) -> None:
    """Make a key, and write its public key beside it. Raises FileExistsError, so that none is ever replaced."""
    signer = Signer.new(file, name)
    public_of(file).write_text(f"{signer.verifier}\n")


def public_of(file: Path) -> Path:
    """Return where the public key of a private one is."""
    return file.with_name(file.name + ".pub")
