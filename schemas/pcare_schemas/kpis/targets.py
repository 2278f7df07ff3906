"""Targets: what the plan set, year by year, and what London and the nation set beside it. They move no count."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from pcare_schemas.kpis import data_file
from pcare_schemas.kpis.areas import BOROUGHS, NCL
from pcare_schemas.kpis.catalogue import Component
from pcare_schemas.kpis.filters import Entry, Mistake, refuse
from pcare_schemas.kpis.payload_fields import unlike
from pcare_schemas.kpis.year_labels import ALWAYS, YearLabel, YearOrAlways, year_from_label

BUILT_IN = Path(__file__).with_name("targets.yaml")


class Baseline(Entry):
    """A value at the end of a year before the target's. `assumed`: nobody states it; the line needs a beginning."""

    value: float = Field(ge=0)
    year: YearLabel
    assumed: bool


class Target(Entry):
    """A value to reach by the end of the year `by`, and to hold from then on; or one that holds `always`."""

    kpi: str
    area: str
    value: float = Field(ge=0)
    by: YearOrAlways
    baseline: Baseline | None
    years: dict[YearLabel, float] = Field(default={})
    """What is set for single years, where the way to the target is not straight."""
    words: str | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        refuse("target", self._mistakes())
        return self

    def _mistakes(self) -> list[Mistake]:
        mistakes: list[Mistake] = []
        if self.area != NCL and self.area not in BOROUGHS:
            mistakes.append((("area",), f"{self.area!r} is neither NCL nor the GSS code of an NCL borough"))
        if self.by == ALWAYS:
            if self.baseline or self.years:
                mistakes.append((("by",), "what holds always has no baseline and no years"))
            return mistakes
        by = year_from_label(self.by)
        if self.baseline and year_from_label(self.baseline.year) >= by:
            mistakes.append((("baseline", "year"), "the baseline must be of a year before the target's"))
        for year, value in self.years.items():
            if value < 0:
                mistakes.append((("years", year), "less than nothing cannot be a target"))
            if self.baseline and year_from_label(year) <= year_from_label(self.baseline.year):
                mistakes.append((("years", year), "it must be after the baseline"))
            if year_from_label(year) == by and value != self.value:
                mistakes.append((("years", year), "the target of this year is already stated as `value`"))
        return mistakes

    def in_year(self, year: int) -> float | None:
        """Return the target for a financial year; None before the first that is known.

        What is stated for the year holds. Between two years that are known the line is straight; after the last the
        value stays.
        """
        known = self._known()
        if not known:
            return self.value
        before = [point for point in known if point[0] <= year]
        after = [point for point in known if point[0] > year]
        if not before:
            return None
        start, low = before[-1]
        if start == year or not after:
            return low
        end, high = after[0]
        return low + (high - low) * (year - start) / (end - start)

    def _known(self) -> list[tuple[int, float]]:
        """Return the years for which a value is stated, in order; none for what holds always."""
        if self.by == ALWAYS:
            return []
        known = {year_from_label(year): value for year, value in self.years.items()}
        known[year_from_label(self.by)] = self.value
        if self.baseline:
            known[year_from_label(self.baseline.year)] = self.baseline.value
        return sorted(known.items())

    @property
    def note(self) -> str | None:
        """Say on what assumption the trajectory rests, if it does."""
        if self.baseline is None or not self.baseline.assumed:
            return None
        return (
            f"No baseline is known: the trajectory is drawn from an assumed {self.baseline.value:,g} "
            f"at the end of {self.baseline.year}."
        )


class Comparison(Entry):
    """What another place reached or aims at, for a reader to hold NCL's number against."""

    kpi: str | None
    """The KPI beside which it is shown; none where it only stands beside the component's."""
    component: Component
    place: str = Field(min_length=1)
    kind: Literal["ambition", "delivered"]
    value: float = Field(ge=0)
    when: str = Field(min_length=1)
    words: str = Field(min_length=1)


class Targets(Entry):
    """All targets, at most one for a KPI and an area, and the comparisons."""

    targets: list[Target]
    comparisons: list[Comparison] = Field(default=[])

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        pairs = [(target.kpi, target.area) for target in self.targets]
        twice: list[Mistake] = [
            (("targets", index), f"{kpi} has two targets for {area}")
            for index, (kpi, area) in enumerate(pairs)
            if (kpi, area) in pairs[:index]
        ]
        refuse("targets", twice)
        return self

    def get(self, kpi: str, area: str) -> Target | None:
        """Return the target of a KPI for an area."""
        return next((target for target in self.targets if (target.kpi, target.area) == (kpi, area)), None)

    def value(self, kpi: str, area: str, year: int) -> float | None:
        """Return the target of a KPI for an area in a financial year, or None."""
        target = self.get(kpi, area)
        return target.in_year(year) if target else None

    def note(self, kpi: str, area: str) -> str | None:
        """Say on what assumption the trajectory rests, or None if on none."""
        target = self.get(kpi, area)
        return target.note if target else None


def load(path: Path | None, kpis: Collection[str]) -> Targets:
    """Return the targets at `path`, or the built-in ones.

    Raises DataFileError with file, line and reason; also for a target or a comparison of a KPI that is not one of
    `kpis`.
    """
    place = path or BUILT_IN
    targets = data_file.read(place, Targets)
    of = [(("targets", index, "kpi"), target.kpi) for index, target in enumerate(targets.targets)]
    of += [(("comparisons", index, "kpi"), one.kpi) for index, one in enumerate(targets.comparisons) if one.kpi]
    known = tuple(kpis)
    data_file.refuse(
        place, [(where, unlike(kpi, known, "a KPI of the catalogue")) for where, kpi in of if kpi not in known]
    )
    return targets
