"""Which content types POST /events takes."""

from enum import Enum
from typing import Final

from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_EVENT_BYTES


class Form(Enum):
    """The form a request's events come in."""

    SINGLE = "application/cloudevents+json"
    BATCH = "application/cloudevents-batch+json"

    @property
    def max_bytes(self) -> int:
        """The most bytes a body of this form may have."""
        return MAX_EVENT_BYTES if self is Form.SINGLE else MAX_BATCH_BYTES


ACCEPTED: Final = ", ".join(form.value for form in Form)
_FORMS = {form.value: form for form in Form}
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})


def form_of(content_type: str | None) -> Form | None:
    """Return the form that a Content-Type header names, or None when it is not one of ours.

    Parameters are tolerated, save a charset other than UTF-8 (or ASCII, which is part of it): JSON has no other.
    """
    if content_type is None:
        return None
    media_type, *parameters = content_type.split(";")
    form = _FORMS.get(media_type.strip().lower())
    if form is None or all(_is_tolerable(parameter) for parameter in parameters):
        return form
    return None


def _is_tolerable(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip().lower() != "charset" or value.strip().strip('"').lower() in _CHARSETS
