"""What a column may be for: the fields of each kind, as the contract has them, and how a cell of each is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from pcare_schemas.envelope import SUBJECT_FORMS
from pcare_schemas.field_words import words
from pcare_schemas.json_schemas import of_kind
from pcare_schemas.kinds import KINDS

PERSONS = frozenset({"person", "any"})
"""Subjects that a row may name by NHS number."""


class Form(Enum):
    """How the text of a cell is read."""

    TEXT = "text"
    INTEGER = "whole number"
    NUMBER = "number"
    BOOLEAN = "yes or no"
    DAY = "day"
    INSTANT = "time"
    TEXTS = "list"
    INTEGERS = "list of whole numbers"
    NHS_NUMBER = "NHS number"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a row may say. `pointer` is where it stands in the event."""

    name: str
    pointer: str
    form: Form
    required: bool
    holds: str
    meaning: str


_TIME = Field(
    "time",
    "/time",
    Form.INSTANT,
    True,
    "2024-04-19T10:30:00+01:00, 2024-04-19 10:30 or 19/04/2024 10:30 (London), or the day alone",
    "When it happened: this decides its financial year",
)
_ENVELOPE = (
    Field("id", "/id", Form.TEXT, False, "1 to 64 of A-Z a-z 0-9 . _ : -", "The event's id; left out, it is derived"),
    Field("kind", "/type", Form.TEXT, False, "a kind of the catalogue", "The kind, where --kind does not say it"),
    Field("source", "/source", Form.TEXT, False, "ODS code, slug or URI", "Where --source does not say it"),
    Field("recordedtime", "/recordedtime", Form.INSTANT, False, "as time", "When your own system recorded it"),
)


@cache
def fields_of(kind: str) -> Mapping[str, Field]:
    """Return the fields of a kind by name, those of its subject first."""
    model = KINDS[kind]
    schema = of_kind(model)["properties"]["data"]
    required = set(schema.get("required", ()))
    data = [
        Field(name, f"/data/{name}", _form(entry), name in required, words(entry), entry.get("description", ""))
        for name, entry in schema["properties"].items()
    ]
    return {field.name: field for field in (*_subject(model.SUBJECT), _TIME, *data, *_ENVELOPE)}


@cache
def all_fields() -> frozenset[str]:
    """Return the names of the fields of all kinds."""
    return frozenset(name for kind in KINDS for name in fields_of(kind))


def _subject(form: str) -> tuple[Field, ...]:
    shape = SUBJECT_FORMS[form]
    if form not in PERSONS:
        needed = form != "team"  # the team's own column says it
        return (Field("subject", "/subject", Form.TEXT, needed, shape + ", or the last part", "What it is about"),)
    number = Field("nhs_number", "/subject", Form.NHS_NUMBER, False, "ten digits", "Whom it is about, by NHS number")
    return (number, Field("subject", "/subject", Form.TEXT, False, shape, "Or by subject: one of the two is needed"))


def _form(schema: Mapping[str, Any]) -> Form:
    if "anyOf" in schema:
        return next(_form(choice) for choice in schema["anyOf"] if choice.get("type") != "null")
    if schema.get("type") == "array":
        return Form.INTEGERS if _form(schema["items"]) is Form.INTEGER else Form.TEXTS
    if schema.get("format") == "date":
        return Form.DAY
    return {"integer": Form.INTEGER, "number": Form.NUMBER, "boolean": Form.BOOLEAN}.get(schema["type"], Form.TEXT)
