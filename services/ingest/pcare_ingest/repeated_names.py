"""Finding a name that stands twice in one JSON object.

Parsers disagree about which of the two counts (ours take the last), so such an event says one thing to its sender
and another to us. It is refused instead of guessed at.
"""

import json
import re
from typing import Any, Final

from pcare_schemas.envelope import Event

_NAME_ENDS: Final = re.compile(rb'"[ \t\r\n]*:').findall


class _RepeatedError(Exception):
    """Ends the search. `args[0]` is the name."""


def repeated_name(event: bytes, checked: Event) -> str | None:
    """Return the JSON Pointer of a name that stands twice in `event`, or None. `checked` is what it was checked to be.

    No text of a checked event holds a quotation mark, so every one before a colon ends a name; only where they are
    more than the fields is the event read once more.
    """
    names = len(checked.model_fields_set) + len(checked.data.model_fields_set)
    if len(_NAME_ENDS(event)) == names:
        return None
    try:
        json.loads(event, object_pairs_hook=_each_once)
    except _RepeatedError as repeated:
        name = repeated.args[0]
        return f"/{name}" if name in type(checked).model_fields else f"/data/{name}"
    return None


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _RepeatedError(name)
        seen.add(name)
