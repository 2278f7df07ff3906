"""The whole, put together from each partition's latest partial: what any worker answers with, whoever is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pcare_common.clock import Clock
from pcare_kpi_aggregator.finish import Finished, KpiValue, Point
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.partials import Partial
from pcare_kpi_aggregator.partition import NOTHING_APPLIED
from pcare_kpi_aggregator.years import MILLISECOND, SECOND, instant_of

CLOCK_BEARABLE = 60 * SECOND
"""How far apart workers' clocks may be."""

ENDS_HOLD_SECONDS = 5.0
"""For how long an answer about where the log ends is good for a lag. It is asked for every second."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The KPIs of all partitions. `values` is empty unless `complete`: part of a sum is no number.

    `oldest` and `latest` are the instants of the partitions that are furthest behind and ahead; at rest they are the
    same within a heartbeat.
    """

    complete: bool
    oldest: int | None
    latest: int | None
    values: list[KpiValue]
    finished: Finished | None = None

    def course(self, kpi: str, area: str, year: int) -> list[Point]:
        """Return how a KPI went through a year, to the instant `oldest`: nothing unless `complete`."""
        return [] if self.finished is None else self.finished.course(kpi, area, year)


class Whole:
    """Keeps, for each of the log's partitions, the best partial of this worker's own catalogue."""

    def __init__(self, fold: Fold, catalogue: str, clock: Clock, partitions: Iterable[int] = ()) -> None:
        self._fold = fold
        self._clock = clock
        self._ends_known_at = clock.monotonic()
        self._catalogue = catalogue
        self.partitions = sorted(partitions)
        """The log's partitions; empty until they are known."""
        self._ends: dict[int, int] = {}
        self.read_from_the_start = False
        """Set once all partials that were there at the start have been offered."""
        self._best: dict[int, tuple[Partial, int]] = {}
        self._offers = 0
        self._answer: Answer | None = None  # until anything changes that it was made of

    @property
    def best(self) -> Mapping[int, Partial]:
        """The partial that counts for each partition that has one."""
        return {partition: partial for partition, (partial, _) in self._best.items()}

    @property
    def offers(self) -> int:
        """How many partials were offered so far: say it to `log_ends` to mark when the ends were asked for."""
        return self._offers

    def offer(self, partial: Partial) -> None:
        """Take a partial into account, from the topic or from this worker."""
        self._offers += 1
        if partial.catalogue != self._catalogue or partial.partition not in self.partitions:
            return
        if partial.snapshot.at > instant_of(self._clock.now()) + CLOCK_BEARABLE:
            return  # counted by a clock that runs ahead: taken, it would hide the true counts until then
        held = self._best.get(partial.partition)
        if held is None or partial.rank > held[0].rank:
            self._best[partial.partition] = (partial, self._offers)
            self._answer = None

    def log_ends(self, ends: Mapping[int, int], *, asked_after: int) -> None:
        """Take note of where the log ends; `asked_after` are the `offers` before the ends were asked for.

        A partial of before that claims more than the log holds belongs to a topic that is no more: it is dropped.
        """
        self._ends, self._ends_known_at = dict(ends), self._clock.monotonic()
        for partition, (partial, offered) in list(self._best.items()):
            beyond = partial.snapshot.applied_through >= ends.get(partition, 0)
            if offered <= asked_after and beyond and partial.snapshot.applied_through > NOTHING_APPLIED:
                del self._best[partition]
                self._answer = None

    @property
    def log_written(self) -> int | None:
        """When the newest event counted was written to the log; None while there is none."""
        written = [one.snapshot.log_written for one in self.best.values() if one.snapshot.log_written is not None]
        return max(written) * MILLISECOND if written else None

    @property
    def missing(self) -> list[int]:
        """The partitions of which nothing is known."""
        return [partition for partition in self.partitions if partition not in self._best]

    @property
    def complete(self) -> bool:
        """Whether every partition's counts are known, and were held against the log's ends."""
        return self.read_from_the_start and bool(self._ends) and not self.missing

    def lag(self, partition: int) -> int | None:
        """Return how many offsets of a partition are not counted; None while it is not known where the log ends."""
        end, held = self._ends.get(partition), self._best.get(partition)
        if end is None or self._clock.monotonic() - self._ends_known_at > ENDS_HOLD_SECONDS:
            return None
        applied_through = NOTHING_APPLIED if held is None else held[0].snapshot.applied_through
        return max(0, end - 1 - applied_through)

    @property
    def ends_age(self) -> float:
        """How many seconds ago Kafka said where the log ends; since the start, if it never did."""
        return self._clock.monotonic() - self._ends_known_at

    def answer(self) -> Answer:
        """Return the finished KPIs."""
        answer = self._answer
        if answer is None or answer.complete is not self.complete:
            answer = self._answer = self._make_answer()
        return answer

    def _make_answer(self) -> Answer:
        instants = [partial.snapshot.at for partial, _ in self._best.values()]
        oldest, latest = (min(instants), max(instants)) if instants else (None, None)
        if not self.complete or oldest is None:
            return Answer(complete=False, oldest=oldest, latest=latest, values=[])
        told = [partial.snapshot.counts.lines() for partial, _ in self._best.values()]
        finished = Finished(self._fold.rules, told, oldest)
        return Answer(True, oldest, latest, finished.values(), finished)
