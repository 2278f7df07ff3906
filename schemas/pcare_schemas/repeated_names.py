"""Finding a name that stands twice in one JSON object.

Parsers disagree about which of the two counts (ours take the last), so such an event says one thing to its sender
and another to its reader. It is refused instead of guessed at.
"""

import json
import re
from typing import Any, Final

from pcare_schemas.envelope import Event

_NAME_END: Final = re.compile(rb'"[ \t\r\n]*:')
_SPACED_COLONS: Final = (b" :", b"\t:", b"\r:", b"\n:")


class _RepeatedError(Exception):
    """Ends the search. `args[0]` is the name."""


def repeated_name(value: bytes, event: Event) -> str | None:
    """Return the JSON Pointer of a name that stands twice in the bytes that `event` was read from, or None.

    No text of a checked event holds a quotation mark, so each one before a colon ends a name; only where these are
    more than the fields is the event read once more.
    """
    names = len(event.model_fields_set) + len(event.data.model_fields_set)
    if value.count(b'":') == names and not any(spaced in value for spaced in _SPACED_COLONS):
        return None
    if len(_NAME_END.findall(value)) == names:
        return None
    try:
        json.loads(value, object_pairs_hook=_each_once)
    except _RepeatedError as repeated:
        name = repeated.args[0]
        return f"/data/{name}" if name in type(event.data).model_fields else f"/{name}"
    return None


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _RepeatedError(name)
        seen.add(name)
