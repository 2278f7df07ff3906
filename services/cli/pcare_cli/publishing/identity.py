"""The id of a row's event: the same whenever the same row is published, and telling nobody whose it is.

An id stays in the record for ever. A plain hash of a row could be undone, as far as the NHS number goes, by trying all
of them; so it is made under a key that stays with whoever publishes.
"""

import hmac
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

KEY_BYTES = 32
_VERSION_8 = 8


class IdKeyError(Exception):
    """The key of ids cannot be read or made. The message says what to do."""


class Identity:
    """Derives ids under a key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of_row(self, source: str, kind: str, key: Sequence[str]) -> str:
        """Return the id of a row that is told from every other by `key`."""
        return self._derive(["key", source, kind, *key])

    def of_content(self, event: Mapping[str, Any]) -> str:
        """Return the id of an event by all that it says; two that say the same are one."""
        return self._derive({name: value for name, value in event.items() if name != "id"})

    def fingerprint(self) -> str:
        """Return what tells this key from another, and nothing else about it."""
        return self._derive("fingerprint")[:8]

    def _derive(self, value: Any) -> str:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")[:16]
        number = int.from_bytes(digest) & ~(0xF << 76) & ~(0x3 << 62) | _VERSION_8 << 76 | 0x2 << 62
        text = f"{number:032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def default_file() -> Path:
    """Return where the key is kept unless told otherwise."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "pcare" / "publish-id.key"


def read_or_make(file: Path) -> tuple[Identity, bool]:
    """Return the identity under the key in a file, and whether it was made just now. Raises IdKeyError."""
    try:
        return Identity(_read(file)), False
    except FileNotFoundError:
        pass
    except OSError as error:
        raise IdKeyError(f"The key of ids cannot be read: {error}") from error
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_hex(KEY_BYTES) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        return Identity(_read(file)), True
    except OSError as error:
        raise IdKeyError(f"The key of ids cannot be made: {error}. PCARE_PUBLISH_ID_KEY_FILE says where.") from error


def _read(file: Path) -> bytes:
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise IdKeyError(f"{file} is not a key of ids: 64 hexadecimal digits. Restore it from a backup.")
    return key
