"""What the edge does to an event before it is checked: the pseudonym takes the place of the NHS number."""

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


_DECODER = msgspec.json.Decoder(_Subject)


def pseudonymise_subject(event: bytes | Mapping[str, Any], key: PseudonymKey) -> Submission | Rejection:
    """Put the pseudonym where the subject is `nhs-number:<10 digits>` (spaces and dashes allowed).

    Other events pass as they are: bytes to the byte, a mapping as JSON. What cannot be read passes too, with no
    subject, for `check` to refuse. A number that is not valid is refused here, `invalid_data` at /subject.
    Nothing is raised for any bytes; a mapping that JSON cannot hold is refused as `not_json`.
    """
    if isinstance(event, bytes):
        subject = _subject_of(event)
        if subject is None or not _SUBJECT.match(subject):
            return Submission(event, subject)
        try:
            return _pseudonymised(orjson.loads(event), subject, key, original=event)
        except orjson.JSONDecodeError:
            return Submission(event, None)
    try:
        written = orjson.dumps(dict(event))
    except orjson.JSONEncodeError:
        return rejection(None, Reason.not_json, FieldError("", "This is not JSON.", "one JSON document in UTF-8"))
    claimed = event.get("subject")
    if not isinstance(claimed, str) or not _SUBJECT.match(claimed):
        return Submission(written, claimed if isinstance(claimed, str) else None)
    return _pseudonymised(event, claimed, key, original=written)


def _subject_of(event: bytes) -> str | None:
    try:
        return _DECODER.decode(event).subject
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _pseudonymised(
    event: Mapping[str, Any], claimed: str, key: PseudonymKey, *, original: bytes
) -> Submission | Rejection:
    number = re.sub("[ -]", "", claimed.partition(":")[2])
    if not is_valid(number):
        error = FieldError(
            "/subject",
            "This is not an NHS number: it has not ten digits, or its check digit is wrong.",
            "nhs-number: and ten digits, the last of them the check digit",
        )
        return rejection(original, Reason.invalid_data, error, mask=True)
    subject = pseudonym(number, key)
    return Submission(orjson.dumps({**event, "subject": subject}), subject)
