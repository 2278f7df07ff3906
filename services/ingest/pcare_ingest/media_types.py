"""Which content types are taken where."""

from enum import Enum
from typing import Final

from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_EVENT_BYTES


class Form(Enum):
    """The form a request's events come in."""

    SINGLE = "application/cloudevents+json"
    BATCH = "application/cloudevents-batch+json"
    BINARY = "application/json"
    """The data alone; the attributes of the event are headers that begin with ce-."""

    @property
    def max_bytes(self) -> int:
        """The most bytes a body of this form may have."""
        return MAX_BATCH_BYTES if self is Form.BATCH else MAX_EVENT_BYTES


ACCEPTED: Final = ", ".join(form.value for form in Form)
_STRUCTURED = {form.value: form for form in (Form.SINGLE, Form.BATCH)}
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})


def form_of(content_type: str | None) -> Form | None:
    """Return the structured form that a Content-Type header names, or None when it names none.

    Parameters are tolerated, save a charset other than UTF-8 (or ASCII, which is part of it): JSON has no other.
    """
    media_type = _media_type(content_type)
    return None if media_type is None else _STRUCTURED.get(media_type)


def is_json(content_type: str | None) -> bool:
    """Whether a Content-Type header names plain JSON, such as the data of an event whose attributes are headers."""
    return _media_type(content_type) == Form.BINARY.value


def _media_type(content_type: str | None) -> str | None:
    """Return the media type in lower case, or None when there is none or its charset is not ours."""
    if content_type is None:
        return None
    media_type, *parameters = content_type.split(";")
    return media_type.strip().lower() if all(map(_is_tolerable, parameters)) else None


def _is_tolerable(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip().lower() != "charset" or value.strip().strip('"').lower() in _CHARSETS
