"""CloudEvents in binary mode: the attributes are headers, the body is the data (CloudEvents HTTP binding 1.0.2, 3.1).

What comes so is written as the structured document that says the same, and goes its way from there on: the same
checks, the same verdict, the same content. So a mistake that only binary mode knows is answered as its like in a
document would be, with a JSON Pointer to the attribute.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes

import orjson

from pcare_ingest.media_types import Form
from pcare_schemas.envelope import Event
from pcare_schemas.rejections import FieldError, Reason, Rejection, rejection

_NAME = re.compile(rb"[a-z0-9_.-]{1,64}")
_LONE_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(rb"\\(.)")
_OURS = frozenset(Event.model_fields)
_NOT_A_HEADER = {
    "data": "The data of an event in binary mode is the body, not a header.",
    "datacontenttype": "The content type of the data is the header Content-Type, not ce-datacontenttype.",
}


def as_structured(attributes: Iterable[tuple[bytes, bytes]], data: bytes) -> bytes | Rejection:
    """Return the structured document of an event whose attributes are `attributes` (without ce-) and data is JSON.

    The bytes of the data are those that were sent. Never raises for anything that was sent.
    """
    read = decoded(attributes)
    if isinstance(read, Rejection):
        return read
    for name, message in _NOT_A_HEADER.items():
        if name in read:
            return _refused(Reason.invalid_data, name, message, None)
    envelope = orjson.dumps({**read, "datacontenttype": Form.BINARY.value})
    if not data:
        return envelope
    try:
        orjson.loads(data)  # one whole value, or it could bring attributes of its own into the document
    except orjson.JSONDecodeError:
        error = FieldError("/data", "The body is not JSON.", "one JSON value in UTF-8: the data of the event")
        return rejection(None, Reason.not_json, error)
    return b'%b,"data":%b}' % (envelope[:-1], data)


def contradicted(attributes: Sequence[tuple[bytes, bytes]], document: bytes) -> Rejection | None:
    """Return what is against a structured document that came with ce- headers, or None.

    They may stand beside it (HTTP binding, 3.2.3), for whoever routes by them, if they say what the document says.
    """
    read = decoded(attributes)
    if isinstance(read, Rejection):
        return read
    try:
        event = orjson.loads(document)
    except orjson.JSONDecodeError:
        return None  # that is told better by whoever checks the document
    if not isinstance(event, dict):
        return None
    for name, value in read.items():
        if event.get(name) != value:
            message = "The header and the document say different things."
            expected = "the ce- headers left out, or the same text in both"
            return _refused(Reason.invalid_data, name, message, expected)
    return None


def decoded(attributes: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | Rejection:
    """Return the attributes by name, or why they cannot be read."""
    read: dict[str, str] = {}
    for raw_name, raw_value in attributes:
        if not _NAME.fullmatch(raw_name):
            message = "A header that begins with ce- is no attribute: its name is of a-z and 0-9."
            return rejection(None, Reason.not_cloudevent, FieldError("", message, None))
        name = raw_name.decode("ascii")
        if name in read:
            return _refused(Reason.invalid_data, name, "This header stands twice.", "each header once")
        value = _value(raw_value)
        if value is None:
            expected = "printable ASCII, anything else percent-encoded UTF-8"
            return _refused(Reason.not_cloudevent, name, "This header cannot be read.", expected)
        read[name] = value
    return read


def _value(raw: bytes) -> str | None:
    """Return what a header's value stands for: quotes undone, then percent-encoding, once; None if it is neither."""
    value = raw.strip(b" \t")
    if value.startswith(b'"'):
        quoted = _QUOTED.fullmatch(value)
        if quoted is None:
            return None
        value = _ESCAPED.sub(rb"\1", quoted[1])
    if not value.isascii() or _LONE_PERCENT.search(value):
        return None
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _refused(reason: Reason, attribute: str, message: str, expected: str | None) -> Rejection:
    """Refuse for the sake of an attribute, and name it where its name is ours and not a sender's invention."""
    return rejection(None, reason, FieldError(f"/{attribute}" if attribute in _OURS else "", message, expected))
