"""The pseudonym key: the only secret that ingest holds, and it alone.

`python -m pcare_ingest.keys new FILE` makes one (`pcare keys new FILE` does the same). Keep a copy in a safe place:
without the key, the same person gets another pseudonym, and later events no longer find the earlier ones. How a key is
changed for another is in docs/keys.md.
"""

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from pcare_common.errors import EXIT_CONFIGURATION, OperatorError
from pcare_schemas.pseudonym import DEFAULT_KEY_ID, MIN_SECRET_BYTES, KeyMissingError, Keys

USAGE = "usage: python -m pcare_ingest.keys new FILE\n"
OWNER_ONLY = 0o600


def new(file: Path, key_id: str = DEFAULT_KEY_ID) -> None:
    """Write a fresh key of this id into `file`, which only its owner may read. Never overwrites.

    Raises OperatorError when the file exists or cannot be written.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        raise OperatorError(
            f"{file} exists already and is left as it is: a key that is overwritten is lost, and every pseudonym "
            "made with it can never be matched again. Name another file."
        ) from None
    except OSError as error:
        raise OperatorError(f"Cannot write {file}: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{key_id}:{secrets.token_hex(MIN_SECRET_BYTES)}\n")


def read() -> Keys:
    """Return the keys that the environment names: the current one and, while it is being changed, the previous one.

    Raises OperatorError that says which variable to set and how to make a key; never with the key in it.
    """
    try:
        return Keys.read()
    except KeyMissingError as error:
        raise OperatorError(f"{error}. `pcare keys new FILE` makes one.") from error


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
    sys.stdout.write(f"Wrote a new pseudonym key to {words[1]}. Set PCARE_PSEUDONYM_KEY_FILE={words[1]} for ingest.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
