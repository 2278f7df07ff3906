"""One event: a CloudEvent that keeps its id for ever, and never shows whom it is about."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

ODS = "https://fhir.nhs.uk/Id/ods-organization-code/"
SLUG = "urn:ncl:provider:"
TYPE = "uk.nhs.ncl.personalised-care.{}.v1"
MAX_EVENT_BYTES = 262_144
"""What one event may have. A larger one is refused, and not sent."""


class Event:
    """An event as it will be sent. Made by `Events`, or from a CloudEvents document of your own.

    The document is written as JSON once, so that every attempt sends the same bytes.
    """

    __slots__ = ("body", "id", "source", "type")

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self.id = _text(document.get("id"))
        self.source = _text(document.get("source"))
        self.type = _text(document.get("type"))

    def document(self) -> dict[str, Any]:
        """Return a copy of the whole event."""
        copy: dict[str, Any] = json.loads(self.body)
        return copy

    def __repr__(self) -> str:
        return f"Event(type={self.type!r}, source={self.source!r}, id={self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and self.body == other.body

    def __hash__(self) -> int:
        return hash(self.body)


def source_of(organisation: str) -> str:
    """Return the `source` of an organisation: of its ODS code (RKE), its register slug, or of the URI itself."""
    if ":" in organisation:
        return organisation
    return (ODS if organisation.isupper() or organisation.isdigit() else SLUG) + organisation


def build(
    kind: str,
    *,
    source: str,
    time: dt.datetime | str,
    subject: str | None,
    nhs_number: str | None = None,
    subjectprev: str | None = None,
    id: str | None = None,  # noqa: A002 - the attribute's name in CloudEvents
    recordedtime: dt.datetime | str | None = None,
    **data: Any,
) -> Event:
    """Return the event of a kind. What is None in `data` is left out; an `id` that is not given is made at random."""
    document = {
        "specversion": "1.0",
        "id": id or str(uuid.uuid4()),
        "source": source,
        "type": TYPE.format(kind),
        "subject": _subject(subject, nhs_number),
        "subjectprev": subjectprev,
        "time": _instant(time),
        "recordedtime": None if recordedtime is None else _instant(recordedtime),
        "datacontenttype": "application/json",
        "data": {name: _plain(value) for name, value in data.items() if value is not None},
    }
    return Event({name: value for name, value in document.items() if value is not None})


def _subject(subject: str | None, nhs_number: str | None) -> str:
    if (subject is None) == (nhs_number is None):
        raise ValueError("Say whom the event is about: by nhs_number or by subject, and not by both.")
    return subject if subject is not None else "nhs-number:" + str(nhs_number).strip()


def _instant(value: dt.datetime | str) -> str:
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise ValueError("A time needs its offset: without one its financial year is not certain.")
    return value.isoformat()


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
