"""The KPI catalogue: data, read at start and refused where it is wrong."""

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from pcare_schemas import code_lists
from pcare_schemas.kinds import KINDS
from pcare_schemas.kpis import data_file
from pcare_schemas.kpis.filters import Entry, Mistake, refuse
from pcare_schemas.kpis.payload_fields import unlike
from pcare_schemas.kpis.rules import InPlaceAtEndRule, KpiId, ReachedRule, Rule, ShareInPlaceRule, kinds_of

BUILT_IN = Path(__file__).with_name("catalogue.yaml")

COUNTING_VERSION = 2
"""Raised by hand whenever the meaning of the rules changes, so that old and new workers never add up to one number."""

Component = Literal[
    "enabling choice",
    "social prescribing",
    "shared decision making",
    "supported self-management",
    "care and support planning",
    "personal health budgets",
    "all",
]

COMPONENTS: tuple[str, ...] = get_args(Component)
"""The plan's six components in its order, and then what spans all of them."""

KindOfValue = Literal["count", "share", "mean"]
Course = Literal["year", "standing", "level"]

_SHARES = frozenset({"share", "share_of_latest", "share_in_place"})
_STANDING = frozenset({"people_ever", "in_place_at_end"})
_OF_EACH_EVENT = frozenset({"events", "share", "mean"})


class Kpi(Entry):
    """One KPI of the plan.

    `personal`: it counts people, what happened to them or what they answered, so disclosure control applies.
    """

    id: KpiId
    component: Component
    title: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    personal: bool
    rule: Rule
    additive: bool
    dimensions: list[Literal["borough", "year"]]
    words: str | None

    @property
    def kind_of_value(self) -> KindOfValue:
        """A whole number of something, a percentage, or a mean."""
        if self.rule.count in _SHARES:
            return "share"
        return "mean" if self.rule.count == "mean" else "count"

    @property
    def course(self) -> Course:
        """How it moves through a year: grows from its opening ("year"), stands on what was, or is a level."""
        if self.kind_of_value != "count":
            return "level"
        return "standing" if self.rule.count in _STANDING else "year"

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON values, defaults written out."""
        return {**self.model_dump(mode="json"), "kind_of_value": self.kind_of_value, "course": self.course}

    @model_validator(mode="after")
    def _says_rightly_what_it_is(self) -> Self:
        refuse(self.id, [*self._mistakes()])
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        adds_up = self.kind_of_value == "count" and self.rule.count != "reached"
        if self.additive is not adds_up:
            yield ("additive",), f"`additive` must be {str(adds_up).lower()} for the rule {self.rule.count!r}"
        if (self.unit == "%") is not (self.kind_of_value == "share"):
            yield ("unit",), "a share has the unit %, and nothing else has"
        subjects = {KINDS[kind].SUBJECT for kind in kinds_of(self.rule)}
        if "person" in subjects and self.rule.count != "reached" and not self.personal:
            yield ("personal",), "it counts people or what happened to them: `personal` must be true"
        if "team" in subjects and self.rule.count in _OF_EACH_EVENT and not self.personal:
            yield ("personal",), "it counts what people answered about a team: `personal` must be true"


class Catalogue(Entry):
    """All KPIs, in the order in which they are shown."""

    kpis: list[Kpi] = Field(min_length=1)

    def __getitem__(self, kpi: str) -> Kpi:
        """Return a KPI by id. Raises KeyError."""
        for one in self.kpis:
            if one.id == kpi:
                return one
        raise KeyError(kpi)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in order."""
        return tuple(kpi.id for kpi in self.kpis)

    @cached_property
    def version(self) -> str:
        """Names what decides the numbers: the ids, the rules, the areas of situations, and how rules are understood.

        Titles do not. Workers of one version may add up their counts; those of two may not.
        """
        content: dict[str, Any] = {
            "counting": COUNTING_VERSION,
            "rules": {k.id: k.rule.model_dump() for k in self.kpis},
        }
        if any(isinstance(kpi.rule, ReachedRule) and kpi.rule.by == "priority_area" for kpi in self.kpis):
            content["areas"] = situation_areas()
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"{COUNTING_VERSION}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def document(self) -> dict[str, Any]:
        """Return the catalogue and its version as plain JSON values: all that another way of counting needs."""
        return {"version": self.version, "kpis": [kpi.document() for kpi in self.kpis]}

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        refuse("catalogue", [*self._mistakes()])
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        for index, kpi in enumerate(self.kpis):
            if kpi.id in self.ids[:index]:
                yield ("kpis", index, "id"), f"the id {kpi.id!r} is there twice"
            if isinstance(kpi.rule, ShareInPlaceRule):
                for place, reason in self._mistakes_of_share(kpi, kpi.rule):
                    yield ("kpis", index, *place), reason

    def _mistakes_of_share(self, kpi: Kpi, rule: ShareInPlaceRule) -> Iterator[Mistake]:
        in_place = {one.id: one for one in self.kpis if isinstance(one.rule, InPlaceAtEndRule)}
        known = True
        for key, other in (("of", rule.of), ("also_in", rule.also_in)):
            if other not in in_place:
                known = False
                yield (
                    ("rule", key),
                    unlike(other, tuple(in_place), "a KPI of the catalogue with the rule in_place_at_end"),
                )
        if not known:
            return
        if rule.of == rule.also_in:
            yield ("rule", "also_in"), "the share of a KPI in itself is always 100 %"
        if _subject(in_place[rule.of]) != _subject(in_place[rule.also_in]):
            yield ("rule", "also_in"), f"{rule.of} and {rule.also_in} count different things, so none is in both"
        if in_place[rule.of].personal and not kpi.personal:
            yield ("personal",), f"it is a share of {rule.of}, which counts people: `personal` must be true"


def load(path: Path | None = None) -> Catalogue:
    """Return the catalogue at `path`, or the built-in one. Raises DataFileError with file, line and reason."""
    return data_file.read(path or BUILT_IN, Catalogue)


def situation_areas() -> dict[str, str]:
    """Return the priority area of each clinical situation that has one."""
    situations = code_lists.built_in()["situations"].codes.values()
    return {situation.code: situation.area for situation in situations if situation.area is not None}


def _subject(kpi: Kpi) -> frozenset[str]:
    return frozenset(KINDS[kind].SUBJECT for kind in kinds_of(kpi.rule))
