"""Pseudonyms for whoever writes to Kafka: NHS numbers in, pseudonyms out. Pure; nothing here repeats a number.

    {"nhs_numbers": ["…", …]}  →  {"pseudonyms": ["person:k2:…", …], "previous": ["person:k1:…", …]}

`previous` is there only while the key is being changed. More may be asked for and answered one day, in further fields.
"""

import re
from typing import Any, Final

import msgspec
import orjson

from pcare_ingest.limits import MAX_NUMBERS
from pcare_schemas.check_digit import is_valid
from pcare_schemas.pseudonym import Keys, pseudonym
from pcare_schemas.rejections import FieldError

FORM: Final = '{"nhs_numbers": ["<10 digits>", …]}, of at most ' + str(MAX_NUMBERS)
_SEPARATORS = re.compile("[ -]")


class _Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nhs_numbers: list[str]


_DECODER = msgspec.json.Decoder(_Asked)


class NotAskedError(ValueError):
    """The body does not ask for pseudonyms. `error` says why, and repeats nothing of it."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.message)
        self.error = error


def asked(body: bytes) -> list[str]:
    """Return the numbers that a body asks about, as they stand there. Raises NotAskedError."""
    try:
        return _DECODER.decode(body).nhs_numbers
    except msgspec.ValidationError:
        message = "This is JSON, but not of the form that is taken here."
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = "This is not JSON."
    except RecursionError:
        message = "This is nested too deeply."
    raise NotAskedError(FieldError("", message, FORM))


def refused(numbers: list[str]) -> tuple[FieldError, ...]:
    """Return an error for each number that is none, by its place."""
    return tuple(
        FieldError(
            f"/nhs_numbers/{place}",
            "This is not an NHS number: it has not ten digits, or its check digit is wrong.",
            "ten digits, the last of them the check digit; spaces and dashes do not count",
        )
        for place, number in enumerate(numbers)
        if not is_valid(_SEPARATORS.sub("", number))
    )


def answer(numbers: list[str], keys: Keys) -> bytes:
    """Return the answer for numbers of which none is refused, in their order."""
    document: dict[str, Any] = {"pseudonyms": [pseudonym(number, keys.current) for number in numbers]}
    if keys.previous is not None:
        document["previous"] = [pseudonym(number, keys.previous) for number in numbers]
    return orjson.dumps(document)
