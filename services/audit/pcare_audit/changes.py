"""Why a number is another one now: what each thing that became known meanwhile moved it by, to the last one.

Everything that became known between two instants is told again, in the order in which it was recorded, to each person's
history by itself. The number moves, or does not, with each; so much is that event's. These moves add up to the whole
difference by construction, and `Changes.rest` says so: the two numbers are counted apart from them, over all facts.

What an event moves depends on what was known before it: the second of two events that say the same moves nothing.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pcare_audit.facts import History, facts_of
from pcare_audit.knowledge import Merged, as_told, first_told, is_merge, known, order_told, person_of
from pcare_audit.sums import Counted, Counts, Place, Sums, kinds_read, tallies
from pcare_schemas.kinds import TYPES
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.rules import ReachedRule
from pcare_schemas.kpis.year_labels import label
from pcare_schemas.log import LogLine
from pcare_schemas.retraction import EventRetracted

Cell = tuple[str, str, str]
"""KPI, area, financial year."""

LISTED_AT_MOST = 10_000


class Cause(NamedTuple):
    """What sort of thing became known, and whose it is: a source; None for a merge of two persons."""

    sort: str
    source: str | None


class Move(NamedTuple):
    """What one line moved a place by."""

    place: Place
    cause: Cause
    numerator: int
    denominator: int
    line: LogLine


class Effect(NamedTuple):
    """What one line moved a number by: the number itself of a count, else what it is made of."""

    cell: Cell
    numerator: int
    denominator: int


class Told(NamedTuple):
    """A line that became known meanwhile, what sort of thing it is, and all that it moved."""

    line: LogLine
    cause: Cause
    effects: list[Effect]


class Changes:
    """Two counts for one day, by what was known at two instants, and how the one became the other.

    `known_at` is the earlier; the later is all that is handed over. `cause_of` says what sort of thing a line is.
    Portions are added one by one: no subject, and nobody of two subjects, stands in two of them; then `finish`.
    Of the lines that became known those are listed that moved a `wanted` number, LISTED_AT_MOST of them.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        at: dt.datetime,
        known_at: dt.datetime,
        cause_of: Callable[[LogLine], Cause],
        wanted: Callable[[Cell], bool] = lambda _cell: True,
    ) -> None:
        self.then: Counts = {}
        self.now: Counts = {}
        self.by_cause: dict[Cell, dict[Cause, tuple[int, int]]] = defaultdict(lambda: defaultdict(lambda: (0, 0)))
        self.moving: dict[Cell, Counter[Cause]] = defaultdict(Counter)
        """How many lines of each cause moved a number at all."""
        self.meanwhile: Counter[Cause] = Counter()
        """How many lines became known that may move a number, whether they moved any or not."""
        self.listed: dict[tuple[str, str], Told] = {}
        self.not_listed = 0
        """How many moves are of lines that were too many to be listed."""
        self._catalogue, self._at, self._known_at = catalogue, at, known_at
        self._cause_of, self._wanted = cause_of, wanted
        self._before, self._after = Sums(catalogue), Sums(catalogue)
        self._kinds = {kpi.id: kinds_read(kpi, catalogue) for kpi in catalogue.kpis}
        self._threshold = {kpi.id: kpi.rule.threshold for kpi in catalogue.kpis if isinstance(kpi.rule, ReachedRule)}
        self._reached: list[Move] = []

    def add(self, lines: Iterable[LogLine], merged: Merged) -> None:
        """Count a portion of the log, by both instants, and what moved it from the one to the other."""
        first = first_told(lines, merged)
        until = as_told(self._known_at)
        people: dict[str, list[LogLine]] = {
            person_of(line.subject, merged): [] for line in first if line.recordedat >= until
        }
        still: list[LogLine] = []
        for line in first:
            people.get(person_of(line.subject, merged), still).append(line)
        whole = Sums(self._catalogue)  # of those about whom nothing became known
        whole.add(facts_of(still), self._at)
        touched = [line for life in people.values() for line in life]
        for sums, lines_known in ((self._before, known(touched, self._known_at)), (self._after, touched)):
            sums.merge(whole)
            sums.add(facts_of(lines_known), self._at)
        for life in people.values():
            self._add_person(life, until)

    def finish(self) -> None:
        """Finish the numbers; and say what moved what is reached, which no person's events decide alone."""
        self.then, self.now = self._before.counts(), self._after.counts()
        reached = Counter({place: parts[0] for place, parts in self._before.parts.items()})
        for move in sorted(self._reached, key=lambda move: order_told(move.line)):
            threshold = self._threshold[move.place.kpi]
            stood = reached[move.place] >= threshold
            reached[move.place] += move.numerator
            self._note(move._replace(numerator=int(reached[move.place] >= threshold) - int(stood)))
        self._reached.clear()

    def rest(self, cell: Cell) -> tuple[int, int]:
        """Return what of a number's difference no line accounts for: (0, 0), or this program is wrong."""
        then, now = (_parts_of(counts.get(cell)) for counts in (self.then, self.now))
        told = self.by_cause.get(cell, {}).values()
        return (
            now[0] - then[0] - sum(numerator for numerator, _ in told),
            now[1] - then[1] - sum(denominator for _, denominator in told),
        )

    def _add_person(self, life: Sequence[LogLine], until: str) -> None:
        """Tell a person's history again from what was known on, a line at a time."""
        told = [line for line in life if line.recordedat < until]
        numbers: dict[str, Mapping[Place, tuple[int, int]]] = {}
        of_id = {(line.source, line.id): line for line in life}
        for line in sorted((line for line in life if line.recordedat >= until), key=order_told):
            concerned = self._concerned(line, of_id)
            if concerned is None:
                told.append(line)
                continue
            cause = self._cause_of(line)
            self.meanwhile[cause] += 1
            for kpi in concerned - numbers.keys():
                numbers[kpi] = self._parts(kpi, told)
            told.append(line)
            for kpi in concerned:
                now = self._parts(kpi, told)
                for move in _moves(numbers[kpi], now, cause, line):
                    if kpi in self._threshold:
                        self._reached.append(move)
                    else:
                        self._note(move)
                numbers[kpi] = now

    def _concerned(self, line: LogLine, of_id: Mapping[tuple[str, str], LogLine]) -> set[str] | None:
        """Return the KPIs that a line may move; None for a line of which it is known that it cannot move one.

        Such a line happened too late for the day, or is about events of other kinds. Of what takes back an event that
        nobody heard of, it is not known.
        """
        if is_merge(line):
            kinds = {TYPES[other.type].KIND for other in of_id.values() if other.type in TYPES}
            return {kpi for kpi, read in self._kinds.items() if read & kinds} or None
        kind = TYPES.get(line.type)
        if kind is EventRetracted:
            target = of_id.get((line.source, line.data["retracts"]))
            return set() if target is None else self._concerned(target, of_id)
        if kind is None or dt.datetime.fromisoformat(line.time) >= self._at:
            return None
        return {kpi for kpi, read in self._kinds.items() if kind.KIND in read} or None

    def _parts(self, kpi: str, lines: Sequence[LogLine]) -> Mapping[Place, tuple[int, int]]:
        one = self._catalogue[kpi]
        sums = Sums(self._catalogue)
        for tally in tallies(one, self._catalogue, History(facts_of(lines), self._at)):
            sums.add_tally(one, tally)
        return sums.parts

    def _note(self, move: Move) -> None:
        if not (move.numerator or move.denominator):
            return
        cell = (move.place.kpi, move.place.area, label(move.place.year))
        numerator, denominator = self.by_cause[cell][move.cause]
        self.by_cause[cell][move.cause] = numerator + move.numerator, denominator + move.denominator
        self.moving[cell][move.cause] += 1
        if self._wanted(cell):
            self._list(move, Effect(cell, move.numerator, move.denominator))

    def _list(self, move: Move, effect: Effect) -> None:
        key = (move.line.source, move.line.id)
        if key not in self.listed and len(self.listed) >= LISTED_AT_MOST:
            self.not_listed += 1
            return
        self.listed.setdefault(key, Told(move.line, move.cause, [])).effects.append(effect)


def _parts_of(counted: Counted | None) -> tuple[int, int]:
    return (0, 0) if counted is None else (counted.numerator, counted.denominator or 0)


def _moves(
    before: Mapping[Place, tuple[int, int]], after: Mapping[Place, tuple[int, int]], cause: Cause, line: LogLine
) -> Iterator[Move]:
    for place in before.keys() | after.keys():
        (was, of), (now, of_now) = before.get(place, (0, 0)), after.get(place, (0, 0))
        if (was, of) != (now, of_now):
            yield Move(place, cause, now - was, of_now - of, line)
