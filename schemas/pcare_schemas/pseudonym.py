"""Pseudonyms: what stands for an NHS number everywhere after the edge."""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pcare_schemas.check_digit import is_valid

KEY_FILE_VARIABLE: Final = "PCARE_PSEUDONYM_KEY_FILE"
KEY_VARIABLE: Final = "PCARE_PSEUDONYM_KEY"
PREVIOUS_KEY_FILE_VARIABLE: Final = "PCARE_PSEUDONYM_PREVIOUS_KEY_FILE"
MIN_SECRET_BYTES: Final = 32
DEFAULT_KEY_ID: Final = "k1"
_KEY = re.compile(rb"(?:(k[0-9]{1,3}):)?(.+)", re.DOTALL)


class KeyMissingError(ValueError):
    """There is no pseudonym key, or not a fit one. The message names the variable to set, and never the key."""


@dataclass(frozen=True, slots=True)
class PseudonymKey:
    """A key: its id, which every pseudonym made with it carries, and its secret, which is never shown."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"k[0-9]{1,3}", self.id):
            raise KeyMissingError("a pseudonym key's id is k and a number, such as k1")
        if len(self.secret) < MIN_SECRET_BYTES:
            raise KeyMissingError(f"a pseudonym key has at least {MIN_SECRET_BYTES} bytes of secret")

    @classmethod
    def read(cls, file: Path | None = None, environment: Mapping[str, str] | None = None) -> "PseudonymKey":
        """Read the key: from `file`, else the file PCARE_PSEUDONYM_KEY_FILE names, else PCARE_PSEUDONYM_KEY.

        Its text is the secret, or `k2:` and the secret for another id than k1; white space around it is dropped.
        Raises KeyMissingError.
        """
        variables = os.environ if environment is None else environment
        named = file if file is not None else _path(variables.get(KEY_FILE_VARIABLE))
        if named is not None:
            return _read(named, KEY_FILE_VARIABLE)
        text = variables.get(KEY_VARIABLE)
        if not text:
            raise KeyMissingError(
                f"no pseudonym key: set {KEY_FILE_VARIABLE} to a file that holds one, or {KEY_VARIABLE} to the key "
                f"itself (at least {MIN_SECRET_BYTES} bytes; `openssl rand -hex 32` makes one)"
            )
        return _parse(text.encode(), KEY_VARIABLE)


@dataclass(frozen=True, slots=True)
class Keys:
    """The key that pseudonyms are made with; and, while the key is being changed, the one before it."""

    current: PseudonymKey
    previous: PseudonymKey | None = None

    def __post_init__(self) -> None:
        if self.previous is not None and self.previous.id == self.current.id:
            raise KeyMissingError(
                f"{PREVIOUS_KEY_FILE_VARIABLE}: the previous key and the current one are both called {self.current.id}"
            )
        if self.previous is not None and self.previous.secret == self.current.secret:
            raise KeyMissingError(f"{PREVIOUS_KEY_FILE_VARIABLE}: the previous key has the secret of the current one")

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "Keys":
        """Read the current key, and the previous one from the file PCARE_PSEUDONYM_PREVIOUS_KEY_FILE if it is named.

        Raises KeyMissingError.
        """
        variables = os.environ if environment is None else environment
        previous = _path(variables.get(PREVIOUS_KEY_FILE_VARIABLE))
        return cls(
            PseudonymKey.read(environment=variables),
            None if previous is None else _read(previous, PREVIOUS_KEY_FILE_VARIABLE),
        )


def pseudonym(number: str, key: PseudonymKey) -> str:
    """Return `person:<key id>:<32 hex>`: the first 128 bits of HMAC-SHA-256 of the NHS number's ten digits.

    Spaces and dashes are dropped first. Raises ValueError, without the number in it, if it is not valid.
    """
    digits = re.sub("[ -]", "", number)
    if not is_valid(digits):
        raise ValueError("not a valid NHS number: ten digits, the last of them the check digit")
    return f"person:{key.id}:{hmac.new(key.secret, digits.encode(), hashlib.sha256).hexdigest()[:32]}"


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _read(file: Path, variable: str) -> PseudonymKey:
    try:
        return _parse(file.read_bytes(), variable)
    except OSError as error:
        raise KeyMissingError(f"{variable}: {file} cannot be read: {error.strerror}") from error


def _parse(content: bytes, variable: str) -> PseudonymKey:
    found = _KEY.fullmatch(content.strip())
    try:
        return PseudonymKey(
            id=(found[1] or DEFAULT_KEY_ID.encode()).decode() if found else DEFAULT_KEY_ID,
            secret=found[2] if found else b"",
        )
    except KeyMissingError as error:
        raise KeyMissingError(f"{variable}: {error}") from error
