"""Rejections as people read them, and as JSON. Pure. Whatever a sender wrote is made safe to print."""

import base64
import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pcare_cli.desk.mending import Refused, bytes_kept
from pcare_cli.desk.rejections import MEANINGS, UNKNOWN, Count, Entry, Redrive, State
from pcare_schemas import rejections
from pcare_schemas.instants import utc_milliseconds

MARGIN = 12
BETWEEN = "  "
NARROWEST_ID, WIDEST_ID = 12, 36


def safe(text: str) -> str:
    """Return a text with everything escaped that is not plainly visible: it may say anything to a terminal."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode() for one in text)


def moment(instant: dt.datetime) -> str:
    """Return an instant to the second, in UTC as in the log."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def table_of(entries: Sequence[Entry], width: int) -> list[str]:
    """Return a head and a line a rejection. What names one is never cut short; the event's id is, if need be."""
    rows = [["received", "provider", "reason", "state", "rejection"]]
    for entry in entries:
        provider = safe(entry.provider or UNKNOWN)
        rows.append([moment(entry.received_at), provider, str(entry.reason), str(entry.state), str(entry.origin)])
    room = width - max(len(line) for line in _aligned(rows)) - len(BETWEEN)
    if room >= NARROWEST_ID:
        events = ["event", *(_cut(safe(entry.event_id or "-"), min(room, WIDEST_ID)) for entry in entries)]
        rows = [[*row[:-1], event, row[-1]] for row, event in zip(rows, events, strict=True)]
    return _aligned(rows)


def table_of_counts(counts: Sequence[Count]) -> list[str]:
    """Return a head, a line a provider and reason with a column a state, and the sums."""
    rows = [["provider", "reason", *map(str, State), "all"]]
    keys = dict.fromkeys((one.provider, one.reason) for one in counts)
    for provider, reason in keys:
        some = Counter({one.state: one.number for one in counts if (one.provider, one.reason) == (provider, reason)})
        rows.append([safe(provider or UNKNOWN), reason, *_numbers(some)])
    if len(keys) > 1:
        total: Counter[State] = Counter()
        for one in counts:
            total[one.state] += one.number
        rows.append(["all", "", *_numbers(total)])
    return _aligned(rows, right_from=2)


def _aligned(rows: Sequence[Sequence[str]], right_from: int | None = None) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = len(widths) if right_from is None else right_from
    return [
        BETWEEN.join(
            cell.ljust(width) if place < right else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _numbers(found: Mapping[State, int]) -> list[str]:
    return [f"{number:,}" for number in (*(found.get(state, 0) for state in State), sum(found.values()))]


def lines_of(entry: Entry, redrives: Sequence[Redrive]) -> Iterator[str]:
    """Yield everything there is to say about one rejection, line by line."""
    meaning = rejections.MEANINGS[entry.reason]
    yield from _field("rejection", str(entry.origin))
    yield from _field("received", moment(entry.received_at))
    yield from _field("came by", "the shared topic" if entry.sender is None else f"{safe(entry.sender)}'s own topic")
    yield from _field("provider", safe(" ".join(filter(None, (entry.provider, entry.provider_name))) or UNKNOWN))
    yield from _field("source", safe(entry.source or "-"))
    yield from _field("event", safe(entry.event_id or "-"))
    yield from _field("reason", f"{entry.reason}: {meaning.title}.")
    yield from _field("to do", meaning.action)
    yield from _field("rules", entry.rules_version)
    yield from _field("state", f"{entry.state}: {MEANINGS[entry.state]}")
    for name, error in zip(_names("wrong"), entry.errors, strict=False):
        yield from _field(name, f"{safe(error.path) or 'the whole'}: {safe(error.message)}")
        if error.expected:
            yield from _field("", f"expected: {safe(error.expected)}")
    for name, redrive in zip(_names("since"), redrives, strict=False):
        yield from _field(name, _redrive(redrive))
    yield from _evidence(entry)


def _field(name: str, value: str) -> Iterator[str]:
    yield f"{name:{MARGIN}}{value}".rstrip()


def _names(name: str) -> Iterator[str]:
    yield name
    while True:
        yield ""


def _redrive(redrive: Redrive) -> str:
    what = "mended" if redrive.changed else "unchanged"
    where = "interrupted: it may have been sent" if redrive.sent is None else f"to {redrive.sent}"
    by = "" if redrive.who is None else f" by {safe(redrive.who)}: {safe(redrive.why or '')}"
    return f"{moment(redrive.at)} sent in again, {what}, as {safe(redrive.event_id)}, {where}{by}"


def _evidence(entry: Entry) -> Iterator[str]:
    if entry.evidence is None:
        kept = bytes_kept(entry)
        yield from _field("evidence", kept.words if isinstance(kept, Refused) else "none")
        return
    masked = "; an NHS number in it is masked" if entry.redacted else ""
    yield from _field("evidence", f"{len(entry.evidence)} bytes{masked}")
    yield ""
    for line in entry.evidence.decode("utf-8", "backslashreplace").split("\n"):
        yield f"    {safe(line.removesuffix(chr(13)).replace(chr(9), '    '))}".rstrip()


def document(entry: Entry, redrives: Sequence[Redrive] | None = None) -> dict[str, Any]:
    """Return a rejection as JSON values; with its redrives and the bytes (in base64) where they were asked for."""
    shown: dict[str, Any] = {
        "rejection": str(entry.origin),
        "received_at": utc_milliseconds(entry.received_at),
        "provider": entry.provider,
        "topic_of": entry.sender,
        "source": entry.source,
        "event_id": entry.event_id,
        "reason": str(entry.reason),
        "errors": [
            {"pointer": error.path, "message": error.message, "expected": error.expected} for error in entry.errors
        ],
        "rules_version": entry.rules_version,
        "state": str(entry.state),
        "size": entry.size,
        "sha256": entry.sha256,
        "redacted": entry.redacted,
    }
    if redrives is not None:
        shown["redrives"] = [_redrive_document(redrive) for redrive in redrives]
        shown["evidence"] = None if entry.evidence is None else base64.b64encode(entry.evidence).decode()
    return shown


def _redrive_document(redrive: Redrive) -> dict[str, Any]:
    return {
        "at": utc_milliseconds(redrive.at),
        "who": redrive.who,
        "why": redrive.why,
        "changed": redrive.changed,
        "source": redrive.source,
        "event_id": redrive.event_id,
        "sent": None if redrive.sent is None else str(redrive.sent),
    }


def refusal(refused: Refused) -> str:
    """Return why an event does not go in, for people."""
    lines = [refused.words]
    for error in refused.errors:
        expected = f"; expected: {safe(error.expected)}" if error.expected else ""
        lines.append(f"  {safe(error.path) or 'the whole'}: {safe(error.message)}{expected}")
    return "\n".join(lines)
