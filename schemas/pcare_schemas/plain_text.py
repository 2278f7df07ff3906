"""Undoing what hides digits: escapes, digits of other scripts, odd spaces and dashes, characters without width."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from sys import maxunicode

# What is written outermost comes first: JSON may escape a digit inside of a reference of HTML.
_BACKSLASH = re.compile(
    r"\\{1,8}u([dD][89abAB][0-9a-fA-F]{2})\\{1,8}u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\{1,8}u\{?([0-9a-fA-F]{4})\}?|\\{1,8}x([0-9a-fA-F]{2})"
)
_PERCENT = re.compile(r"%([0-9a-fA-F]{2})")
_REFERENCE = re.compile(r"&#[xX]([0-9a-fA-F]{1,6});?|&#([0-9]{1,7});?")
_ESCAPE = re.compile("|".join(escapes.pattern for escapes in (_BACKSLASH, _PERCENT, _REFERENCE)))
MINUS = "\u2212"
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_PASSES = 4
"""Escapes of escapes are undone so often; what is nested deeper holds no digits that anyone would read."""


def plain(text: str) -> str:
    """Return the text as its reader sees it: ASCII digits, spaces and dashes, nothing invisible."""
    for _ in range(_PASSES):
        undone = _shown(_unescape_all(text))
        if undone == text:
            break
        text = undone
    return text


def layers(text: str) -> Iterator[str]:
    """Give the text, and then what is under it, layer by layer: one kind of disguise undone alone, and all of them.

    Each is to be looked at: digits of another script, or that are escaped in another way, hide a number beside them
    once they are undone too, and nobody can tell which of them a reader's program undoes.
    """
    yield text
    for _ in range(_PASSES):
        alone = [undone for undo in (_visible, _shown, *_ESCAPES) if (undone := undo(text)) != text]
        if not alone:
            return
        together = _unescape_all(text)
        text = _shown(together)
        yield from dict.fromkeys([*alone, *map(_visible, alone), *map(_shown, alone), _visible(together), text])


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the plain text after one pass, and where in the original each of its characters stands."""
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    end = 0
    for found in _ESCAPE.finditer(text):
        _mark(text, end, found.start(), pieces, places)
        end = found.end()
        shown = _unescape(found).translate(_look_alikes())
        pieces.append(shown)
        places += [found.span()] * len(shown)
    _mark(text, end, len(text), pieces, places)
    return "".join(pieces), places


def _mark(text: str, start: int, end: int, pieces: list[str], places: list[tuple[int, int]]) -> None:
    """Add a stretch without escapes, of which most hold nothing invisible."""
    stretch = text[start:end]
    shown = stretch.translate(_look_alikes())
    if len(shown) == len(stretch):
        pieces.append(shown)
        places += zip(range(start, end), range(start + 1, end + 1), strict=True)
        return
    for place, character in enumerate(stretch, start):
        alike = character.translate(_look_alikes())
        if alike:
            pieces.append(alike)
            places.append((place, place + 1))


def _unescape_all(text: str) -> str:
    text = _visible(text)  # before the escapes: UTF-16 has a NUL between any two of their characters
    for undo in _ESCAPES:
        text = _joined(undo(text))
    return text


def _joined(text: str) -> str:
    """Join the halves of a character that were undone in different passes: one was escaped once more than the other."""
    return _HALVES.sub(lambda found: _whole(ord(found[0][0]), ord(found[0][1])), text)


def _visible(text: str) -> str:
    return text.translate(_not_digits())


def _shown(text: str) -> str:
    return text.translate(_look_alikes())


def _unescape_backslash(found: re.Match[str]) -> str:
    high, low, *single = found.groups()
    return _character(found, high, low, next(filter(None, single), None), None)


def _unescape_hexadecimal(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _unescape_reference(found: re.Match[str]) -> str:
    return _character(found, None, None, *found.groups())


def _unescape(found: re.Match[str]) -> str:
    high, low, *single, decimal = found.groups()
    return _character(found, high, low, next(filter(None, single), None), decimal)


def _character(
    found: re.Match[str], high: str | None, low: str | None, hexadecimal: str | None, decimal: str | None
) -> str:
    if high and low:
        return _whole(int(high, 16), int(low, 16))
    code = int(decimal) if decimal else int(hexadecimal or "", 16)
    return chr(code) if code <= maxunicode else found[0][0]


def _whole(high: int, low: int) -> str:
    return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)


@cache
def _look_alikes() -> dict[int, str | None]:
    """Map every character that reads as a digit, a space or a dash to the ASCII one; None drops it."""
    digits = {code: _digit(chr(code)) for code in range(0x7F, 0x20000)}
    return _not_digits() | {code: digit for code, digit in digits.items() if digit is not None}


@cache
def _not_digits() -> dict[int, str | None]:
    """Map what reads as a space or a dash, and drop what does not show."""
    table: dict[int, str | None] = {code: None for code in range(0x20) if chr(code) not in "\t\n\r"}
    table |= {ord(space): " " for space in "\t\n\r"}
    for code in chain(range(0x7F, 0x20000), range(0xE0000, 0xE1000)):
        character = chr(code)
        category = unicodedata.category(character)
        compatible = unicodedata.normalize("NFKC", character)
        if category == "Pd" or compatible == MINUS:  # raised and lowered ones, too
            table[code] = "-"
        elif category == "Zs" or compatible[0] == " ":  # an accent that stands alone
            table[code] = " "
        elif category in {"Cf", "Cc", "Mn"}:
            table[code] = None
    return table


def _digit(character: str) -> str | None:
    value = unicodedata.digit(character, None) if unicodedata.category(character) in {"Nd", "No"} else None
    return None if value is None else str(value)


_ESCAPES: tuple[Callable[[str], str], ...] = (
    lambda text: _BACKSLASH.sub(_unescape_backslash, text),
    lambda text: _PERCENT.sub(_unescape_hexadecimal, text),
    lambda text: _REFERENCE.sub(_unescape_reference, text),
)
