"""Where in a document an NHS number stands."""

from collections.abc import Iterator
from typing import Any

from pcare_schemas.explain import pointer, showable
from pcare_schemas.identifiers import holds_one

MOST_PLACES = 10


def locate(document: Any) -> tuple[str, ...]:
    """Return JSON Pointers to the values that hold an NHS number, or to what has one as a field's name.

    At most 10. A pointer stops above a name that may not be shown. Numbers split over several values are not found.
    """
    found: dict[str, None] = {}
    for path in _places(document):
        found[path] = None
        if len(found) == MOST_PLACES:
            break
    return tuple(found)


def _places(document: Any) -> Iterator[str]:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while waiting:
        steps, value = waiting.pop()
        if isinstance(value, dict):
            if any(holds_one(_bytes(name)) for name in value):
                yield pointer(steps)
            waiting += [((*steps, name), inner) for name, inner in value.items() if showable(name) or inner]
        elif isinstance(value, list):
            waiting += [((*steps, index), inner) for index, inner in enumerate(value)]
        elif _identifies(value):
            yield pointer(steps)


def _identifies(value: Any) -> bool:
    if isinstance(value, str):
        return holds_one(_bytes(value))
    if isinstance(value, int | float) and abs(value) < 10**10:
        return holds_one(f"{abs(value):.0f}".encode())
    return False


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
