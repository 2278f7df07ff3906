"""The answer for people: the numbers then and now, and what moved each. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pcare_audit.changes import Cause, Cell, Told
from pcare_audit.knowledge import order_told
from pcare_audit.sums import Counted
from pcare_cli.accounting import as_number, in_words
from pcare_cli.as_of import counting
from pcare_cli.as_of.counting import Answer
from pcare_cli.desk.showing import safe
from pcare_cli.kpis.reading import AREAS

MOST_TROUBLES = 20
WORDS: Mapping[str, str] = {
    counting.LATE: "sent late",
    counting.AFTER: "happened since",
    counting.SENT_RIGHT: "rejected, and sent right later",
    counting.REDRIVEN: "rejected, and sent in again at the desk",
    counting.RETRACTION: "taken back",
    counting.MERGE: "persons merged",
}
"""What each sort of thing is called that became known meanwhile."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked for. `known_at`, `area` and `year` are None for now, and for all."""

    day: str
    known_at: str | None
    kpis: Sequence[str]
    area: str | None
    year: str | None
    events: bool
    version: str
    catalogue_sha256: str

    def has(self, cell: Cell) -> bool:
        """Say whether a number was asked for."""
        kpi, area, year = cell
        return kpi in self.kpis and self.area in {None, area} and self.year in {None, year}

    def details(self) -> dict[str, Any]:
        """Return what the audit trail keeps of it."""
        return {"day": self.day, "known_at": self.known_at, "kpis": list(self.kpis), "borough": self.area,
                "year": self.year, "events": self.events, "catalogue_sha256": self.catalogue_sha256}  # fmt: skip


def cells(scope: Scope, answer: Answer) -> list[Cell]:
    """Return the numbers that were asked for and are there, then or now; in order of KPI, year and area."""
    areas, kpis = list(AREAS), list(scope.kpis)
    found = {cell for cell in (*answer.changes.then, *answer.changes.now) if scope.has(cell)}
    return sorted(found, key=lambda cell: (kpis.index(cell[0]), cell[2], areas.index(cell[1])))


def counted_of(answer: Answer, cell: Cell) -> tuple[Counted, Counted]:
    """Return a number as it was then and as it is now; what is not there is 0, or none of 0."""
    then, now = answer.changes.then.get(cell), answer.changes.now.get(cell)
    share = any(one is not None and one.denominator is not None for one in (then, now))
    nothing = Counted(None, 0, 0) if share else Counted(Decimal(0), 0, None)
    return then or nothing, now or nothing


def causes_of(answer: Answer, cell: Cell) -> list[tuple[Cause, int, int, int]]:
    """Return what moved a number: each cause, what of the numerator and denominator, by how many events."""
    changes = answer.changes
    moved = [
        (cause, *parts, changes.moving[cell][cause])
        for cause, parts in changes.by_cause.get(cell, {}).items()
        if changes.moving[cell][cause]
    ]
    order = list(WORDS)
    return sorted(moved, key=lambda one: (order.index(one[0].sort), one[0].source or ""))


def in_order(answer: Answer) -> list[Told]:
    """Return what moved the numbers, as far as it is listed, in the order in which it became known."""
    return sorted(answer.changes.listed.values(), key=lambda told: order_told(told.line))


def table(scope: Scope, answer: Answer) -> str:
    """Return the answer as lines for a terminal."""
    return "\n".join([*_head(scope, answer), *_numbers(scope, answer), *_events(scope, answer), *_foot(scope, answer)])


def what_to_do(troubles: Sequence[str]) -> str:
    """Return how many differences there are, and what is to be done about them."""
    more = f"; the first {MOST_TROUBLES} are named above" if len(troubles) > MOST_TROUBLES else ""
    return (
        f"{len(troubles):,} numbers differ{more}. If the recorder lags behind, run this again when it has caught up; "
        "if they still do, `pcare audit replay` finds which events."
    )


def provider_of(answer: Answer, cause: Cause) -> str:
    """Return whose a cause is: the ODS code and the name; nothing for a merge."""
    if cause.source is None:
        return ""
    known = answer.providers.get(cause.source)
    return safe(str(known) if known is not None and known.code else cause.source)


def _head(scope: Scope, answer: Answer) -> Iterator[str]:
    when = "as known now" if scope.known_at is None else f"as known at the end of {scope.known_at}, and as known now"
    yield f"The KPIs for the end of {scope.day} in London, {when}."
    records = sum(stretch.records for stretch in answer.stretches)
    yield f"Counted from {records:,} records of the log, by today's catalogue {scope.version}."
    yield f"sha256 of the catalogue: {scope.catalogue_sha256}"


def _numbers(scope: Scope, answer: Answer) -> Iterator[str]:
    found = cells(scope, answer)
    if not found:
        yield "Nothing is counted: no such event had happened by then."
    kpi = None
    for cell in found:
        if cell[0] != kpi:
            kpi = cell[0]
            yield f"\n{kpi}"
        then, now = counted_of(answer, cell)
        place = f"  {cell[2]}  {AREAS[cell[1]]:<10}"
        if scope.known_at is None:
            yield f"{place}  {in_words(now)}"
        elif then == now and not causes_of(answer, cell):
            yield f"{place}  {in_words(now)}, then and now"
        else:
            yield f"{place}  {in_words(then)} then, {in_words(now)} now: {_difference(then, now)}"
            for cause, numerator, denominator, events in causes_of(answer, cell):
                what = " ".join(filter(None, (WORDS[cause.sort], provider_of(answer, cause))))
                yield f"      {_moved(now, numerator, denominator)}  {what}, {events:,} {_things(cause, events)}"


def _events(scope: Scope, answer: Answer) -> Iterator[str]:
    if not scope.events:
        return
    yield "\nWhat moved these numbers, in the order in which it became known:"
    for told in in_order(answer):
        line, repaired = told.line, answer.repairs.redriven.get((told.line.source, told.line.id))
        act = "" if repaired is None else f", act {repaired}"
        name = "" if told.cause.sort == counting.MERGE else f" {safe(line.id)} of {safe(line.source)}, of {line.time}"
        yield f"  {line.recordedat}  {line.origin}  {WORDS[told.cause.sort]}{act}{name}"
        for effect in told.effects:
            counts = counted_of(answer, effect.cell)[1]
            yield f"      {' '.join(effect.cell)}: {_moved(counts, effect.numerator, effect.denominator)}"
    if answer.changes.not_listed:
        yield f"  {answer.changes.not_listed:,} further moves are not listed: name a KPI, a borough and a year."


def _foot(scope: Scope, answer: Answer) -> Iterator[str]:
    yield ""
    if scope.known_at is not None:
        yield f"What became known since the end of {scope.known_at} of the kinds that these KPIs count:"
        meanwhile = sorted(answer.changes.meanwhile.items(), key=lambda one: (list(WORDS).index(one[0].sort), -one[1]))
        for cause, number in meanwhile:
            what = " ".join(filter(None, (WORDS[cause.sort], provider_of(answer, cause))))
            yield f"  {number:,}  {what}"
        if not meanwhile:
            yield "  nothing"
    yield from answer.notes
    yield "Replay and SQL agree." if not answer.troubles else "Replay and SQL do NOT agree: see below."
    yield ""


def _difference(then: Counted, now: Counted) -> str:
    if then.value is None or now.value is None:
        return _moved(now, now.numerator - then.numerator, (now.denominator or 0) - (then.denominator or 0))
    return _signed(now.value - then.value)


def _moved(counted: Counted, numerator: int, denominator: int) -> str:
    if counted.denominator is None:
        return _signed(Decimal(numerator))
    return f"{_signed(Decimal(numerator))} of {_signed(Decimal(denominator))}"


def _signed(value: Decimal) -> str:
    return f"{as_number(value):+,}" if value else "0"


def _things(cause: Cause, number: int) -> str:
    if cause.sort == counting.MERGE:
        return "merge" if number == 1 else "merges"
    return "event" if number == 1 else "events"
