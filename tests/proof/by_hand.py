"""What a scenario must count, worked out by hand: it guards against three that agree on a wrong number."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.year_labels import label

Cell = tuple[str, str, str]
Parts = Mapping[Cell, tuple[int, int]]
"""By KPI, area and financial year: what is counted, and of how many (0 where things are just counted)."""


@dataclass
class Hand:
    """What the events of a scenario add to every KPI: whatever is not named here must not change.

    `now` is the running financial year, for what stands until today. `values` are whole numbers as they are shown, of
    cells that no other scenario touches; None is no value.
    """

    now: int
    numerators: Counter[Cell] = field(default_factory=Counter)
    denominators: Counter[Cell] = field(default_factory=Counter)
    values: dict[Cell, Decimal | None] = field(default_factory=dict)

    def count(self, kpi: str, area: str, years: int | Iterable[int], number: int = 1) -> None:
        """Count in an area and in NCL, for a year or several."""
        self.share(kpi, area, years, number, 0)

    def share(self, kpi: str, area: str, years: int | Iterable[int], numerator: int, denominator: int) -> None:
        """Count so many of so many in an area and in NCL, for a year or several."""
        for year in [years] if isinstance(years, int) else years:
            for where in dict.fromkeys((area, NCL)):
                self.numerators[kpi, where, label(year)] += numerator
                self.denominators[kpi, where, label(year)] += denominator

    def alone(self, kpi: str, area: str, year: int, number: int = 1) -> None:
        """Count in an area and nowhere else: what is finished for each area by itself."""
        self.numerators[kpi, area, label(year)] += number

    def value(self, kpi: str, area: str, year: int, shown: str | None) -> None:
        """Say what is shown."""
        self.values[kpi, area, label(year)] = None if shown is None else Decimal(shown)

    def since(self, year: int) -> range:
        """Return the years from one until today."""
        return range(year, self.now + 1)

    def parts(self) -> dict[Cell, tuple[int, int]]:
        """Return everything that changes."""
        cells = {*self.numerators, *self.denominators}
        every = {cell: (self.numerators[cell], self.denominators[cell]) for cell in cells}
        return {cell: parts for cell, parts in every.items() if parts != (0, 0)}

    def add(self, other: "Hand") -> None:
        """Add what another scenario counts."""
        self.numerators.update(other.numerators)
        self.denominators.update(other.denominators)
        self.values.update(other.values)

    def undone(self) -> "Hand":
        """Return what taking all of it back changes."""
        less = Hand(self.now)
        less.numerators.update({cell: -number for cell, number in self.numerators.items()})
        less.denominators.update({cell: -number for cell, number in self.denominators.items()})
        return less


@dataclass(frozen=True)
class Scenario:
    """A story and what it must count. Its events are sent batch by batch, in this order."""

    name: str
    words: str
    batches: list[list[dict[str, object]]]
    hand: Hand | None = None
    moments: Mapping[str, Hand] = field(default_factory=dict)
    """What it must add to the count for some instants: by SQL and by replay, which can count for any."""
    apart: Sequence[tuple[dict[str, object], dict[str, object]]] = ()
    """Pairs of events of which at least one must lie in two partitions of the log."""

    @property
    def events(self) -> list[dict[str, object]]:
        """All events, as they are sent."""
        return [event for batch in self.batches for event in batch]
