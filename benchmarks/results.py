"""Figures of several runs: medians, and ratios to a ceiling that was taken in the same run."""

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one run. `ceiling` is what the same run says is possible, if that makes sense."""

    part: str
    name: str
    unit: str
    value: float
    ceiling: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A figure over all runs. `ratio` is the median of the ratios, each within its own run."""

    part: str
    name: str
    unit: str
    median: float
    lowest: float
    highest: float
    ratio: float | None


def rows(runs: list[list[Figure]]) -> list[Row]:
    """Return a row for each figure, in the order of the first run."""
    return [_row([run[index] for run in runs]) for index in range(len(runs[0]))]


def _row(figures: list[Figure]) -> Row:
    values = [figure.value for figure in figures]
    ratios = [figure.value / figure.ceiling for figure in figures if figure.ceiling]
    last = figures[-1]
    ratio = median(ratios) if ratios else None
    return Row(last.part, last.name, last.unit, median(values), min(values), max(values), ratio)
