"""Whether an NHS number stands in some bytes: as a reader would see it, or in base64. Pure.

What counts as one is decided where events are refused, `pcare_schemas.identifiers`: ten digits with a right check
digit, in one run or grouped as people group them, but no part of a longer number, a UUID or a hexadecimal token, and no
code of our lists that passes the check by chance. Two things more pass here, which nobody wrote as somebody's number:
ten digits before or after a decimal point, which are a measurement; and, in a log, a time in seconds since 1970.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterator

from pcare_schemas.identifiers import holds_one

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]+")
_DECIMAL = re.compile(rb"(?<![0-9A-Za-z.,_-])[0-9]+\.[0-9]+(?=[\s,;)\]}\"']|$)")
_EPOCH_SECONDS = re.compile(rb"(?<![0-9.])1[4-9][0-9]{8}(?![0-9.])")
_MASKED = b"#"


class Search:
    """Looks into bytes. `besides` are ten-digit codes that are no identifiers."""

    def __init__(self, besides: Collection[str]) -> None:
        self._besides = frozenset(besides)

    def finds_one(self, data: bytes, *, log: bool = False) -> bool:
        """Say whether an NHS number stands in these bytes. `log`: they are of a log, where times stand in seconds."""
        return any(holds_one(one, self._besides) and self._is_one(one, log=log) for one in (data, *_decoded(data)))

    def _is_one(self, data: bytes, *, log: bool) -> bool:
        """Look once more, without what is a measurement or a time: only where something was found."""
        rest = _DECIMAL.sub(_MASKED, data)
        return holds_one(_EPOCH_SECONDS.sub(_MASKED, rest) if log else rest, self._besides)


def _decoded(data: bytes) -> Iterator[bytes]:
    for found in _BASE64.finditer(data):
        text = found[0]
        if _HEXADECIMAL.fullmatch(text):
            continue
        try:
            yield base64.b64decode(text + b"=" * (-len(text) % 4))
        except binascii.Error:
            continue
