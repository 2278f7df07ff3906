"""What the catalogue asks of payloads, answered once an event, when it is decoded.

A rule may count only the events that pass a filter, or add up what a field holds. The payload itself is not kept: a
fact carries one bit a filter and one number an amount, and rules that ask the same share them.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from pcare_schemas.kpis.filters import Filter

Predicate = Callable[[Any], bool]
"""Whether a payload passes a filter. The payload has its fields as attributes."""


class Amount(NamedTuple):
    """What is added up: the sum of whole numbers, or the number of elements of a list."""

    fields: tuple[str, ...]
    elements: bool = False


class Asked:
    """The filters and amounts of one kind of event."""

    def __init__(self) -> None:
        self._filters: dict[Filter, int] = {}
        self._predicates: list[tuple[int, Predicate]] = []
        self._amounts: dict[Amount, int] = {}
        self._measures: list[Callable[[Any], int]] = []

    @property
    def has_filters(self) -> bool:
        """Whether there is any filter to try."""
        return bool(self._filters)

    @property
    def has_amounts(self) -> bool:
        """Whether there is anything to add up."""
        return bool(self._amounts)

    @property
    def fields(self) -> set[str]:
        """The fields of the payload that are looked at."""
        filters = (wanted.fields for wanted in self._filters)
        return set().union(*filters, *(amount.fields for amount in self._amounts))

    def mask(self, wanted: Filter) -> int:
        """Return the bit of a filter; 0 for one that everything passes."""
        if not wanted:
            return 0
        if wanted not in self._filters:
            bit = 1 << len(self._filters)
            self._filters[wanted] = bit
            self._predicates.append((bit, _predicate(wanted)))
        return self._filters[wanted]

    def amount(self, amount: Amount) -> int:
        """Return the place of an amount among a fact's `amounts`."""
        if amount not in self._amounts:
            self._amounts[amount] = len(self._amounts)
            self._measures.append(_length(amount.fields[0]) if amount.elements else _sum(amount.fields))
        return self._amounts[amount]

    def marks(self, data: Any) -> int:
        """Return the bits of the filters that a payload passes."""
        marks = 0
        for bit, passes in self._predicates:
            if passes(data):
                marks |= bit
        return marks

    def amounts(self, data: Any) -> tuple[int, ...]:
        """Return what a payload adds up to. Raises ValueError where a field that every event states is missing."""
        return tuple([measure(data) for measure in self._measures])


class AskedByKind(defaultdict[str, Asked]):
    """What the catalogue asks of each kind."""

    def __init__(self) -> None:
        super().__init__(Asked)

    @property
    def fields(self) -> set[str]:
        """All fields that are looked at, of whatever kind."""
        return set().union(*(asked.fields for asked in self.values()))


def _predicate(wanted: Filter) -> Predicate:
    """Return the filter as a function of attributes."""
    fields = sorted(wanted.fields)

    def passes(data: Any) -> bool:
        return wanted.passes({field: _json(getattr(data, field)) for field in fields})

    return passes


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _sum(fields: tuple[str, ...]) -> Callable[[Any], int]:
    return lambda data: sum([_stated(data, field) for field in fields])


def _length(field: str) -> Callable[[Any], int]:
    return lambda data: len(_stated(data, field))


def _stated(data: Any, field: str) -> Any:
    value = getattr(data, field)
    if value is None:
        raise ValueError(f"a checked event has no {field}")
    return value
