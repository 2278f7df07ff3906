"""A statement: the counts of a time, of one provider or of all, with what they are drawn from. Pure."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pcare_audit.statements.counts import Counts, perhaps, total, whole

UNKNOWN = "unknown"
"""Stands for the provider where nobody can tell whose it was."""


class StatementError(Exception):
    """What was given is no statement. The message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """Counts of a provider (its code) or of a topic; `name` says more for a person."""

    of: str
    name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class KindLine:
    """How many events of a kind were recorded, and how many of those that came were repeats."""

    kind: str
    recorded: int
    duplicates: int | None


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """How many were rejected for a reason, and how many of these were repaired since."""

    reason: str
    rejected: int
    repaired: int


@dataclass(frozen=True, slots=True)
class Made:
    """When it was made, by which release, and by which act of the audit trail."""

    at: str
    release: str
    act: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What arrived from `first` to `last`, days by London's clocks, and what became of it.

    `provider` is the code of the one that it is about, None for all. `drawn` says from what the numbers were taken,
    `not_known` which are not there any more and why, `troubles` what contradicts itself.
    """

    first: dt.date
    last: dt.date
    provider: str | None
    made: Made
    providers: tuple[Line, ...]
    topics: tuple[Line, ...]
    kinds: tuple[KindLine, ...]
    reasons: tuple[ReasonLine, ...]
    drawn: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def total(self) -> Counts:
        """The sum over all providers."""
        return total(line.counts for line in self.providers)

    def faults(self) -> list[str]:
        """Return what does not add up, a sentence each."""
        sums, by_topic = self.total, total(line.counts for line in self.topics)
        kinds = sum(line.recorded for line in self.kinds)
        reasons = sum(line.rejected for line in self.reasons)
        repaired = sum(line.repaired for line in self.reasons)
        checks = (
            (by_topic == sums, "the topics and the providers have other sums"),
            (kinds == sums.recorded, f"{kinds:,} events of all kinds, and {sums.recorded:,} recorded"),
            (reasons == sums.rejected, f"{reasons:,} rejections for all reasons, and {sums.rejected:,} rejected"),
            (repaired == sums.repaired, f"{repaired:,} repaired of all reasons, and {sums.repaired:,} in all"),
            (sums.repaired <= sums.rejected, f"{sums.repaired:,} repaired of {sums.rejected:,}"),
            (self._duplicates_agree(sums.duplicates), "the duplicates of all kinds are other than those of all topics"),
        )
        return [sentence for holds, sentence in checks if not holds] + list(self.troubles)

    def _duplicates_agree(self, duplicates: int | None) -> bool:
        of_kinds = [line.duplicates for line in self.kinds]
        if duplicates is None:
            return all(number is None for number in of_kinds)
        return sum(number or 0 for number in of_kinds) == duplicates

    def document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "provider": self.provider,
            "made_at": self.made.at,
            "release": self.made.release,
            "act": self.made.act,
            "total": self.total.document(),
            "providers": [_line(line) for line in self.providers],
            "topics": [_line(line) for line in self.topics],
            "kinds": [{"kind": one.kind, "recorded": one.recorded, "duplicates": one.duplicates} for one in self.kinds],
            "reasons": [
                {"reason": one.reason, "rejected": one.rejected, "repaired": one.repaired} for one in self.reasons
            ],
            "drawn": list(self.drawn),
            "not_known": list(self.not_known),
            "troubles": list(self.troubles),
        }

    @classmethod
    def of_document(cls, document: object) -> "Statement":
        """Read what `document` made. Raises StatementError."""
        try:
            return _read(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StatementError(f"This is no statement ({type(error).__name__}: {error}).") from error


def _read(document: Any) -> Statement:
    statement = Statement(
        dt.date.fromisoformat(document["first"]),
        dt.date.fromisoformat(document["last"]),
        None if document["provider"] is None else _text(document["provider"]),
        Made(_text(document["made_at"]), _text(document["release"]), whole(document["act"])),
        tuple(_read_line(one) for one in document["providers"]),
        tuple(_read_line(one) for one in document["topics"]),
        tuple(
            KindLine(_text(one["kind"]), whole(one["recorded"]), perhaps(one["duplicates"]))
            for one in document["kinds"]
        ),
        tuple(
            ReasonLine(_text(one["reason"]), whole(one["rejected"]), whole(one["repaired"]))
            for one in document["reasons"]
        ),
        *(tuple(map(_text, document[name])) for name in ("drawn", "not_known", "troubles")),
    )
    if statement.document() != document:
        raise StatementError("This is no statement: it says more than one does, or its sums are other than its parts.")
    return statement


def _line(line: Line) -> dict[str, Any]:
    return {"of": line.of, "name": line.name, **line.counts.document()}


def _read_line(document: Mapping[str, Any]) -> Line:
    return Line(_text(document["of"]), _text(document["name"]), Counts.of_document(document))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def merged(parts: Sequence[Line]) -> tuple[Line, ...]:
    """Return one line for each thing that lines are of, in order, with the sums."""
    found: dict[str, Line] = {}
    for line in parts:
        known = found.get(line.of)
        found[line.of] = line if known is None else Line(line.of, known.name or line.name, known.counts + line.counts)
    return tuple(found[name] for name in sorted(found, key=lambda name: (name == UNKNOWN, name)))
