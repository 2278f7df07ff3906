"""One partition's state: its subjects' facts, and their contributions added up.

A pure function of a prefix of the partition's log and of an instant: `apply` takes the log in, `settle` brings the
counts to an instant. Only one thread touches a state at a time; which one is the caller's to see to.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic

from pcare_kpi_aggregator.counts import Counts, Snapped, Told
from pcare_kpi_aggregator.decode import Decoder, UnknownTypeError
from pcare_kpi_aggregator.facts import SubjectFacts
from pcare_kpi_aggregator.fold import Fold

NOTHING_APPLIED = -1
HOT_FACTS = 1_000
"""From this many facts on, evaluating a subject anew for each batch would make a flood about it quadratic."""

_HOT_SHARE = 10  # a hot subject may take a tenth of the time
_STALE_ENTRIES_BEARABLE = 10_000
_NONE: tuple[int, ...] = ()
_MOST_UNKNOWN_TYPES = 100
OTHER_TYPES = "(others)"


class Subject(SubjectFacts):
    """One subject: its facts, what it is counted as at present, and when that may change by itself."""

    __slots__ = ("due", "numbers", "places")

    def __init__(self) -> None:
        super().__init__()
        self.places = _NONE  # where it is counted, and with which numbers: two tuples cost a quarter of a dict
        self.numbers = _NONE
        self.due: int | None = None


class FoldError(Exception):
    """The fold failed on a record of the log. Going on would leave a wrong number; `offset` says which record."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the fold failed at offset {offset}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counts of one partition: exact for the log up to and including `applied_through`, at the instant `at`.

    `log_started` is the broker's timestamp (milliseconds) of the partition's first record: it tells a topic that was
    made anew from the one before it. `log_written` is that of the last record applied. None while the partition is
    empty.
    """

    log_started: int | None
    applied_through: int
    at: int
    counts: Snapped | Told
    log_written: int | None = None


class PartitionState:
    """What is known of one partition."""

    def __init__(self, fold: Fold, decoder: Decoder, clock: Callable[[], float] = monotonic) -> None:
        self.log_started: int | None = None
        self.log_written: int | None = None
        self.applied_through = NOTHING_APPLIED
        self.at = 0
        self.unknown_types: Counter[str] = Counter()
        self._fold = fold
        self._decoder = decoder
        self._clock = clock
        self._subjects: dict[str, Subject] = {}
        self._counts = Counts()
        self._touched: dict[Subject, int] = {}  # and the offset that touched it last
        self._due: list[tuple[int, int, Subject]] = []
        self._pushed = 0
        self._numbers: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._hot_rest_until = 0.0

    def apply(self, offset: int, value: bytes | None, timestamp: int) -> None:
        """Take in one record. The counts do not move before `settle`.

        Offsets must ascend; whether one was left out is the caller's to know. Raises FoldError.
        """
        try:
            name, says = self._decoder.decode(value)
            if says is not None:
                subject = self._subjects.get(name)
                if subject is None:
                    subject = self._subjects[name] = Subject()
                if subject.add(says):
                    self._touched[subject] = offset
        except UnknownTypeError as unknown:
            self._count_unknown(unknown.args[0])
        except Exception as error:
            raise FoldError(offset) from error
        if self.log_started is None:
            self.log_started = timestamp
        self.log_written = timestamp
        self.applied_through = offset

    def skip_to(self, end: int) -> None:
        """State that the log holds no more records before the offset `end`."""
        self.applied_through = max(self.applied_through, end - 1)

    def settle(self, at: int, *, thorough: bool = False) -> bool:
        """Bring the counts to the instant `at` (never back), and say whether that is done.

        Evaluates the subjects that were touched or are due. Unless `thorough`, one with very many facts waits its turn,
        so that a flood of events about it takes time in proportion to their number; until then the answer is False and
        the counts are no snapshot. Raises FoldError.
        """
        self.at = max(self.at, at)
        later: dict[Subject, int] = {}
        for subject, offset in self._to_evaluate():
            if len(subject) >= HOT_FACTS and not thorough and not self._may_evaluate_hot():
                later[subject] = offset
                continue
            try:
                self._evaluate(subject)
            except Exception as error:
                raise FoldError(offset) from error
        self._touched = later
        return not later

    @property
    def settled(self) -> bool:
        """Whether the counts hold all that was applied."""
        return not self._touched

    @property
    def next_due(self) -> int | None:
        """The next instant at which `settle` has something to do without a new record."""
        return self._due[0][0] if self._due else None

    def snapshot(self) -> Snapshot:
        """Return the counts. Call it only when settled."""
        return Snapshot(self.log_started, self.applied_through, self.at, self._counts.snapshot(), self.log_written)

    def _to_evaluate(self) -> Iterator[tuple[Subject, int]]:
        yield from self._touched.items()
        due = self._due
        while due and due[0][0] <= self.at:
            instant, _, subject = heapq.heappop(due)
            if subject.due == instant and subject not in self._touched:
                yield subject, self.applied_through

    def _may_evaluate_hot(self) -> bool:
        return self._clock() >= self._hot_rest_until

    def _evaluate(self, subject: Subject) -> None:
        hot = len(subject) >= HOT_FACTS
        began = self._clock() if hot else 0.0
        reading = self._fold.evaluate(subject, self.at)
        counts = self._counts
        if subject.places:
            counts.take_back(subject.places, subject.numbers)
        subject.places = counts.places(reading.cells)
        subject.numbers = self._shared(tuple(reading.numbers))
        counts.move(subject.places, subject.numbers)
        self._wake(subject, reading.next_due)
        if hot:
            ended = self._clock()
            self._hot_rest_until = ended + _HOT_SHARE * (ended - began)

    def _shared(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Return the one tuple that all subjects with these numbers share: nearly all are a few ones."""
        return self._numbers.setdefault(numbers, numbers)

    def _wake(self, subject: Subject, due: int | None) -> None:
        if due is None or due == subject.due:
            subject.due = due
            return
        subject.due = due
        self._pushed += 1
        heapq.heappush(self._due, (due, self._pushed, subject))
        if len(self._due) > 2 * len(self._subjects) + _STALE_ENTRIES_BEARABLE:
            self._due[:] = [entry for entry in self._due if entry[2].due == entry[0]]
            heapq.heapify(self._due)

    def _count_unknown(self, name: str) -> None:
        known = name in self.unknown_types or len(self.unknown_types) < _MOST_UNKNOWN_TYPES
        self.unknown_types[name if known else OTHER_TYPES] += 1
