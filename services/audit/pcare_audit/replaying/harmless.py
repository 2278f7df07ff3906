"""Keeps identifiers out of what a replay says: somebody who tampered may have put one anywhere. Pure."""

import dataclasses
import re

from pcare_audit.replaying.result import Difference, Event
from pcare_schemas import identifiers

_PSEUDONYM = re.compile(r"k[0-9]{1,3}:[0-9a-f]{16,}")
_NOT_CUT = "(withheld: an NHS number stands near it)"


def harmless(difference: Difference) -> Difference:
    """Return a difference without NHS numbers and pseudonyms."""
    event = difference.event
    return dataclasses.replace(
        difference,
        event=None if event is None else Event(harmless_text(event.source), harmless_text(event.id)),
        place=None if difference.place is None else _place(difference.place),
        expected=None if difference.expected is None else harmless_text(difference.expected),
        found=None if difference.found is None else harmless_text(difference.found),
    )


def _place(place: str) -> str:
    """Return a place; an offset may look like an NHS number, and is none."""
    topic, slash, rest = place.partition("/")
    return f"{harmless_text(topic)}{slash}{rest}"


def harmless_text(text: str) -> str:
    """Return a text without NHS numbers and pseudonyms."""
    return identifiers.mask(_PSEUDONYM.sub("(a pseudonym)", text))


def harmless_part(text: str, part: slice) -> str:
    """Return a part of a text without NHS numbers and pseudonyms, and without what the cut would leave of one.

    So it is masked before it is cut, and the text must reach beyond the part by as much as an identifier is long.
    """
    masked = identifiers.mask(_PSEUDONYM.sub(lambda found: "*" * len(found[0]), text))
    # of a number in escapes the mask is shorter, so that the part would be another one
    return masked[part] if len(masked) == len(text) else _NOT_CUT
