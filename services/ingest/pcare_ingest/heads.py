"""What of a request's headers decides how its body is read and how it is answered."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pcare_ingest.media_types import Form, form_of, is_json

ATTRIBUTE_PREFIX = b"ce-"


@dataclass(slots=True)
class Head:
    """The headers that matter, as they were sent. `attributes`: those that begin with ce-, without that, in order."""

    content_type: str | None = None
    content_encoding: str = "identity"
    minimal: bool = False
    """Whether the sender asks for no more than is needed: Prefer: return=minimal (RFC 7240)."""
    attributes: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def form(self) -> Form | None:
        """The form that the events come in, or None when it is not one of ours."""
        form = form_of(self.content_type)
        if form is None and self.attributes and is_json(self.content_type):
            return Form.BINARY
        return form


def read(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """Return what the raw headers of a request say; their names are in lower case. One walk: each event pays it."""
    head = Head()
    preferences: list[bytes] = []
    for name, value in headers:
        if name == b"content-type":
            head.content_type = value.decode("latin-1")
        elif name == b"content-encoding":
            head.content_encoding = value.decode("latin-1").strip().lower()
        elif name == b"prefer":
            preferences.append(value)
        elif name.startswith(ATTRIBUTE_PREFIX):
            head.attributes.append((name[len(ATTRIBUTE_PREFIX) :], value))
    if preferences:
        head.minimal = _asks_for_minimal(b",".join(preferences).decode("latin-1"))
    return head


def _asks_for_minimal(prefer: str) -> bool:
    """Tell whether the first preference named `return` is minimal: of a preference that stands twice, the first counts.

    One that is not known is passed over, as RFC 7240 has it.
    """
    for part in prefer.split(","):
        preference = part.partition(";")[0]
        name, _, value = preference.partition("=")
        if name.strip().lower() == "return":
            return value.strip().strip('"').lower() == "minimal"
    return False
