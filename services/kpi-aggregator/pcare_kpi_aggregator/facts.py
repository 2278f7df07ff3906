"""What the events say of one subject: a set of facts that only grows, with retractions.

Adding a fact twice changes nothing, the order of adding does not matter, and a retraction may come before the fact
that it takes back. So duplicates, re-deliveries, late events and replays cannot move a count.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple

NO_BOROUGH = ""
"""The borough of a subject that has none: it counts for NCL only."""

NO_REFERENCE = ""
"""The reference of an event that gives none, where its kind may: no episode, and it puts nothing in place."""

EventKey = tuple[str, str]
"""What an event is, everywhere and for ever: its source and its id."""

_SCAN_AT_MOST = 32
_NOTHING: frozenset[EventKey] = frozenset()


class Fact(NamedTuple):
    """What one event states, as far as a KPI can depend on it.

    Facts sort as they are ordered: by time, then source, then id, both by code point. No two of one subject have the
    same source and id, so what comes after does not matter.

    `time` is an instant and `month` the one that holds it (see `years`). `code` is a member of a code list (a clinical
    situation). `marks` and `amounts` are what the catalogue asks of the payload: which filters it passes, and what is
    to be added up (see `marks`). `ref_source` and `ref` together name the episode, plan, budget or post within the
    subject; `ref` is empty for kinds without one. `starts` is the instant from which the fact holds, where the event
    gives one; else `time`. `one_off` marks what holds for the one day on which it starts.
    """

    time: int
    source: str
    id: str
    kind: str
    month: int
    borough: str = NO_BOROUGH
    code: str = ""
    marks: int = 0
    amounts: tuple[int, ...] = ()
    ref_source: str = ""
    ref: str = ""
    starts: int | None = None
    one_off: bool = False


likeness: Callable[[Fact], tuple[str, int, str, str, int, tuple[int, ...]]] = itemgetter(slice(3, 9))
"""What a fact counts as, if it is the only one of its kind and lasts for no time: its kind, month, borough, code, marks
and amounts. Of a kind that may lack its reference, whether there is one counts too."""


class Retraction(NamedTuple):
    """Takes back the fact (`source`, `id`) from every instant and every year."""

    source: str
    id: str


MOVED_AWAY = Retraction("", "")
"""Takes back all facts of a subject, those to come too: they are another subject's, where they are said again."""

_MOVED_AWAY: EventKey = ("", "")


class SubjectFacts:
    """The facts of one subject, and what was taken back."""

    __slots__ = ("_facts", "_known", "_retracted")

    def __init__(self) -> None:
        self._facts: list[Fact] = []
        self._known: set[EventKey] | None = None  # an index, kept only where looking through the list is slow
        self._retracted: set[EventKey] | frozenset[EventKey] = _NOTHING

    def add(self, statement: Fact | Retraction) -> bool:
        """Take in what an event states. Return whether it was new; a repeat changes nothing."""
        if isinstance(statement, Retraction):
            key = (statement.source, statement.id)
            if key in self._retracted:
                return False
            if isinstance(self._retracted, frozenset):
                self._retracted = {key}
            else:
                self._retracted.add(key)
            return True
        if self._facts and self._knows(statement):
            return False
        self._facts.append(statement)
        return True

    def _knows(self, fact: Fact) -> bool:
        facts = self._facts
        if self._known is None:
            if len(facts) <= _SCAN_AT_MOST:
                name = fact.id
                for other in facts:  # noqa: SIM110 - a generator would cost more than the loop
                    if other.id == name and other.source == fact.source:
                        return True
                return False
            self._known = {(other.source, other.id) for other in facts}
        key = (fact.source, fact.id)
        if key in self._known:
            return True
        self._known.add(key)
        return False

    def __len__(self) -> int:
        return len(self._facts)

    def __iter__(self) -> Iterator[Fact]:
        """Go through the facts that were not taken back, in no particular order."""
        if not self._retracted:
            return iter(self._facts)
        if _MOVED_AWAY in self._retracted:
            return iter(())
        return (fact for fact in self._facts if (fact.source, fact.id) not in self._retracted)


def by_kind(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """Return the facts by kind, each list in the order among facts."""
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        group = groups.get(fact.kind)
        if group is None:
            groups[fact.kind] = [fact]
        else:
            group.append(fact)
    for group in groups.values():
        if len(group) > 1:
            group.sort()
    return groups
