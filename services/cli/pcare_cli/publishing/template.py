"""The template of a kind: the line of names, an example row that is accepted, and what each column means."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from pcare_cli.publishing.building import ANONYMOUS
from pcare_cli.publishing.fields import PERSONS, Field, fields_of
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import KINDS

EXAMPLE_NHS_NUMBER = "9990000018"
_LEFT_OUT = frozenset({"kind", "source", "recordedtime", "ref_source", "snomed_code", "snomed_version"})
"""Columns that are explained and may be added, but that most files do without."""


def template(kind: str) -> str:
    """Return the template as CSV of two lines. The row is made up, and may be published as it stands."""
    columns = [name for name in fields_of(kind) if _is_shown(kind, name)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerow([_example(kind, name) for name in columns])
    return text.getvalue()


def explanations(kind: str) -> Iterator[str]:
    """Yield what each column means, those that a row needs first."""
    needed = [field for field in fields_of(kind).values() if _needed(field)]
    others = [field for field in fields_of(kind).values() if not _needed(field)]
    yield f"{kind}: {(KINDS[kind].__doc__ or '').strip()}"
    yield ""
    yield "Needed:"
    yield from (_line(field) for field in needed)
    yield ""
    yield "May be left out, or left empty:"
    yield from (_line(field) for field in others)
    yield ""
    yield "Several values in one cell stand with a semicolon or a bar between: a;b. The order of columns is yours."


def _line(field: Field) -> str:
    return f"  {field.name}: {field.meaning.rstrip('.')}. Holds {_plain(field.holds)}."


def _plain(holds: str) -> str:
    """Return the words without the links and code marks of the catalogue page."""
    text = holds.replace("`", "").replace("array, ", "")
    before, bracket, rest = text.partition("[")
    name, close, after = rest.partition("](")
    return f"{before}the list {name} of the catalogue" if bracket and close and after.startswith("#") else text


def _needed(field: Field) -> bool:
    return field.required or field.name == "nhs_number"


def _is_shown(kind: str, name: str) -> bool:
    if name == "id":  # an example of an id would be copied down with the row
        return kind in ANONYMOUS
    by_number = name == "subject" and KINDS[kind].SUBJECT in PERSONS
    return name not in _LEFT_OUT and not by_number


def _example(kind: str, name: str) -> str:
    event = VALID[kind]
    if name == "nhs_number":
        return EXAMPLE_NHS_NUMBER
    if name == "id":
        return "answer-0001"
    value: Any = event[name] if name in event and name != "data" else event["data"].get(name, "")
    if isinstance(value, list):
        return ";".join(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
