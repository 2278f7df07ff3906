"""Undoing what hides digits: escapes, digits of other scripts, odd spaces and dashes, characters without width."""

import re
import unicodedata
from functools import cache
from itertools import chain
from sys import maxunicode

_ESCAPE = re.compile(
    r"\\{1,8}u([dD][89abAB][0-9a-fA-F]{2})\\{1,8}u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\{1,8}u\{?([0-9a-fA-F]{4})\}?|\\{1,8}x([0-9a-fA-F]{2})|%([0-9a-fA-F]{2})|&#[xX]([0-9a-fA-F]{1,6});?|&#([0-9]{1,7});?"
)
_PASSES = 4
"""Escapes of escapes are undone so often; what is nested deeper holds no digits that anyone would read."""


def plain(text: str) -> str:
    """Return the text as its reader sees it: ASCII digits, spaces and dashes, nothing invisible."""
    for _ in range(_PASSES):
        unescaped = _ESCAPE.sub(_unescape, text)
        if unescaped == text:
            break
        text = unescaped
    return text.translate(_look_alikes())


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the plain text after one pass, and where in the original each of its characters stands."""
    characters: list[str] = []
    places: list[tuple[int, int]] = []
    look_alikes = _look_alikes()
    end = 0
    while end < len(text):
        start = end
        found = _ESCAPE.match(text, start)
        end = found.end() if found else start + 1
        character = _unescape(found) if found else text[start]
        shown = look_alikes.get(ord(character), character)
        if shown is not None:
            characters.append(shown)
            places.append((start, end))
    return "".join(characters), places


def _unescape(found: re.Match[str]) -> str:
    high, low, *single, decimal = found.groups()
    if high and low:
        code = 0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00
    else:
        code = int(decimal) if decimal else int(next(filter(None, single)), 16)
    return chr(code) if code <= maxunicode else found[0][0]


@cache
def _look_alikes() -> dict[int, str | None]:
    """Map every character that reads as a digit, a space or a dash to the ASCII one; None drops it."""
    table: dict[int, str | None] = {code: None for code in range(0x20) if chr(code) not in "\t\n\r"}
    table |= {ord(space): " " for space in "\t\n\r"}
    for code in chain(range(0x7F, 0x20000), range(0xE0000, 0xE1000)):
        character = chr(code)
        category = unicodedata.category(character)
        if category in {"Nd", "No"}:
            digit = unicodedata.digit(character, None)
            if digit is not None:
                table[code] = str(digit)
        elif category == "Pd" or code == 0x2212:
            table[code] = "-"
        elif category == "Zs":
            table[code] = " "
        elif category in {"Cf", "Cc", "Mn"}:
            table[code] = None
    return table
