"""Telling why an event does not read, and where it identifies."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from pydantic import ValidationError
from pydantic_core import from_json

from pcare_schemas.explain import explain, nearest_types
from pcare_schemas.kinds import TYPES
from pcare_schemas.locate import locate
from pcare_schemas.rejections import MAX_EVENT_BYTES, FieldError, Reason, Rejection, rejection

_REQUIRED: Final = ("id", "source", "type")
_NHS_NUMBER_SUBJECT: Final = "nhs-number:"


def identifiable(value: bytes | None) -> Rejection:
    """Refuse a record that holds an NHS number, and tell where, so far as that can be told without showing it."""
    document = None if value is None or len(value) > MAX_EVENT_BYTES else _parsed(value)
    errors = [FieldError(path, "An NHS number stands here.", "no NHS number") for path in locate(document)]
    if not errors:
        errors = [FieldError("", "The record holds an NHS number.", "no NHS number, in value or key")]
    return rejection(value, Reason.identifiable_data, *errors, **_claims(document))


def unreadable(value: bytes, error: ValidationError) -> Rejection:
    """Refuse an event that the parser refused, for the first reason that applies."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        # The parser's words name a place and never what stands there.
        broken = FieldError(
            "", f"This is not JSON: {first['ctx']['error']}.", "one JSON document in UTF-8, without BOM"
        )
        return rejection(value, Reason.not_json, broken)
    document = _parsed(value)
    claims = _claims(document)
    if not isinstance(document, dict):
        whole = FieldError("", "This is not a JSON object.", "one event, as a JSON object")
        return rejection(value, Reason.not_cloudevent, whole, **claims)
    envelope = _envelope_errors(document)
    if envelope:
        return rejection(value, Reason.not_cloudevent, *envelope, **claims)
    kind = TYPES.get(document["type"])
    if kind is None:
        near = FieldError("/type", "There is no such type.", "one of: " + ", ".join(nearest_types(document["type"])))
        return rejection(value, Reason.unknown_type, near, **claims)
    if _names_a_person_by_number(document.get("subject")):
        subject = FieldError("/subject", "An NHS number may not stand here.", "the person's pseudonym")
        return rejection(value, Reason.identifiable_data, subject, **claims)
    return rejection(value, Reason.invalid_data, *explain(error, kind), **claims)


def _envelope_errors(document: Mapping[str, Any]) -> list[FieldError]:
    errors = []
    if document.get("specversion") != "1.0":
        errors.append(FieldError("/specversion", "The CloudEvents version is missing or another one.", '"1.0"'))
    for name in _REQUIRED:
        value = document.get(name)
        if not isinstance(value, str) or not value:
            errors.append(FieldError(f"/{name}", "A CloudEvent needs this, as text.", "a string that is not empty"))
    return errors


def _names_a_person_by_number(subject: Any) -> bool:
    return isinstance(subject, str) and subject[: len(_NHS_NUMBER_SUBJECT)].lower() == _NHS_NUMBER_SUBJECT


def _parsed(value: bytes) -> Any:
    """Read JSON with the parser that reads events: no other agrees with it on what is too deep."""
    try:
        return from_json(value, allow_inf_nan=True, cache_strings="none")
    except ValueError:
        return None


class _Claims(TypedDict):
    source: str | None
    id: str | None


def _claims(document: Any) -> _Claims:
    """Read who claims to have sent what, of a document that need not be an event."""
    claimed = document if isinstance(document, dict) else {}
    return {"source": _claim(claimed.get("source"), 200), "id": _claim(claimed.get("id"), 64)}


def _claim(value: Any, longest: int) -> str | None:
    shown = isinstance(value, str) and 0 < len(value) <= longest and value.isascii() and value.isprintable()
    return value if shown and " " not in value else None
