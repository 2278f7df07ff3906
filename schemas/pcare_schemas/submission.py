"""What the edge does to an event before it is checked: the pseudonym takes the place of the NHS number."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from pcare_schemas.check_digit import is_valid
from pcare_schemas.pseudonym import PseudonymKey, pseudonym
from pcare_schemas.rejections import FieldError, Reason, Rejection, rejection

_SUBJECT = re.compile(r"nhs-number:(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Submission:
    """An event ready to be checked and published: its exact bytes, and the subject it names, if that can be read."""

    value: bytes
    subject: str | None


class _Subject(msgspec.Struct, frozen=True, gc=False):
    subject: str | None = None
    subjectprev: Any = msgspec.UNSET


_DECODER = msgspec.json.Decoder(_Subject)
_NOTHING = _Subject()


def pseudonymise_subject(
    event: bytes | Mapping[str, Any], key: PseudonymKey, previous: PseudonymKey | None = None
) -> Submission | Rejection:
    """Put the pseudonym where the subject is `nhs-number:<10 digits>` (spaces and dashes allowed).

    With a `previous` key the person's pseudonym under it goes beside it, as `subjectprev`. Nothing else is touched, to
    the byte; a mapping is written as JSON. What cannot be read passes as it is, with no subject, for `check` to refuse.
    A number that is not valid is refused here, `invalid_data` at /subject; so is a `subjectprev` beside a number.
    Nothing is raised for any bytes; a mapping that JSON cannot hold is refused as `not_json`.
    """
    try:
        value = event if isinstance(event, bytes) else orjson.dumps(dict(event))
    except orjson.JSONEncodeError:
        return rejection(None, Reason.not_json, FieldError("", "This is not JSON.", "one JSON document in UTF-8"))
    read = _subject_of(value)
    claimed = read.subject
    if claimed is None or not _SUBJECT.match(claimed):
        return Submission(value, claimed)
    number = re.sub("[ -]", "", claimed.partition(":")[2])
    if not is_valid(number):
        error = FieldError(
            "/subject",
            "This is not an NHS number: it has not ten digits, or its check digit is wrong.",
            "nhs-number: and ten digits, the last of them the check digit",
        )
        return rejection(value, Reason.invalid_data, error, mask=True)
    if read.subjectprev is not msgspec.UNSET:
        error = FieldError(
            "/subjectprev", "The subject is an NHS number: its pseudonyms are made here.", "no `subjectprev` beside it"
        )
        return rejection(value, Reason.invalid_data, error, mask=True)
    subject = pseudonym(number, key)
    before = None if previous is None else pseudonym(number, previous)
    return Submission(_with_subject(value, claimed, subject, before), subject)


def _subject_of(event: bytes) -> _Subject:
    try:
        return _DECODER.decode(event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _NOTHING


def _with_subject(value: bytes, claimed: str, subject: str, before: str | None) -> bytes:
    written = f'"{claimed}"'.encode()
    if value.count(written) == 1:
        # The one place is the subject's own value, or the number stays in the subject and `check` refuses the event.
        beside = "" if before is None else f',"subjectprev":"{before}"'
        return value.replace(written, f'"{subject}"{beside}'.encode())
    try:
        document = json.loads(value, object_pairs_hook=_each_name_once, parse_constant=_no_number)
        document["subject"] = subject
        return orjson.dumps(document if before is None else {**document, "subjectprev": before})
    except (ValueError, TypeError, RecursionError):
        return value  # it is not JSON that reads the same to every parser; `check` finds the number and refuses it


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice; written anew, the event would hide it")
    return document


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
