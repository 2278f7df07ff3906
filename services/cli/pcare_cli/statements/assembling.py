"""The statement of what was counted in the tables and in the topics. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pcare_audit.statements.counts import Counts
from pcare_audit.statements.statement import KindLine, Line, Made, ReasonLine, Statement, merged
from pcare_cli.statements.handed_over import Seen
from pcare_cli.statements.rows import Period, Rows
from pcare_schemas.topics import SUBMITTED, provider_of_topic

LEFT_OUT = "repeats and what waits are in no table, and are counted where the topic still holds them"

Pair = tuple[str, str]
"""A provider's code and a topic."""


@dataclass(slots=True)
class Held:
    """What the topics held: which were read, what was seen there, and why others could not be; what was lost."""

    seen: Seen = field(default_factory=Seen)
    read: set[str] = field(default_factory=set)
    why_not: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class About:
    """Which days, and whose: the code of a provider, or None for all of these names."""

    period: Period
    provider: str | None
    names: Mapping[str, str]

    def asks_for(self, code: str) -> bool:
        """Whether the statement is of this provider too."""
        return self.provider in {None, code}


def put_together(about: About, made: Made, counted: Rows, held: Held) -> Statement:
    """Return the statement, with whatever contradicts itself in its troubles."""
    left = Counter({key: number for key, number in held.seen.left.items() if about.asks_for(key[0])})
    parts = {pair: _counts(pair, counted, left, held) for pair in sorted(_pairs(about, counted, left, held))}
    return Statement(
        about.period.first,
        about.period.last,
        about.provider,
        made,
        merged([Line(code, about.names.get(code, ""), counts) for (code, _), counts in parts.items()]),
        merged([Line(topic, "", counts) for (_, topic), counts in parts.items()]),
        _kinds(counted, left, whole=not held.why_not),
        _reasons(counted),
        (
            f"pcare.interventions, by the day on which the record arrived: rows {counted.recorded.total():,}",
            f"pcare.rejections, and what became of them since (desk.rejections): rows {counted.rejected.total():,}",
            *held.seen.drawn,
        ),
        (*(f"{why}; {LEFT_OUT}" for _, why in sorted(held.why_not.items())), *held.lost),
        tuple(_troubles(about, counted, held)),
    )


def _pairs(about: About, counted: Rows, left: Counter[tuple[str, str, str, bool]], held: Held) -> set[Pair]:
    pairs = {(key[0], key[1]) for key in counted.recorded}
    pairs |= {(key[0], key[1]) for key in counted.rejected} | {(key[0], key[1]) for key in left}
    if about.provider is not None:
        pairs.add((about.provider, SUBMITTED))
    # of a topic that is not held any more nothing is known of anybody who may have sent by it
    everybody = {code for code, _ in pairs}
    by_slug = {code.lower(): code for code in about.names}
    for topic in held.why_not:
        own = provider_of_topic(topic)
        some = everybody if own is None else {by_slug.get(own, own)}
        pairs |= {(code, topic) for code in some if about.asks_for(code)}
    return pairs


def _counts(pair: Pair, counted: Rows, left: Counter[tuple[str, str, str, bool]], held: Held) -> Counts:
    rejected = [(key[3], number) for key, number in counted.rejected.items() if (key[0], key[1]) == pair]
    here = [(key[3], number) for key, number in left.items() if (key[0], key[1]) == pair]
    known = pair[1] in held.read
    return Counts(
        recorded=sum(number for key, number in counted.recorded.items() if (key[0], key[1]) == pair),
        rejected=sum(number for _, number in rejected),
        repaired=sum(number for repaired, number in rejected if repaired),
        duplicates=sum(number for waits, number in here if not waits) if known else None,
        waiting=sum(number for waits, number in here if waits) if known else None,
    )


def _kinds(counted: Rows, left: Counter[tuple[str, str, str, bool]], *, whole: bool) -> tuple[KindLine, ...]:
    recorded, repeated = Counter[str](), Counter[str]()
    for (_, _, kind), number in counted.recorded.items():
        recorded[kind] += number
    for (_, _, kind, waits), number in left.items():
        if not waits:
            repeated[kind] += number
    kinds = sorted({*recorded, *repeated})
    return tuple(KindLine(kind, recorded[kind], repeated[kind] if whole else None) for kind in kinds)


def _reasons(counted: Rows) -> tuple[ReasonLine, ...]:
    rejected, repaired = Counter[str](), Counter[str]()
    for (_, _, reason, mended), number in counted.rejected.items():
        rejected[reason] += number
        repaired[reason] += number if mended else 0
    return tuple(ReasonLine(reason, rejected[reason], repaired[reason]) for reason in sorted(rejected))


def _troubles(about: About, counted: Rows, held: Held) -> list[str]:
    """Return in what tables and topics contradict each other."""
    found = list(held.seen.troubles)
    if held.seen.unlike > len(found):
        found.append(f"and {held.seen.unlike - len(found):,} more of these")
    recorded, rejected = Counter[Pair](), Counter[Pair]()
    for (code, topic, _), number in counted.recorded.items():
        recorded[code, topic] += number
    for (code, topic, _, _), number in counted.rejected.items():
        rejected[code, topic] += number
    seen = held.seen
    for what, by_rows, by_topic in (("recorded", recorded, seen.recorded), ("rejected", rejected, seen.rejected)):
        found += [
            f"{pair[0]}, {pair[1]}: {by_rows[pair]:,} {what} by the tables, {by_topic[pair]:,} by the topic"
            for pair in sorted({*by_rows, *by_topic})
            if pair[1] in held.read and about.asks_for(pair[0]) and by_rows[pair] != by_topic[pair]
        ]
    return found
