"""Finding NHS numbers in bytes, and masking them.

A hit is ten digits with a right check digit: in one run (also glued to letters), grouped 3-3-4 by up to three
spaces, dashes, dots, underscores, colons or slashes, or with single spaces anywhere, up to three where a line is
broken; as ASCII, in the digits of any script, or escaped. Runs of more digits are no hit, nor are digits inside a UUID
or a hexadecimal token of 16 or more: SNOMED CT identifiers, pseudonyms, traces and random ids pass.
"""

import re
from collections.abc import Container, Iterator

from pcare_schemas.check_digit import is_valid
from pcare_schemas.plain_text import layers, marked, plain

MASK = "*"
_WITHHELD = "(withheld: it holds an NHS number that cannot be masked)"

_SHAPES = bytes.maketrans(
    bytes(range(256)),
    bytes(
        ord("0")
        if chr(byte) in "0123456789"
        else ord("-")
        if chr(byte) in "-._:/"
        else ord(" ")
        if chr(byte) in " \t\r\n"
        else ord("!")
        if chr(byte) in "\\%&" or byte < 0x20 or byte > 0x7E
        else ord("x")
        for byte in range(256)
    ),
)
"""Every byte as its shape: 0 digit, - separator, space, ! what may hide a digit, x anything else."""

_RUN_OR_GROUPS = re.compile(rb"000(?<!0000)[- ]{0,3}000[- ]{0,3}0000(?!0)").search

_GROUPED = re.compile(r"(?=(?<![0-9])([0-9]{3}[-._:/ ]{0,3}[0-9]{3}[-._:/ ]{0,3}[0-9]{4})(?![0-9]))")
_SPACED = re.compile(r"(?=(?<![0-9])([0-9](?: {0,3}[0-9]){9})(?![0-9]))")
_TOKEN = re.compile(
    r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9a-fA-F])|[0-9a-fA-F]{16,}"
)
_TOKEN_REACH = 40
"""A token that reaches into a hit shows itself within so many characters around: a UUID has 36."""

_CLAIMED = re.compile(r'nhs-number([^"]{1,200})', re.IGNORECASE)


def holds_one(data: bytes, besides: Container[str] = ()) -> bool:
    """Say whether an NHS number stands anywhere in these bytes, `besides` not counted.

    A few microseconds where none does.
    """
    if not _may_hold_one(data):
        return False
    return any(_digits(seen[start:end]) not in besides for seen in layers(decode(data)) for start, end in _spans(seen))


def find_in(data: bytes) -> tuple[str, ...]:
    """Return the NHS numbers that stand anywhere in these bytes, as ten digits each."""
    return find(decode(data)) if _may_hold_one(data) else ()


def find(text: str) -> tuple[str, ...]:
    """Return the NHS numbers that stand in the text, as ten digits each."""
    return tuple(dict.fromkeys(_digits(seen[start:end]) for seen in layers(text) for start, end in _spans(seen)))


def mask(text: str) -> str:
    """Return the text with the digits of every NHS number masked, or a remark in its place if that cannot be done."""
    data = text.encode("utf-8", "surrogatepass")
    if not holds_one(data):
        return text
    masked = redact(data)
    return _WITHHELD if masked is None else masked.decode("utf-8", "replace")


def redact(data: bytes) -> bytes | None:
    """Return the bytes with every digit of an NHS number masked, or None if that cannot be shown to be complete.

    What claims to be one (digits after `nhs-number`) is masked too, valid or not: a slip of a key still identifies.
    """
    text = decode(data)
    seen, places = marked(text)
    masked = set[int]()
    for start, end in [*_spans(seen), *(found.span(1) for found in _CLAIMED.finditer(seen))]:
        masked.update(index for index in range(start, end) if seen[index].isdigit())
    pieces: list[str] = []
    done = 0
    for index in sorted(masked):
        start, end = places[index]
        pieces += [text[done:start], MASK]
        done = end
    redacted = "".join([*pieces, text[done:]]).encode("utf-8", "surrogateescape")
    return None if holds_one(redacted) or _claims_one(plain(decode(redacted))) else redacted


def _may_hold_one(data: bytes) -> bool:
    shapes = data.translate(_SHAPES)
    return b"!" in shapes or b"0 0" in shapes or _RUN_OR_GROUPS(shapes) is not None


def _claims_one(seen: str) -> bool:
    return any(_digits(found[1]) for found in _CLAIMED.finditer(seen))


def decode(data: bytes) -> str:
    """Read any bytes as text, so that `encode("utf-8", "surrogateescape")` gives them back."""
    return data.decode("utf-8", "surrogateescape")


def _spans(seen: str) -> Iterator[tuple[int, int]]:
    for pattern in (_GROUPED, _SPACED):
        for found in pattern.finditer(seen):
            if is_valid(_digits(found[1])) and not _in_token(seen, *found.span(1)):
                yield found.span(1)


def _in_token(seen: str, start: int, end: int) -> bool:
    near = _TOKEN.finditer(seen, max(0, start - _TOKEN_REACH), end + _TOKEN_REACH)
    return any(token.start() < end and start < token.end() for token in near)


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
