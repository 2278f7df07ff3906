"""From what the parser found to what a person does about it. What was sent is never repeated: it may identify."""

import datetime as dt
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pcare_schemas.envelope import SUBJECT_FORMS, Event
from pcare_schemas.fields import DAY_PATTERN, INSTANT_PATTERN, REF_PATTERN
from pcare_schemas.identifiers import holds_one
from pcare_schemas.kinds import TYPES
from pcare_schemas.rejections import FieldError

MOST_ERRORS = 20

_SHOWABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")

_INSTANT = "RFC 3339 with an offset, such as 2024-03-01T14:30:00Z"
_DAY = "a day such as 2024-03-01, from 2000 to 2099"
_PATTERNS = {
    INSTANT_PATTERN: ("Not a date and time with an offset.", _INSTANT),
    DAY_PATTERN: ("Not a day.", _DAY),
    REF_PATTERN: ("Not a reference.", "1 to 64 of A-Z a-z 0-9 . _ : -"),
}
_MESSAGES = {
    "missing": "This is missing.",
    "literal_error": "Not one of the values it may have.",
    "enum": "Not one of the values it may have.",
    "greater_than_equal": "Too small.",
    "less_than_equal": "Too large.",
    "too_short": "At least one is needed.",
    "too_long": "Too many.",
    "finite_number": "Not a finite number.",
    "string_type": "Not text.",
    "string_too_long": "Too long.",
    "int_type": "Not a whole number.",
    "int_from_float": "Not a whole number.",
    "float_type": "Not a number.",
    "bool_type": "Neither true nor false.",
    "tuple_type": "Not an array.",
    "model_type": "Not an object.",
    "string_pattern_mismatch": "Not in the form it must have.",
}
_EXPECTED = {
    "missing": "a value",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    "literal_error": "{expected}",
    "finite_number": "a number",
    "string_type": "a string",
    "string_too_long": "at most {max_length} characters",
    "int_type": "a whole number, without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number, without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": "an array",
    "model_type": "an object",
    "string_pattern_mismatch": "text that matches {pattern}",
}


def explain(error: ValidationError, kind: type[Event]) -> tuple[FieldError, ...]:
    """Return the errors of one event of a kind, the first 20 of them, each with its JSON Pointer."""
    details = error.errors(include_url=False, include_input=False)
    # An array whose items were all refused is called too short as well: that would only mislead.
    parents = {detail["loc"][:-1] for detail in details}
    told = [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in parents]
    return tuple(_explain(detail, kind) for detail in told[:MOST_ERRORS])


def pointer(steps: Sequence[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of a place, as far down as its names may be shown."""
    parts = []
    for step in steps:
        if isinstance(step, str) and not showable(step):
            break
        parts.append(f"/{step}")
    return "".join(parts)


def showable(name: str) -> bool:
    """Say whether a field's name is a mere name: one that an unknown sender made up may hold anything."""
    return _SHOWABLE_NAME.fullmatch(name) is not None and not holds_one(name.encode())


def nearest_types(text: str) -> tuple[str, ...]:
    """Return the known types most like this text, or all of them where none is like it."""
    return tuple(difflib.get_close_matches(text[:100], TYPES, n=3, cutoff=0.7)) or tuple(TYPES)


def _explain(detail: ErrorDetails, kind: type[Event]) -> FieldError:
    steps = detail["loc"][1:]
    context: Mapping[str, Any] = detail.get("ctx", {})
    name = detail["type"]
    if name == "extra_forbidden":
        return _unknown_field(steps, kind)
    if "field" in context:
        steps = (*steps, context["field"])
    path = context.get("pointer", pointer(steps))
    if steps == ("subject",) and name != "missing":
        return FieldError(path, f"Not a subject that {kind.KIND} can be about.", SUBJECT_FORMS[kind.SUBJECT])
    return FieldError(path, *_message(detail, context))


def _message(detail: ErrorDetails, context: Mapping[str, Any]) -> tuple[str, str | None]:
    name = detail["type"]
    if name.startswith(("datetime_", "timezone_")):
        return "No such date and time.", _INSTANT
    if name.startswith("date_") or isinstance(context.get("ge", context.get("le")), dt.date):
        return "No such day, or one far off.", _DAY
    if context.get("pattern") in _PATTERNS:
        return _PATTERNS[context["pattern"]]
    if name in _MESSAGES:
        return _MESSAGES[name], _EXPECTED[name].format(**context)
    return detail["msg"], context.get("expected")


def _unknown_field(steps: Sequence[str | int], kind: type[Event]) -> FieldError:
    payload = kind.model_fields["data"].annotation
    parent: Any = payload if steps[0] == "data" and len(steps) > 1 else kind
    known = list(parent.model_fields)
    close = difflib.get_close_matches(str(steps[-1])[:40], known, n=1)
    hint = f" Is it `{close[0]}` that is meant?" if close else ""
    return FieldError(pointer(steps), f"There is no such field here.{hint}", "one of: " + ", ".join(known))
