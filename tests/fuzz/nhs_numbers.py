"""NHS numbers in the spellings that people and programs give them, and whether one shows in what we say.

The numbers are of the range 999, which is nobody's. Looking for them does not use the search of the product.
"""

import base64
import html
import re
import unicodedata
import urllib.parse
from random import Random

from pcare_cli.simulation.people import number_for_tests

NUMBERS = tuple(number_for_tests(137 * step) for step in range(60))
_KNOWN = frozenset(NUMBERS)
# Ten digits in one run, grouped 3-3-4, or spaced; not a part of a longer run, nor of a hexadecimal token.
_SHOWN = re.compile(
    r"(?<![0-9A-Fa-f])"
    r"(?:([0-9]{3})[-._:/ ]{0,3}([0-9]{3})[-._:/ ]{0,3}([0-9]{4})|([0-9](?: {1,3}[0-9]){9}))"
    r"(?![0-9A-Fa-f])"
)
_UNICODE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BREAK = re.compile("[\t\n\r]")
_INVISIBLE = re.compile(
    "[" + "".join(chr(code) for code in range(0x3000) if unicodedata.category(chr(code)) in {"Cf", "Cc", "Mn"}) + "]"
)
_DIGIT = re.compile(r"[^\W0-9A-Za-z_](?<=\d)")
_DASH = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_HIDING = re.compile(r"[\\%&\0-\x1f\x7f]")
_BASE64 = re.compile(r'"evidence": ?"([A-Za-z0-9+/=]+)"')


def spelled(rng: Random, number: str) -> str:
    """Return a number as somebody may write it."""
    a, b, c = number[:3], number[3:6], number[6:]
    return rng.choice(
        (
            lambda: number,
            lambda: f"{a} {b} {c}",
            lambda: f"{a}-{b}-{c}",
            lambda: f"{a}.{b}.{c}",
            lambda: f"{a}/{b}/{c}",
            lambda: f"{a}  {b} - {c}",
            lambda: " ".join(number),
            lambda: f"nhs-number:{number}",
            lambda: f"NHS-Number: {a} {b} {c}",
            lambda: f"patient{number}",
            lambda: f"{a}\u00a0{b}\u2009{c}",
            lambda: f"{a}\u2013{b}\u2011{c}",
            lambda: f"{a}\u200b{b}\u00ad{c}",
            lambda: "".join(chr(0xFF10 + int(digit)) for digit in number),
            lambda: "".join(chr(0x0660 + int(digit)) for digit in number),
            lambda: "".join(chr(0x1D7CE + int(digit)) for digit in number),
            lambda: "".join(f"%3{digit}" for digit in number),
            lambda: f"{number[:5]}%3{number[5]}{number[6:]}",
            lambda: "".join(f"&#{48 + int(digit)};" for digit in number),
            lambda: "".join(f"&#x3{digit};" for digit in number),
            lambda: "".join(f"\\u003{digit}" for digit in number),
            lambda: f"{number[:9]}\\u003{number[9]}",
            lambda: f"https://example.org/patients/{number}?x=1",
        )
    )()


def shown_in(text: str) -> str | None:
    """Return a number of NUMBERS that a reader finds in this text, or None."""
    for _ in range(3):
        for found in _SHOWN.finditer(text):
            number = "".join(filter(str.isdigit, found[0]))
            if number in _KNOWN:
                return number
        if text.isascii() and not _HIDING.search(text):
            return None
        text = _undone(text)
    return None


def shown_in_document(text: str) -> str | None:
    """As `shown_in`, and look into the evidence of a rejection too."""
    for evidence in _BASE64.findall(text):
        found = shown_in(base64.b64decode(evidence).decode("utf-8", "replace"))
        if found:
            return found
    return shown_in(_BASE64.sub("", text))


def _undone(text: str) -> str:
    text = _UNICODE.sub(lambda found: chr(int(found[1], 16)), _BREAK.sub(" ", text))
    text = _PAIR.sub(lambda found: found[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    text = html.unescape(urllib.parse.unquote(text, errors="replace"))
    text = _DIGIT.sub(lambda found: str(unicodedata.digit(found[0])), text)
    return _DASH.sub("-", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)))
