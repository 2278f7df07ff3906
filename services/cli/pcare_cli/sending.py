"""What came back for what was sent: understood, and counted. Pure; the wires are in `http_sender`, `kafka_sender`."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Any

from pcare_cli.simulation.postings import Expected, Posting

ACCEPTED_STATUS = 202
AGAIN_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class Fate(StrEnum):
    """What the sender knows of a posting."""

    ACCEPTED = "accepted"
    """It is safe: answered 202, or on the Kafka way acknowledged. It must be accounted for, by source and id."""
    ACKNOWLEDGED = "acknowledged"
    """Kafka has it, but it is no event that could be found again by source and id."""
    REFUSED = "refused"
    """The edge refused it, and said why."""
    UNANSWERED = "unanswered"
    """Nobody said what became of it, however often it was sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of one posting; `fate` None: send it again. `reason` is the edge's, where it refused."""

    fate: Fate | None
    reason: str | None = None


AGAIN = Answer(None)


def understand(status: int, body: bytes, count: int) -> list[Answer]:
    """Return one answer for each of the `count` events of a request to POST /events, in order.

    Raises ValueError for an answer that is none of the documented ones: guessing would make the count worthless.
    """
    document = _read(body)
    if isinstance(document, list):
        if len(document) != count:
            raise ValueError(f"{len(document)} verdicts came for {count} events (status {status})")
        return [_of_item(item) for item in document]
    if status in AGAIN_STATUSES:
        return [AGAIN] * count
    if status == ACCEPTED_STATUS and count == 1:
        return [Answer(Fate.ACCEPTED)]
    if isinstance(document, dict) and "reason" in document:
        return [Answer(Fate.REFUSED, str(document["reason"]))] * count
    raise ValueError(f"status {status} came without a verdict")


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _of_item(item: Any) -> Answer:
    match item:
        case {"status": "accepted"}:
            return Answer(Fate.ACCEPTED)
        case {"status": "rejected", "problem": {"reason": str(reason)}}:
            return Answer(Fate.REFUSED, reason)
        case {"status": "unavailable"}:
            return AGAIN
    raise ValueError("a verdict is neither accepted, rejected nor unavailable")


class Ledger:
    """Every final answer, counted, and written to `file` a line each if there is one.

    A line is a JSON object: source, id, fate, reason.
    """

    def __init__(self, file: IO[str] | None = None) -> None:
        self._file = file
        self.fates: Counter[Fate] = Counter()
        self.reasons: Counter[str] = Counter()
        self.surprises: Counter[str] = Counter()

    def note(self, posting: Posting, fate: Fate, reason: str | None = None) -> None:
        """Count the fate of a posting."""
        self.fates[fate] += 1
        if reason is not None:
            self.reasons[reason] += 1
        if fate is Fate.REFUSED and reason != posting.reason:
            self.surprises[f"{posting.reason or 'good'} refused as {reason}"] += 1
        if self._file is not None:
            line = {"source": posting.source, "id": posting.id, "fate": fate, "reason": reason}
            self._file.write(json.dumps(line) + "\n")

    @property
    def total(self) -> int:
        """How many postings have met their fate."""
        return sum(self.fates.values())

    def summary(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "sent": self.total,
            **{str(fate): self.fates[fate] for fate in Fate},
            "refused_by_reason": dict(sorted(self.reasons.items())),
            "surprises": dict(sorted(self.surprises.items())),
        }


def acknowledged(posting: Posting) -> Fate:
    """Return the fate of a posting that Kafka acknowledged."""
    return Fate.ACKNOWLEDGED if posting.expected is Expected.REJECTED else Fate.ACCEPTED


def accepted_in(lines: Sequence[str]) -> set[tuple[str, str]]:
    """Return the (source, id) of everything that a ledger's lines say is accepted."""
    entries = (json.loads(line) for line in lines)
    return {(entry["source"], entry["id"]) for entry in entries if entry["fate"] == Fate.ACCEPTED}
