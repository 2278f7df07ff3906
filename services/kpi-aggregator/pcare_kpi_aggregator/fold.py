"""The fold: from one subject's facts to what it adds to the counts. Pure, additive, the same in any order.

    contribution(facts, at) -> {(part, borough, month): int}

Sums over subjects, partitions and workers are plain sums; `finish` alone turns sums into KPIs.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping

from pcare_kpi_aggregator.counts import Cell
from pcare_kpi_aggregator.decode import Decoder
from pcare_kpi_aggregator.facts import Fact, SubjectFacts, likeness
from pcare_kpi_aggregator.marks import AskedByKind
from pcare_kpi_aggregator.reading import Reading
from pcare_kpi_aggregator.rules.building import build
from pcare_kpi_aggregator.rules.rule import Rule
from pcare_kpi_aggregator.years import END_OF_TIME
from pcare_schemas.kinds import KINDS
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.payload_fields import MAY_LACK_REFERENCE
from pcare_schemas.person import PersonEvent

_MOST_KNOWN = 100_000


class Fold:
    """Counts subjects by a set of rules, named by KPI; `asked` is what these ask of payloads."""

    def __init__(self, rules: Mapping[str, Rule], asked: AskedByKind | None = None) -> None:
        self.rules = dict(rules)
        self._asked = asked
        self._of_one_kind: dict[str, list[Rule]] = {}
        self._of_several: list[tuple[frozenset[str], Rule]] = []
        for rule in self.rules.values():
            if rule.by_likeness and len(rule.kinds) == 1:
                self._of_one_kind.setdefault(next(iter(rule.kinds)), []).append(rule)
            else:
                self._of_several.append((rule.starting, rule))
        self._for_kinds: dict[frozenset[str], list[Rule]] = {}  # at most one entry a combination of kinds
        self._known: dict[Hashable, tuple[list[Cell], list[int]]] = {}

    @classmethod
    def of(cls, catalogue: Catalogue) -> "Fold":
        """Return the fold that counts by a catalogue."""
        built = build(catalogue)
        return cls(built.rules, built.asked)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of event that some rule reads."""
        return frozenset().union(*(rule.kinds for rule in self.rules.values()))

    @property
    def one_by_one(self) -> frozenset[str]:
        """The kinds of which every event counts by itself, and so is folded by itself.

        A team is the subject of every answer to a questionnaire: folded together they would be evaluated again with
        each new one. A retraction names a subject and no kind, so it is all or none of the kinds of a form of subject;
        so does a merge, so of persons it is none.
        """
        together = {kind for rule in self.rules.values() if not rule.one_by_one for kind in rule.kinds}
        forms = {PersonEvent.SUBJECT, *(KINDS[kind].SUBJECT for kind in together)}
        return frozenset(kind for kind in self.kinds if KINDS[kind].SUBJECT not in forms)

    def decoder(self) -> Decoder:
        """Return a decoder of what the rules read."""
        return Decoder(self.kinds, asked=self._asked, one_by_one=self.one_by_one)

    def evaluate(self, facts: SubjectFacts, at: int) -> Reading:
        """Return what the subject contributes at the instant `at`, and when that may next change by itself.

        Facts whose time is not before `at` do not count yet. At every instant from `at` up to (not including)
        `next_due` the contribution is the same.
        """
        reading = Reading(facts, at)
        groups = reading.by_kind
        for kind, group in groups.items():
            if len(group) == 1 and group[0].time < at and kind not in MAY_LACK_REFERENCE:
                cells, numbers = self._of_one(group[0])
                reading.cells += cells
                reading.numbers += numbers
            else:
                for rule in self._of_one_kind.get(kind, ()):
                    rule.count(reading)
        for rule in self._across(frozenset(groups)):
            rule.count(reading)
        return reading

    def contribution(self, facts: SubjectFacts, at: int) -> dict[Cell, int]:
        """Return what the subject contributes at the instant `at`, cell by cell."""
        reading = self.evaluate(facts, at)
        return summed(zip(reading.cells, reading.numbers, strict=True))

    def next_due(self, facts: SubjectFacts, at: int) -> int | None:
        """Return the first instant after `at` at which the contribution may change without an event."""
        return self.evaluate(facts, at).next_due

    def _of_one(self, fact: Fact) -> tuple[list[Cell], list[int]]:
        """Return what the rules that read one kind only count of its only fact: the same for all facts alike."""
        alike = likeness(fact)
        known = self._known.get(alike)
        if known is None:
            reading = Reading([fact], END_OF_TIME)
            for rule in self._of_one_kind.get(fact.kind, ()):
                rule.count(reading)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[alike] = (reading.cells, reading.numbers)
        return known

    def _across(self, kinds: frozenset[str]) -> list[Rule]:
        """Return the rules that read several kinds, of which these are."""
        rules = self._for_kinds.get(kinds)
        if rules is None:
            rules = self._for_kinds[kinds] = [rule for starting, rule in self._of_several if starting & kinds]
        return rules


def summed(counted: Iterable[tuple[Cell, int]]) -> dict[Cell, int]:
    """Add up what is counted in the same cells, and leave out what comes to nothing."""
    cells: defaultdict[Cell, int] = defaultdict(int)
    for cell, number in counted:
        cells[cell] += number
    return {cell: number for cell, number in cells.items() if number}
