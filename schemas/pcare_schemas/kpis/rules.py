"""The kinds of rule by which a KPI may be counted, as the catalogue states them. What they mean: docs/kpis.md."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pcare_schemas.kpis import payload_fields
from pcare_schemas.kpis.filters import Entry, Filtered, Mistake, refuse
from pcare_schemas.kpis.payload_fields import COUNTED_KINDS, REFERENCE_FIELDS, unlike


def _is_counted(kind: str) -> str:
    if kind not in COUNTED_KINDS:
        raise ValueError(unlike(kind, COUNTED_KINDS, "a kind of event that can be counted"))
    return kind


def _has_reference(kind: str) -> str:
    if kind not in REFERENCE_FIELDS:
        raise ValueError(f"events of the kind {kind!r} carry no reference by which this rule could tell them apart")
    return kind


Kind = Annotated[str, AfterValidator(_is_counted)]
KindWithReference = Annotated[str, AfterValidator(_is_counted), AfterValidator(_has_reference)]
KpiId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
AtLeast = Annotated[int, Field(ge=1)]


class _FilteredKind(Filtered):
    of: str

    @model_validator(mode="after")
    def _holds_for_its_kind(self) -> Self:
        refuse(type(self).__name__, [*self.mistakes(self.of), *self._further()])
        return self

    def _further(self) -> Iterator[Mistake]:
        yield from ()


class EventsRule(_FilteredKind):
    """Events: each once, in the year of its time."""

    count: Literal["events"]
    of: Kind


class EpisodesRule(_FilteredKind):
    """Distinct references of a kind of event, each dated, placed and classified by its earliest event."""

    count: Literal["episodes"]
    of: KindWithReference


class PeopleInYearRule(_FilteredKind):
    """People with such an episode in the year."""

    count: Literal["people_in_year"]
    of: KindWithReference


class PeopleReachedRule(Entry):
    """People with an event of any of the kinds in the year."""

    count: Literal["people_reached"]
    of: list[Kind] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_each_kind_once(self) -> Self:
        twice = [(("of", index), "named twice") for index, kind in enumerate(self.of) if kind in self.of[:index]]
        refuse(type(self).__name__, twice)
        return self


class PeopleEverRule(_FilteredKind):
    """People with such an event up to the end of the year."""

    count: Literal["people_ever"]
    of: Kind


class InPlaceAtEndRule(Entry):
    """People (or posts) with something in place at the end of the year; in the running year: now."""

    count: Literal["in_place_at_end"]
    opened_by: KindWithReference
    renewed_by: KindWithReference | None = None
    closed_by: KindWithReference
    lapses_after_months: Annotated[int, Field(ge=1, le=120)] | None = None
    review_renews: bool | None = None
    """Whether the renewing kind renews; stated wherever one is named."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        mistakes = [*_one_reference(self.opened_by, closed_by=self.closed_by, renewed_by=self.renewed_by)]
        if self.renewed_by and self.lapses_after_months is None:
            mistakes.append((("renewed_by",), "what does not lapse needs no renewal: state lapses_after_months"))
        if (self.renewed_by is None) != (self.review_renews is None):
            mistakes.append((("review_renews",), "state it where renewed_by is stated, and only there"))
        refuse(type(self).__name__, mistakes)
        return self


class InPlaceInYearRule(Entry):
    """People with something in place on any day of the year."""

    count: Literal["in_place_in_year"]
    opened_by: KindWithReference
    closed_by: KindWithReference

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        refuse(type(self).__name__, [*_one_reference(self.opened_by, closed_by=self.closed_by)])
        return self


class ReachedRule(_FilteredKind):
    """Clinical situations, or their priority areas, with at least `threshold` episodes in the year."""

    count: Literal["reached"]
    of: KindWithReference
    by: Literal["situation", "priority_area"]
    threshold: int = Field(ge=1)

    def _further(self) -> Iterator[Mistake]:
        if "situation" not in payload_fields.field_names(self.of):
            yield ("of",), f"events of the kind {self.of!r} name no clinical situation"


class _OfShare(_FilteredKind):
    count: Literal["events", "episodes"]
    of: Kind

    def _further(self) -> Iterator[Mistake]:
        if self.count == "episodes" and self.of not in REFERENCE_FIELDS:
            yield ("of",), f"events of the kind {self.of!r} carry no reference by which episodes could be told apart"


class ShareRule(Entry):
    """The percentage of some events or episodes that also pass `which`."""

    count: Literal["share"]
    of: _OfShare
    which: Filtered
    at_least: AtLeast | None = None
    """With fewer of them there is no value."""

    @model_validator(mode="after")
    def _which_holds_for_its_kind(self) -> Self:
        mistakes = [(("which", *place), reason) for place, reason in self.which.mistakes(self.of.of)]
        if not self.which.where and not self.which.given:
            mistakes.append((("which",), "state `where` or `given`: all would pass"))
        refuse(type(self).__name__, mistakes)
        return self


class ShareOfLatestRule(Entry):
    """How much of a list each subject's latest event of the year names, as a percentage of all there is to name."""

    count: Literal["share_of_latest"]
    of: Kind
    counted: str
    out_of: int = Field(ge=1)

    @model_validator(mode="after")
    def _counts_a_list(self) -> Self:
        refuse(type(self).__name__, [*self._mistakes()])
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        known = payload_fields.field_names(self.of)
        if self.counted not in known:
            yield ("counted",), unlike(self.counted, known, f"a field of {self.of}")
        elif not payload_fields.is_list(self.of, self.counted):
            yield ("counted",), f"{self.counted} holds no list"
        elif (longest := payload_fields.longest(self.of, self.counted)) and longest > self.out_of:
            yield ("out_of",), f"{self.counted} may hold {longest}, so a share could exceed 100 %"


class ShareInPlaceRule(Entry):
    """The percentage of the people whom one KPI counts that another counts too, at the same instant."""

    count: Literal["share_in_place"]
    of: KpiId
    also_in: KpiId


class MeanRule(_FilteredKind):
    """The mean over the events of the year of the mean of some whole-number fields."""

    count: Literal["mean"]
    of: Kind
    fields: list[str] = Field(min_length=1)
    at_least: AtLeast | None = None

    def _further(self) -> Iterator[Mistake]:
        known = payload_fields.field_names(self.of)
        for index, field in enumerate(self.fields):
            if field not in known:
                yield ("fields", index), unlike(field, known, f"a field of {self.of}")
            elif not (payload_fields.is_whole_number(self.of, field) and payload_fields.is_required(self.of, field)):
                yield ("fields", index), f"{field} is not a whole number that every event of the kind {self.of} states"
            elif field in self.fields[:index]:
                yield ("fields", index), "named twice"


Rule = Annotated[
    EventsRule
    | EpisodesRule
    | PeopleInYearRule
    | PeopleReachedRule
    | PeopleEverRule
    | InPlaceAtEndRule
    | InPlaceInYearRule
    | ReachedRule
    | ShareRule
    | ShareOfLatestRule
    | ShareInPlaceRule
    | MeanRule,
    Field(discriminator="count"),
]


def kinds_of(rule: "Rule") -> tuple[str, ...]:
    """Return the kinds of event that a rule reads by itself; none for one made of other KPIs."""
    match rule:
        case InPlaceAtEndRule():
            renewing = (rule.renewed_by,) if rule.renewed_by and rule.review_renews else ()
            return (rule.opened_by, *renewing, rule.closed_by)
        case InPlaceInYearRule():
            return (rule.opened_by, rule.closed_by)
        case PeopleReachedRule():
            return tuple(rule.of)
        case ShareRule():
            return (rule.of.of,)
        case ShareInPlaceRule():
            return ()
        case _:
            return (rule.of,)


def _one_reference(opened_by: str, **others: str | None) -> Iterator[Mistake]:
    for key, kind in others.items():
        if kind is not None and REFERENCE_FIELDS[kind] != REFERENCE_FIELDS[opened_by]:
            yield (
                (key,),
                f"{kind} goes by {REFERENCE_FIELDS[kind]}, {opened_by} by {REFERENCE_FIELDS[opened_by]}: not one thing",
            )
