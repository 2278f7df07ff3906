"""Whether some bytes name a person: by one of their pseudonyms, however JSON may write it. Pure."""

import re
from collections.abc import Iterable

_ESCAPED = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_DIGITS = re.compile(r"[0-9a-f]{32}$")


class Names:
    """The pseudonyms of one person."""

    def __init__(self, names: Iterable[str]) -> None:
        self.all = frozenset(names)
        # The digits alone are the person's, under whatever key; what stands before them may be written in other ways.
        told = sorted(map(_digits, self.all))
        self._pattern = re.compile(b"|".join(re.escape(one.encode()) for one in told), re.IGNORECASE) if told else None

    def are_in(self, *parts: bytes | None) -> bool:
        """Tell whether one of these parts names the person."""
        return self._pattern is not None and any(map(self._is_in, parts))

    def _is_in(self, data: bytes | None) -> bool:
        if data is None or self._pattern is None:
            return False
        if self._pattern.search(data):
            return True
        return b"\\u00" in data and self._pattern.search(_ESCAPED.sub(_character, data)) is not None


def _digits(name: str) -> str:
    found = _DIGITS.search(name)
    return name if found is None else found[0]


def _character(escaped: re.Match[bytes]) -> bytes:
    return bytes([int(escaped[1], 16)])
