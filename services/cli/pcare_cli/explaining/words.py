"""A KPI's rule in words, as docs/kpis.md has them, with what the catalogue says of this KPI put in. Pure."""

from collections.abc import Iterator

from pcare_schemas.kpis import rules
from pcare_schemas.kpis.catalogue import Catalogue, Kpi
from pcare_schemas.kpis.filters import Filtered

FIXED: dict[str, str] = {
    "events": "Each event counts by itself, in the year and month of its time, in its borough.",
    "episodes": "Distinct references: one conversation may span several contacts, each of which sends an event. An "
    "episode has the date, the borough and all else that matters of it (its situation, whether it passes where) from "
    "its earliest event that was not taken back.",
    "people_in_year": "People with an episode in the year, once each, in the borough of the latest of them.",
    "people_reached": "People with an event of any of several kinds in the year; in the borough of the latest one.",
    "people_ever": "People with such an event, ever, up to the instant; in the borough of the latest one.",
    "in_place_at_end": "People, or posts, with something in place at the instant. The borough is that of the latest "
    "opening or renewing event that has something in place.",
    "in_place_in_year": "People with something in place at any time in the year: it counts once its event has "
    "happened and it has started, if it ran for any time within the year. The borough is that of the latest opening "
    "that counts.",
    "reached": "A priority area adds up the conversations of its situations; situations without an area count for "
    "none.",
    "share": "Of the year's events or episodes, the percentage that also passes a second filter.",
    "share_of_latest": "The share of a list that each one's latest event of the year names.",
    "share_in_place": "Of the people whom one KPI has in place, the percentage whom another has in place at the same "
    "instant; in the borough of the first.",
    "mean": "The mean of the items' mean over the year's answers.",
}
"""What each kind of rule means, whatever it counts."""


def in_words(kpi: Kpi, catalogue: Catalogue) -> list[str]:
    """Return a KPI's rule as sentences."""
    return [FIXED[kpi.rule.count], *_stated(kpi.rule, catalogue)]


def _stated(rule: rules.Rule, catalogue: Catalogue) -> Iterator[str]:
    match rule:
        case rules.InPlaceAtEndRule() | rules.InPlaceInYearRule():
            yield from _in_place(rule)
        case rules.PeopleReachedRule():
            yield f"The kinds of event are {', '.join(rule.of)}."
        case rules.ShareInPlaceRule():
            yield f"The one is {rule.of}: {' '.join(in_words(catalogue[rule.of], catalogue))}"
            yield f"The other is {rule.also_in}: {' '.join(in_words(catalogue[rule.also_in], catalogue))}"
        case rules.ShareRule():
            yield f"Of {rule.of.of}, by {rule.of.count}{_filter(rule.of)}; of these those{_filter(rule.which)}."
            yield from _least(rule.at_least, "of them")
        case rules.ShareOfLatestRule():
            yield f"Of {rule.of}: what {rule.counted} names, of {rule.out_of} each."
        case rules.MeanRule():
            yield f"Of {rule.of}, the items {', '.join(rule.fields)}{_filter(rule)}."
            yield from _least(rule.at_least, "answers")
        case rules.ReachedRule():
            of = "priority areas" if rule.by == "priority_area" else "clinical situations"
            yield f"Counted are {of} with at least {rule.threshold} episodes of {rule.of}{_filter(rule)}."
        case _:
            yield f"The kind of event is {rule.of}{_filter(rule)}."


def _in_place(rule: rules.InPlaceAtEndRule | rules.InPlaceInYearRule) -> Iterator[str]:
    if isinstance(rule, rules.InPlaceInYearRule):
        yield f"Opened by {rule.opened_by}, closed by {rule.closed_by}."
        return
    renewed = f", renewed by {rule.renewed_by}" if rule.review_renews else ""
    yield f"Opened by {rule.opened_by}{renewed}, closed by {rule.closed_by}."
    if rule.lapses_after_months is not None:
        yield f"It lapses {rule.lapses_after_months} months after it was last opened or renewed."


def _least(number: int | None, what: str) -> Iterator[str]:
    if number is not None:
        yield f"With fewer than {number} {what} there is no value."


def _filter(asked: Filtered) -> str:
    parts = [f"{field} is {' or '.join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)}"
             for field, values in asked.where.items()]  # fmt: skip
    parts += [f"{field} is stated" for field in asked.given]
    return f" whose {' and '.join(parts)}" if parts else ""
