"""The provider's events from a file that its system wrote: an event a line, a JSON array, or one event.

They are sent to `POST /events/check` only: nothing of a file is stored.
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pcare_cli.check_file import events_in
from pcare_cli.conformance.address import Address, Answer
from pcare_cli.conformance.judging import told
from pcare_cli.conformance.seen import Seen, is_of_a_real_person

MOST_BYTES = 32 * 1024 * 1024
AT_ONCE = 100


class UnusableFileError(ValueError):
    """The file cannot be played; the message says why, and what to do."""


def read(file: Path) -> list[bytes]:
    """Return the events of a file. Raises UnusableFileError if it cannot be read or may hold real persons."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UnusableFileError(f"{file} is larger than {MOST_BYTES} bytes. A few events of each kind are enough.")
        events = list(events_in(file.read_bytes()))
    except OSError as error:
        raise UnusableFileError(f"{file} cannot be read: {error.strerror}.") from error
    real = [number for number, raw in enumerate(events, start=1) if is_of_a_real_person(parsed(raw))]
    if real:
        raise UnusableFileError(
            f"Event {real[0]} of {file} (and {len(real) - 1} more) names a person who may be real. Nothing was sent. "
            "Make the file with test persons: NHS numbers from 999 000 0000 to 999 999 9999."
        )
    return events


async def seen_in(events: Sequence[bytes], address: Address, now: dt.datetime) -> list[Seen]:
    """Ask the address about each event, and return them as seen. Raises UnusableFileError if it does not answer."""
    seen = []
    for start in range(0, len(events), AT_ONCE):
        some = events[start : start + AT_ONCE]
        whole = [event for raw in some if (event := parsed(raw)) is not None]
        problems = iter(_problems(await address.send(whole, to="/events/check"), len(whole)) if whole else ())
        for raw in some:
            event = parsed(raw)
            problem = {"reason": "not_json"} if event is None else next(problems)
            seen.append(Seen(now, event, problem))
    return seen


def parsed(raw: bytes) -> Mapping[str, Any] | None:
    """Return an event as a dict, or None if it is no JSON object."""
    try:
        event = json.loads(raw)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _problems(answer: Answer, count: int) -> Iterator[Mapping[str, Any] | None]:
    items = answer.document
    if not isinstance(items, list) or len(items) != count:
        raise UnusableFileError(f"POST /events/check did not judge the file: {told(answer)}")
    return iter([item.get("problem") for item in items])
