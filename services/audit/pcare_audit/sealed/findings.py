"""What a verification finds: what kind of thing was done, to which event or checkpoint, in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

LISTED = 1_000  # the rest is counted


class Kind(StrEnum):
    """What was done. The names are stable: programs read them."""

    ALTERED = "altered"
    REMOVED = "removed"
    REORDERED = "reordered"
    ADDED = "added"
    SIGNATURE = "signature-wrong"
    INCONSISTENT = "checkpoints-inconsistent"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `event` is (source, id); `checkpoint` names one by size and time."""

    kind: Kind
    words: str
    event: tuple[str, str] | None = None
    origin: str | None = None
    leaf: int | None = None
    checkpoint: str | None = None

    def __str__(self) -> str:
        return f"{self.kind.upper()}: {self.subject()}: {self.words}"

    def subject(self) -> str:
        """Return what it is about: an event, a checkpoint, or the whole."""
        if self.checkpoint is not None:
            return f"checkpoint {self.checkpoint}"
        parts = [] if self.event is None else ["event {} {}".format(*self.event)]
        if self.leaf is not None:
            parts.append(f"leaf {self.leaf}")
        if self.origin is not None:
            parts.append(f"from {self.origin}")
        return ", ".join(parts) or "the record"

    def document(self) -> dict[str, Any]:
        """Return it for a program."""
        event = None if self.event is None else {"source": self.event[0], "id": self.event[1]}
        return {
            "kind": self.kind.value,
            "words": self.words,
            "event": event,
            "place": self.origin,
            "leaf": self.leaf,
            "checkpoint": self.checkpoint,
        }


@dataclass(slots=True)
class Findings:
    """Findings as they come, each once: the first thousand are kept, all are counted."""

    listed: list[Finding] = field(default_factory=list)
    total: int = 0

    def add(self, finding: Finding) -> None:
        """Take note of one; one that is listed already is not counted again."""
        if len(self.listed) < LISTED:
            if finding in self.listed:
                return
            self.listed.append(finding)
        self.total += 1

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.listed)
