"""The fold from events to values without Kafka: every subject decoded and folded, the counts added up and finished."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from kpi_oracle import Number, Statements, Values
from kpi_records import record

from pcare_kpi_aggregator.counts import lines_of
from pcare_kpi_aggregator.decode import Decoder
from pcare_kpi_aggregator.facts import SubjectFacts
from pcare_kpi_aggregator.finish import Finished
from pcare_kpi_aggregator.fold import Fold, summed
from pcare_kpi_aggregator.partition import PartitionState
from pcare_schemas.kpis import catalogue

EVERY_RULE = catalogue.load(Path(__file__).with_name("kpi_every_rule.yaml"))


def _easily_reached() -> catalogue.Catalogue:
    """Return the plan's catalogue with thresholds that small cases reach."""
    built_in = catalogue.load().model_dump()
    for kpi in built_in["kpis"]:
        for limit in ("threshold", "at_least"):
            if kpi["rule"].get(limit):
                kpi["rule"][limit] = 2
    return catalogue.Catalogue.model_validate(built_in)


PLAN = _easily_reached()
CATALOGUES = {"the plan's": PLAN, "every rule": EVERY_RULE}
FOLDS = {name: Fold.of(chosen) for name, chosen in CATALOGUES.items()}


def facts_of(fold: Fold, subjects: Mapping[str, Statements]) -> dict[str, SubjectFacts]:
    """Return the facts of each thing that is folded: a subject, or an event that counts by itself."""
    decoder = _decoder(fold)
    facts: dict[str, SubjectFacts] = {}
    for subject, said in subjects.items():
        for one in said:
            name, says = decoder.decode(record(subject, one))
            if says is not None:
                facts.setdefault(name, SubjectFacts()).add(says)
    return facts


@cache
def _decoder(fold: Fold) -> Decoder:
    return fold.decoder()


def finished(fold: Fold, subjects: Mapping[str, Statements], at: int) -> Finished:
    """Return the KPIs of a population."""
    facts = facts_of(fold, subjects).values()
    cells = summed(cell for one in facts for cell in fold.contribution(one, at).items())
    return Finished(fold.rules, [lines_of(cells)], at)


def values_of(finished: Finished) -> Values:
    """Return the values behind which there is anything."""
    return {
        (row.kpi, row.area, row.year): Number(row.value, row.numerator, row.denominator)
        for row in finished.values()
        if row.numerator or row.denominator
    }


def values_of_states(fold: Fold, states: Iterable[PartitionState], at: int) -> Values:
    """Return the values that partitions come to."""
    return values_of(Finished(fold.rules, [state.snapshot().counts.lines() for state in states], at))
