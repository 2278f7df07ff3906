"""Finding a name that stands twice in one JSON object.

Parsers disagree about which of the two counts (ours take the last), so such an event says one thing to its sender
and another to its reader. It is refused instead of guessed at.
"""

import json
from collections import Counter
from typing import Any, Final

from pcare_schemas.envelope import Event

_WHITE_SPACE: Final = b" \t\r\n"


def repeated_name(value: bytes, event: Event) -> str | None:
    """Return the JSON Pointer of a name that stands twice in the bytes that `event` was read from, or None.

    No text of a checked event holds a quotation mark, so each one before a colon ends a name; only where these are
    more than the fields is the event read once more.
    """
    names = len(event.model_fields_set) + len(event.data.model_fields_set)
    if value.translate(None, _WHITE_SPACE).count(b'":') == names:
        return None
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        repeated.extend(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)

    json.loads(value, object_pairs_hook=note)
    pointers = [f"/data/{name}" if name in type(event.data).model_fields else f"/{name}" for name in repeated]
    return next(iter(pointers), None)
