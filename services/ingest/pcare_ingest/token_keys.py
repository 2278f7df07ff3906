"""The keys that sign access tokens, the same for all copies of ingest.

A file holds one key a line: `name:` and 64 hex digits. The first signs, all are accepted. So a key is changed in three
steps, each with a restart of every copy: the new one as the second line; then as the first; and, when the last tokens
of the old one have expired, that one taken out. `python -m pcare_ingest.token_keys new FILE` makes a file (`pcare keys
token FILE` does the same).
"""

import os
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pcare_common.errors import EXIT_CONFIGURATION, OperatorError

USAGE = "usage: python -m pcare_ingest.token_keys new FILE\n"
SECRET_BYTES = 32
OWNER_ONLY = 0o600
_LINE = re.compile(rf"([A-Za-z0-9_-]{{1,32}}):([0-9A-Fa-f]{{{2 * SECRET_BYTES},}})", re.ASCII)
_FORM = "one key a line, each `name:` and at least 64 hex digits, under different names"


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """Secrets by name, which are never shown. `signing` is the name of the one that signs."""

    signing: str
    secrets: dict[str, bytes] = field(repr=False)


def new(file: Path) -> None:
    """Write a fresh key into `file`, which only its owner may read. Never overwrites.

    Raises OperatorError when the file exists or cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        raise OperatorError(f"{file} exists already and is left as it is. Name another file.") from None
    except OSError as error:
        raise OperatorError(f"Cannot write {file}: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"t{secrets.token_hex(4)}:{secrets.token_hex(SECRET_BYTES)}\n")


def read(file: Path) -> TokenKeys:
    """Return the keys of a file. Raises OperatorError that says what is wrong with it; never with a key in it."""
    variable = f"PCARE_INGEST_TOKEN_KEY_FILE: {file}"
    try:
        lines = [line.strip() for line in file.read_text(encoding="ascii").splitlines() if line.strip()]
    except OSError as error:
        raise OperatorError(f"{variable} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        lines = []
    found = [_LINE.fullmatch(line) for line in lines]
    keys = {one[1]: bytes.fromhex(one[2]) for one in found if one is not None and len(one[2]) % 2 == 0}
    if not lines or len(keys) != len(lines):
        raise OperatorError(f"{variable} is no file of signing keys: {_FORM}. `pcare keys token FILE` makes one.")
    return TokenKeys(next(iter(keys)), keys)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if len(words) != 2 or words[0] != "new":
        sys.stderr.write(USAGE)
        return EXIT_CONFIGURATION
    try:
        new(Path(words[1]))
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIGURATION
    sys.stdout.write(f"Wrote a new key to {words[1]}. Set PCARE_INGEST_TOKEN_KEY_FILE={words[1]} for all copies.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
