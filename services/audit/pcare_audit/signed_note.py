"""A signed note: a text that a person can read, and Ed25519 signatures below it. The form is C2SP's `signed-note`.

The text ends with a newline; after an empty line each signature has a line `— <name> <base64>`, of the first four
bytes of the key's hash and the signature over the text. Keys are named, so that a reader knows whom to ask.
"""

import base64
import binascii
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ED25519 = b"\x01"
MARK = "\u2014 "  # an em dash, as the form has it
SEPARATOR = "\n\n" + MARK
HASH_BYTES = 4
PRIVATE = 0o600


class NoteError(Exception):
    """What was given is no signed note, no key, or not signed as it should be. The message says which."""


class Signature(NamedTuple):
    """A signature line: who signed, the first bytes of the hash of the key, and the signature."""

    name: str
    key_hash: bytes
    signature: bytes


class Opens(Protocol):
    """Whatever tells a signed note from another."""

    def open(self, note: str) -> str:
        """Return the text. Raises NoteError where the note is not signed as it must be."""


class Verifier:
    """A public key with its name. As text, `name+hash+base64`: what is handed to whoever is to verify."""

    def __init__(self, name: str, key: Ed25519PublicKey) -> None:
        self.name = _name(name)
        self._key = key
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._encoded = ED25519 + raw
        self.key_hash = sha256(name.encode() + b"\n" + self._encoded).digest()[:HASH_BYTES]

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Read what `str` wrote. Raises NoteError for anything else."""
        name, key_hash, encoded = ([*text.strip().split("+", 2), "", "", ""])[:3]
        raw = _decoded(encoded)
        if raw is None or raw[:1] != ED25519 or len(raw) != 33:
            raise NoteError("This is no public key of a log: name+hash+key, as `pcare audit key new` prints it.")
        verifier = cls(name, Ed25519PublicKey.from_public_bytes(raw[1:]))
        if verifier.key_hash.hex() != key_hash:
            raise NoteError(f"The public key of {name} is damaged: its name, hash and key do not belong together.")
        return verifier

    @classmethod
    def load(cls, file: Path) -> "Verifier":
        """Read the file that `pcare audit key new` made beside the private key. Raises NoteError."""
        try:
            return cls.parse(file.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise NoteError(f"The public key {file} cannot be read: {error}.") from error

    def __str__(self) -> str:
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(self._encoded).decode()}"

    def signed(self, signature: Signature, text: str) -> bool:
        """Whether the signature is this key's, over this text."""
        if (signature.name, signature.key_hash) != (self.name, self.key_hash):
            return False
        try:
            self._key.verify(signature.signature, text.encode())
        except InvalidSignature:
            return False
        return True

    def open(self, note: str) -> str:
        """Return the text of a note that this key signed. Raises NoteError for any other.

        Signatures of other keys are passed over; one that claims to be this key's and is not is refused.
        """
        text, signatures = split(note)
        own = [one for one in signatures if (one.name, one.key_hash) == (self.name, self.key_hash)]
        if not own:
            signers = ", ".join(sorted({one.name for one in signatures}))
            raise NoteError(f"The note is not signed by {self.name} ({self.key_hash.hex()}), but by {signers}.")
        if not all(self.signed(one, text) for one in own):
            raise NoteError(f"The signature of {self.name} is wrong: the text or the signature was changed.")
        return text


class Verifiers:
    """The public keys of a log: the one that signs now, and those that signed before it was changed."""

    def __init__(self, keys: Iterable[Verifier]) -> None:
        self._keys = tuple(keys)

    def open(self, note: str) -> str:
        """Return the text of a note that one of them signed. Raises NoteError for any other, of the first key."""
        refusals = []
        for key in self._keys:
            try:
                return key.open(note)
            except NoteError as error:
                refusals.append(error)
        raise refusals[0] if refusals else NoteError("There is no public key to open the note with.")


class Signer:
    """A private key with its name."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = Verifier(name, key.public_key())

    @property
    def name(self) -> str:
        """Whose key it is."""
        return self.verifier.name

    @classmethod
    def load(cls, file: Path, name: str) -> "Signer":
        """Read a private key (PEM, PKCS 8, no password). Raises NoteError."""
        try:
            key = load_pem_private_key(file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise NoteError(f"The signing key {file} cannot be read: {error}.") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise NoteError(f"The signing key {file} is of another kind. `pcare audit key new` makes an Ed25519 key.")
        return cls(name, key)

    @classmethod
    def new(cls, file: Path, name: str) -> "Signer":
        """Make a key and write it to a file that only its owner reads. Raises NoteError; FileExistsError if there."""
        signer = cls(name, Ed25519PrivateKey.generate())
        pem = signer._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as opened:
            opened.write(pem)
        return signer

    def sign(self, text: str) -> str:
        """Return the note: the text with a signature below. Raises NoteError where no note can hold the text."""
        _check_text(text)
        signed = base64.b64encode(self.verifier.key_hash + self._key.sign(text.encode())).decode()
        return f"{text}\n{MARK}{self.name} {signed}\n"


def split(note: str) -> tuple[str, list[Signature]]:
    """Return the text of a note and its signatures, none of them checked. Raises NoteError for what is no note."""
    at = note.rfind(SEPARATOR)
    if at < 0 or not note.endswith("\n"):
        raise NoteError("This is no signed note: a text, an empty line, and a line for each signature.")
    text, lines = note[: at + 1], note[at + 2 : -1].split("\n")
    _check_text(text)
    return text, [_signature(line) for line in lines]


def signer_names(note: str) -> Iterable[str]:
    """Return who claims to have signed a note. Raises NoteError for what is no note."""
    return [one.name for one in split(note)[1]]


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(MARK).partition(" ")
    raw = _decoded(encoded)
    if not line.startswith(MARK) or raw is None or len(raw) <= HASH_BYTES:
        raise NoteError("This is no signed note: below the empty line stands what is no signature.")
    return Signature(_name(name), raw[:HASH_BYTES], raw[HASH_BYTES:])


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("The text of a note ends with a newline.")
    if any(character < " " and character != "\n" for character in text):
        raise NoteError("The text of a note holds no control characters.")


def _name(name: str) -> str:
    if not name or "+" in name or any(character.isspace() or not character.isprintable() for character in name):
        raise NoteError("The name of a key is not empty and holds neither spaces nor a plus.")
    return name


def _decoded(encoded: str) -> bytes | None:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    # the last letter has bits that say nothing: only one way to write it counts, or a changed byte would pass
    return raw if base64.b64encode(raw).decode() == encoded else None
