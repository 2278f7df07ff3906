"""A made-up answer with a past, for the board: numbers of all KPIs that grow as in a real programme."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from pcare_common.clock import Clock
from pcare_common.health import Health, Probe
from pcare_kpi_aggregator.board.routes import Board
from pcare_kpi_aggregator.board.status import Progress
from pcare_kpi_aggregator.board.view import Views
from pcare_kpi_aggregator.standings import Standings
from pcare_kpi_aggregator.years import SECOND, end_of, instant_of, midnight, start_of, year_of
from pcare_schemas.kpis import catalogue, targets
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY
from pcare_schemas.kpis.catalogue import Kpi

CATALOGUE = catalogue.load()
TARGETS = targets.load(None, CATALOGUE.ids)
PARTS = dict(zip((*BOROUGHS, NCL_ONLY), (0.31, 0.18, 0.22, 0.13, 0.16, 0.0), strict=True))
RATES = {
    "sp_referrals": 26_100, "sp_people": 24_400, "sp_link_workers": 118, "sdm_situations": 14, "sdm_priority_areas": 5,
    "sdm_conversations": 8_420, "pam_people": 20_950, "pam_people_with_plan": 9_310, "pcsp_active": 22_740,
    "phb_people": 4_633, "phb_active": 2_105, "upc_people": 61_200, "choice_standards": 88.89, "choice_ers": 93.4,
    "sdm_collaborate": 61.25, "sdm_collaborate_mean": 7.42, "phb_with_plan": 99.97,
}  # fmt: skip


class Point(NamedTuple):
    instant: int
    value: float | None
    numerator: int
    denominator: int | None


class Value(NamedTuple):
    kpi: str
    area: str
    year: int
    value: float | None
    numerator: int
    denominator: int | None


@dataclass
class Story:
    """An answer whose numbers follow from the instant. `scale` 0 is an empty log."""

    oldest: int
    scale: float = 1.0
    years: int = 3
    values: list[Value] = field(init=False)

    def __post_init__(self) -> None:
        last = year_of(self.oldest - 1)
        self.values = [
            Value(kpi.id, area, year, *self._at(kpi, area, year, min(self.oldest, end_of(year))))
            for kpi in CATALOGUE.kpis
            for area in (NCL, *BOROUGHS, NCL_ONLY)
            if area != NCL_ONLY or (kpi.id == "sp_link_workers" and self.scale)
            for year in range(last - self.years + 1, last + 1)
        ]

    def course(self, kpi: str, area: str, year: int) -> Sequence[Point]:
        until = min(self.oldest, end_of(year))
        ends = [midnight(date(year + (month > 8), (month + 3) % 12 + 1, 1)) for month in range(12)]
        instants = [*(end for end in ends if end < until), until]
        return [Point(instant, *self._at(CATALOGUE[kpi], area, year, instant)) for instant in instants]

    def _at(self, kpi: Kpi, area: str, year: int, instant: int) -> tuple[float | None, int, int | None]:
        gone = (instant - start_of(year)) / (end_of(year) - start_of(year))
        part = 1.0 if area == NCL else 0.02 if area == NCL_ONLY else PARTS[area]
        rate = RATES.get(kpi.id, 100) * self.scale
        if kpi.kind_of_value == "count":
            begun = 0.72 if kpi.course == "standing" else 0.0
            slack = 1 - 0.09 * (year_of(self.oldest - 1) - year)
            grown = begun + (1 - begun) * gone * (1.06 - 0.06 * gone)
            number = int(rate * part * slack * grown) if kpi.additive else int(rate * gone * min(1, part * 4))
            return number, number, None
        denominator = int(1_480 * part * gone * self.scale)
        if denominator < (25 if kpi.id.startswith("sdm") else 1):
            return None, 0, denominator
        drift = 0 if area == NCL else (part - 0.2) * 10
        value = min(100.0, round(rate + drift - 4 * (1 - gone), 2)) if kpi.kind_of_value == "share" else 7.42
        return value, int(denominator * value / 100), denominator


@dataclass
class StoryWhole:
    """Stands in for the whole. Set `answering` to what it shall answer."""

    answering: Story | None = None
    partitions: list[int] = field(default_factory=lambda: list(range(12)))
    missing: list[int] = field(default_factory=list)
    lags: dict[int, int | None] = field(default_factory=dict)
    ends_age: float = 0.5

    @property
    def log_written(self) -> int | None:
        return self.answering.oldest - 7 * SECOND if self.answering and self.answering.scale else None

    def answer(self):
        return self.answering or Nothing()

    def lag(self, number: int) -> int | None:
        return self.lags.get(number, 0)


@dataclass
class Nothing:
    """The answer before all is counted."""

    oldest: int | None = None
    values: Sequence[Value] = ()

    def course(self, *_asked: object) -> Sequence[Point]:
        raise AssertionError("there is nothing to ask of an answer that is not complete")


def well() -> Health:
    return Health()


def board(whole: StoryWhole, clock: Clock, *, ready: Probe = well, reading: Sequence[Progress] = ()) -> Board:
    views = Views(CATALOGUE, TARGETS, Standings(CATALOGUE, TARGETS))
    return Board(whole, views, reading=lambda: list(reading), ready=ready, clock=clock)


def story_at(clock: Clock, scale: float = 1.0) -> Story:
    return Story(instant_of(clock.now()), scale)
