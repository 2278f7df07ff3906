"""API keys: `pcare_<id>_<secret>`. Of a key only its id and the SHA-256 of its secret are kept.

Id and secret are letters only: a double click takes all of a key, and none of it can look like an NHS number, which a
log would mask. The secret has 256 random bits, so its hash needs no salt and no slow function.
"""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field

ID_LETTERS = "bcdfghjkmnpqrstvwxz"  # no vowels: an id is read out over the telephone, and is no word by chance
ID_LENGTH = 12
SECRET_LETTERS = string.ascii_letters
SECRET_LENGTH = 45  # 45 letters of 52 are 256.5 bits

_KEY = re.compile(f"pcare_([{ID_LETTERS}]{{{ID_LENGTH}}})_([A-Za-z]{{{SECRET_LENGTH}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was just made. `text` is what the provider gets, once."""

    id: str
    secret: str = field(repr=False)
    text: str = field(repr=False)


def new() -> ApiKey:
    """Make a key that nobody can guess."""
    public, secret = new_id(), "".join(secrets.choice(SECRET_LETTERS) for _ in range(SECRET_LENGTH))
    return ApiKey(public, secret, f"pcare_{public}_{secret}")


def new_id() -> str:
    """Make the public id of a credential, of whichever form: 51 random bits."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


def parse(text: str) -> tuple[str, str] | None:
    """Return id and secret of what has the form of a key, or None. Whether it is one, its hash decides."""
    found = _KEY.fullmatch(text)
    return None if found is None else (found[1], found[2])


def sha256(secret: str) -> bytes:
    """Return what is kept of a secret, for `hmac.compare_digest`. Takes what `parse` returned."""
    return hashlib.sha256(secret.encode("ascii")).digest()
