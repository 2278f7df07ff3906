"""Targets: what the plan set, year by year. They move no count, so they have no part in the catalogue's version."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pcare_common.errors import OperatorError
from pcare_kpi_aggregator import data_file
from pcare_kpi_aggregator.finish import BOROUGHS, NCL
from pcare_kpi_aggregator.years import year_from_label

BUILT_IN = Path(__file__).with_name("targets.yaml")


def _is_a_year(text: str) -> str:
    year_from_label(text)
    return text


YearLabel = Annotated[str, AfterValidator(_is_a_year)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Baseline(_Entry):
    """A known value at the end of a year before the target's."""

    value: float = Field(ge=0)
    year: YearLabel


class Target(_Entry):
    """A value to reach by the end of the year `by`, and to hold from then on."""

    kpi: str
    area: str
    value: float = Field(ge=0)
    by: YearLabel
    baseline: Baseline | None

    @model_validator(mode="after")
    def _makes_sense(self) -> "Target":
        if self.area != NCL and self.area not in BOROUGHS:
            raise ValueError(f"area {self.area!r} is neither NCL nor the GSS code of an NCL borough")
        if self.baseline and year_from_label(self.baseline.year) >= year_from_label(self.by):
            raise ValueError("the baseline must be of a year before the target's")
        return self

    def in_year(self, year: int) -> float | None:
        """Return the target for a financial year; None before the baseline, or before `by` where none is known."""
        by = year_from_label(self.by)
        if year >= by:
            return self.value
        if self.baseline is None:
            return None
        start = year_from_label(self.baseline.year)
        if year < start:
            return None
        return self.baseline.value + (self.value - self.baseline.value) * (year - start) / (by - start)


class Targets(_Entry):
    """All targets: at most one for a KPI and an area."""

    targets: list[Target]

    @model_validator(mode="after")
    def _one_each(self) -> "Targets":
        seen: set[tuple[str, str]] = set()
        for target in self.targets:
            if (target.kpi, target.area) in seen:
                raise ValueError(f"{target.kpi} has two targets for {target.area}")
            seen.add((target.kpi, target.area))
        return self

    def value(self, kpi: str, area: str, year: int) -> float | None:
        """Return the target of a KPI for an area in a financial year, or None."""
        for target in self.targets:
            if (target.kpi, target.area) == (kpi, area):
                return target.in_year(year)
        return None


def load(path: Path | None, kpis: Collection[str]) -> Targets:
    """Return the targets at `path`, or the built-in ones.

    Raises OperatorError with file, line and reason; also for a target of a KPI that is not one of `kpis`.
    """
    place = path or BUILT_IN
    targets = data_file.read(place, Targets)
    strangers = sorted({target.kpi for target in targets.targets} - set(kpis))
    if strangers:
        raise OperatorError(f"{place}: targets of KPIs that are not in the catalogue: {', '.join(strangers)}")
    return targets
