"""The fold: from one subject's facts to what it adds to the counts. Pure, additive, the same in any order.

    contribution(facts, at) -> {(part, borough, year): int}

Sums over subjects, partitions and workers are plain sums; `finish` alone turns sums into KPIs.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pcare_kpi_aggregator.facts import Fact, SubjectFacts, by_kind
from pcare_kpi_aggregator.rules import Rule
from pcare_kpi_aggregator.tally import Contribution, Tally


class Evaluation(NamedTuple):
    """A subject's contribution at an instant, and the next instant at which it may change without an event."""

    contribution: Contribution
    next_due: int | None


class Fold:
    """Counts subjects by a set of rules, named by KPI."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self.rules = dict(rules)
        self._for_kinds: dict[frozenset[str], list[Rule]] = {}  # at most one entry a combination of kinds

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of event that some rule reads."""
        return frozenset().union(*(rule.kinds for rule in self.rules.values()))

    def evaluate(self, facts: SubjectFacts, at: int) -> Evaluation:
        """Return what the subject contributes at the instant `at`, and when that may next change by itself.

        Facts whose time is not before `at` do not count yet. At every instant from `at` up to (not including)
        `next_due` the contribution is the same.
        """
        tally = Tally(at)
        groups: dict[str, list[Fact]] = by_kind(facts)
        for rule in self._rules_for(frozenset(groups)):
            rule.count(groups, tally)
        return Evaluation(tally.contribution, tally.next_due)

    def contribution(self, facts: SubjectFacts, at: int) -> Contribution:
        """Return what the subject contributes at the instant `at`."""
        return self.evaluate(facts, at).contribution

    def next_due(self, facts: SubjectFacts, at: int) -> int | None:
        """Return the first instant after `at` at which the contribution may change without an event."""
        return self.evaluate(facts, at).next_due

    def _rules_for(self, kinds: frozenset[str]) -> list[Rule]:
        rules = self._for_kinds.get(kinds)
        if rules is None:
            rules = self._for_kinds[kinds] = [rule for rule in self.rules.values() if rule.kinds & kinds]
        return rules
