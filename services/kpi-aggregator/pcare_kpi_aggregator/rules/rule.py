"""What every rule does: count one subject, and finish the sums of all subjects into the KPI's value."""

from typing import NamedTuple, Protocol

from pcare_kpi_aggregator.reading import Reading
from pcare_kpi_aggregator.sums import Seen


class Value(NamedTuple):
    """A KPI's value, and what it is made of. A count is its own numerator and has no denominator.

    `value` is None for a share or a mean that nothing, or too little, stands behind.
    """

    value: int | float | None
    numerator: int
    denominator: int | None


class Rule(Protocol):
    """How one KPI is counted."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of event that it reads."""
        ...

    @property
    def starting(self) -> frozenset[str]:
        """Those of them without any of which it counts nothing."""
        ...

    @property
    def one_by_one(self) -> bool:
        """Whether each event counts by itself, whatever else is known of its subject."""
        ...

    @property
    def by_likeness(self) -> bool:
        """Whether what a single fact counts for, once it has happened, is decided by what it is like: see `facts`."""
        ...

    def count(self, reading: Reading) -> None:
        """Add what one subject contributes at the reading's instant. Only additive parts are ever counted."""
        ...

    def finish(self, seen: Seen) -> Value:
        """Return the KPI's value from the sums of one area."""
        ...


def a_count(number: int) -> Value:
    """Return the value that is a plain number."""
    return Value(number, number, None)


def a_share(numerator: int, denominator: int, *, at_least: int = 1) -> Value:
    """Return a percentage, rounded half up to two decimals; no value of fewer than `at_least`."""
    return Value(_quotient(100 * numerator, denominator) if denominator >= at_least else None, numerator, denominator)


def a_mean(total: int, numbers: int, *, enough: bool) -> Value:
    """Return a mean, rounded half up to two decimals; no value where there is not `enough`."""
    return Value(_quotient(total, numbers) if numbers and enough else None, total, numbers)


def _quotient(numerator: int, denominator: int) -> float:
    hundredths = (200 * numerator + denominator) // (2 * denominator)  # exact: no float before it is rounded
    return hundredths / 100
