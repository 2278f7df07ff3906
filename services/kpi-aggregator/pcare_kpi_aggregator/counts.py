"""Additive counts: by part, borough and month. Only these are ever added up; `finish` turns sums into KPIs.

Inside a partition a cell is a place in a list of numbers, so that a count moves by an addition and a snapshot is a
copy of that list. To others counts are *lines*: for each part and borough, a first month and a number a month.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

Cell = tuple[str, str, int]
"""One count: the part (a KPI's id, or the id and what of it), the borough (GSS code), the month."""

Line = tuple[int, ...]
"""The first month, and the count of that month and of each one after it."""

Lines = Mapping[tuple[str, str], Line]
"""The counts by part and borough. What is zero throughout is not there."""

_NOTHING = 0  # the place of a number that stays zero: of the months of a line that have no cell


def lines_of(cells: Mapping[Cell, int]) -> Lines:
    """Return counts as lines."""
    counts = Counts()
    counts.move(counts.places(cells), list(cells.values()))
    return counts.snapshot().lines()


def cells_of(lines: Lines) -> dict[Cell, int]:
    """Return the counts that are not zero, cell by cell."""
    return {
        (part, borough, line[0] + month): count
        for (part, borough), line in lines.items()
        for month, count in enumerate(line[1:])
        if count
    }


class _Places(dict[Cell, int]):
    """Where each cell's number is; a new cell gets the next place."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__()
        self._numbers = numbers

    def __missing__(self, cell: Cell) -> int:
        place = self[cell] = len(self._numbers)
        self._numbers.append(0)
        return place


class Counts:
    """The counts of one partition, as they move."""

    def __init__(self) -> None:
        self._numbers = [0]
        self._places = _Places(self._numbers)
        self._layout = _Layout(self._places)

    def places(self, cells: Iterable[Cell]) -> tuple[int, ...]:
        """Return the places of cells: a small way to remember what was counted."""
        return tuple(map(self._places.__getitem__, cells))

    def move(self, places: Iterable[int], by: Iterable[int]) -> None:
        """Count so many more in each place."""
        numbers = self._numbers
        for place, number in zip(places, by, strict=True):
            numbers[place] += number

    def take_back(self, places: Iterable[int], counted: Iterable[int]) -> None:
        """Count so many fewer in each place."""
        numbers = self._numbers
        for place, number in zip(places, counted, strict=True):
            numbers[place] -= number

    def snapshot(self) -> "Snapped":
        """Return the counts as they are now."""
        return Snapped(self._numbers.copy(), self._layout)


class Snapped:
    """Counts as they were at one moment. The lines are made when somebody asks for them."""

    __slots__ = ("_layout", "_lines", "_numbers")

    def __init__(self, numbers: list[int], layout: "_Layout") -> None:
        self._numbers = numbers
        self._layout = layout
        self._lines: Lines | None = None

    def __eq__(self, other: object) -> bool:
        """Say whether the counts are the same, quickly where nothing was added in between."""
        if isinstance(other, Snapped) and self._layout is other._layout and self._numbers == other._numbers:
            return True
        return isinstance(other, Snapped | Told) and self.lines() == other.lines()

    __hash__ = None  # type: ignore[assignment]

    def lines(self) -> Lines:
        """Return the counts as lines. On one thread only, as all snapshots of a partition share their layout."""
        if self._lines is None:
            self._lines = self._layout.lines(self._numbers)
        return self._lines


class Told:
    """Counts that came as lines, from another worker."""

    __slots__ = ("_lines",)

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __eq__(self, other: object) -> bool:
        """Say whether the counts are the same."""
        return isinstance(other, Snapped | Told) and self.lines() == other.lines()

    __hash__ = None  # type: ignore[assignment]

    def lines(self) -> Lines:
        """Return the counts as lines."""
        return self._lines


class _Layout:
    """Which places make up each line. It only grows, as cells do."""

    def __init__(self, places: Mapping[Cell, int]) -> None:
        self._places = places
        self._seen = 0
        self._lines: dict[tuple[str, str], dict[int, int]] = {}
        self._makers: dict[tuple[str, str], tuple[int, Callable[[list[int]], tuple[int, ...]]]] = {}

    def lines(self, numbers: list[int]) -> Lines:
        """Return the lines that a copy of the numbers makes up."""
        self._catch_up()
        padded = numbers + [0] * (self._seen + 1 - len(numbers))  # cells that are newer than the copy
        lines: dict[tuple[str, str], Line] = {}
        for key, (first, make) in self._makers.items():
            counts = make(padded)
            if any(counts):
                lines[key] = (first, *counts)
        return lines

    def _catch_up(self) -> None:
        new = list(self._places.items())[self._seen :]
        self._seen += len(new)
        changed = {}
        for (part, borough, month), place in new:
            changed[part, borough] = line = self._lines.setdefault((part, borough), {})
            line[month] = place
        for key, line in changed.items():
            months = range(min(line), max(line) + 2)  # one more than there are, for of one place no tuple is made
            self._makers[key] = (months[0], itemgetter(*[line.get(month, _NOTHING) for month in months]))
