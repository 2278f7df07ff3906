"""The KPI catalogue: data, read at start and refused where it is wrong."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pcare_kpi_aggregator import data_file
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.kinds import WITH_REF, Kind
from pcare_kpi_aggregator.rules import (
    Episodes,
    InPlaceAtEnd,
    InPlaceInYear,
    PeopleEver,
    PeopleInYear,
    Reached,
    Rule,
)

BUILT_IN = Path(__file__).with_name("catalogue.yaml")

FOLD_VERSION = 1
"""Raised by hand whenever the code counts in another way, so that old and new workers never add up to one number."""

Component = Literal[
    "enabling choice",
    "social prescribing",
    "shared decision making",
    "supported self-management",
    "care and support planning",
    "personal health budgets",
    "all",
]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EpisodesRule(_Entry):
    """Distinct references of a kind of event."""

    count: Literal["episodes"]
    of: Kind

    def rule(self, kpi: str) -> Rule:
        """Return the rule for the KPI `kpi`."""
        return Episodes(kpi, _with_ref(self.of))


class PeopleInYearRule(_Entry):
    """People with such an episode in the year."""

    count: Literal["people_in_year"]
    of: Kind

    def rule(self, kpi: str) -> Rule:
        """Return the rule for the KPI `kpi`."""
        return PeopleInYear(kpi, _with_ref(self.of))


class PeopleEverRule(_Entry):
    """People with such an event up to the end of the year."""

    count: Literal["people_ever"]
    of: Kind

    def rule(self, kpi: str) -> Rule:
        """Return the rule for the KPI `kpi`."""
        return PeopleEver(kpi, self.of)


class ReachedRule(_Entry):
    """Members of a code list with at least `threshold` episodes in the year."""

    count: Literal["reached"]
    of: Literal["sdm-conversation"]
    by: Literal["situation"]
    threshold: int = Field(ge=1)

    def rule(self, kpi: str) -> Rule:
        """Return the rule for the KPI `kpi`."""
        return Reached(kpi, self.of, self.threshold)


class InPlaceAtEndRule(_Entry):
    """People with a plan in place at the end of the year."""

    count: Literal["in_place_at_end"]
    opened_by: Kind
    renewed_by: Kind
    closed_by: Kind
    lapses_after_months: int = Field(ge=1, le=120)
    review_renews: bool

    def rule(self, kpi: str) -> Rule:
        """Return the rule for the KPI `kpi`."""
        return InPlaceAtEnd(
            kpi,
            opened_by=_with_ref(self.opened_by),
            renewed_by=_with_ref(self.renewed_by) if self.review_renews else None,
            closed_by=_with_ref(self.closed_by),
            months=self.lapses_after_months,
        )


class InPlaceInYearRule(_Entry):
    """People with a budget in place on any day of the year."""

    count: Literal["in_place_in_year"]
    opened_by: Kind
    closed_by: Kind

    def rule(self, kpi: str) -> Rule:
        """Return the rule for the KPI `kpi`."""
        return InPlaceInYear(kpi, opened_by=_with_ref(self.opened_by), closed_by=_with_ref(self.closed_by))


RuleEntry = Annotated[
    EpisodesRule | PeopleInYearRule | PeopleEverRule | ReachedRule | InPlaceAtEndRule | InPlaceInYearRule,
    Field(discriminator="count"),
]

_ADDITIVE = {"reached": False}


class Kpi(_Entry):
    """One KPI of the plan."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    component: Component
    title: str = Field(min_length=1)
    unit: str = Field(min_length=1)
    rule: RuleEntry
    additive: bool
    dimensions: list[Literal["borough", "year"]]
    words: str | None

    @model_validator(mode="after")
    def _says_rightly_whether_it_adds_up(self) -> "Kpi":
        true = _ADDITIVE.get(self.rule.count, True)
        if self.additive is not true:
            raise ValueError(f"`additive` must be {str(true).lower()} for the rule {self.rule.count!r}")
        self.rule.rule(self.id)  # refuses what the rule cannot count
        return self


class Catalogue(_Entry):
    """All KPIs, in the order in which they are shown."""

    kpis: list[Kpi] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_each_once(self) -> "Catalogue":
        repeated = [kpi for kpi, times in Counter(kpi.id for kpi in self.kpis).items() if times > 1]
        if repeated:
            raise ValueError(f"the id {repeated[0]!r} is there twice")
        return self

    @property
    def version(self) -> str:
        """Names what decides the numbers: the ids, the rules and the fold's own version. Titles do not.

        Workers of one version may add up their counts; those of two may not.
        """
        rules = {kpi.id: kpi.rule.model_dump() for kpi in self.kpis}
        text = json.dumps({"fold": FOLD_VERSION, "rules": rules}, sort_keys=True, separators=(",", ":"))
        return f"{FOLD_VERSION}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def fold(self) -> Fold:
        """Return the fold that counts by these rules."""
        return Fold({kpi.id: kpi.rule.rule(kpi.id) for kpi in self.kpis})


def load(path: Path | None = None) -> Catalogue:
    """Return the catalogue at `path`, or the built-in one. Raises OperatorError with file, line and reason."""
    return data_file.read(path or BUILT_IN, Catalogue)


def _with_ref(kind: Kind) -> Kind:
    if kind not in WITH_REF:
        raise ValueError(f"events of the kind {kind!r} carry no reference by which this rule could tell them apart")
    return kind
