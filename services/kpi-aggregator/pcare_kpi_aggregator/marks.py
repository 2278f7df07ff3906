"""What the catalogue asks of payloads, answered once an event, when it is decoded.

A rule may count only the events that pass a filter, or add up what a field holds. The payload itself is not kept: a
fact carries one bit a filter and one number an amount, and rules that ask the same share them.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from pcare_schemas.kpis.filters import Filter
from pcare_schemas.kpis.payload_fields import is_list

DAYS = frozenset({"starts"})
"""The fields that are read as a day, not as the text that JSON has."""

Predicate = Callable[[Any], bool]
"""Whether a payload passes a filter. The payload has its fields as attributes."""


class Amount(NamedTuple):
    """What is added up: the sum of whole numbers, or the number of elements of a list."""

    fields: tuple[str, ...]
    elements: bool = False


class Asked:
    """The filters and amounts of one kind of event."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
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
    def looked_at(self) -> set[str]:
        """The fields of the payload that filters look at."""
        return set().union(*(wanted.fields for wanted in self._filters))

    @property
    def added_up(self) -> set[str]:
        """The fields whose whole numbers are added up; every event states them."""
        return set().union(*(amount.fields for amount in self._amounts if not amount.elements))

    @property
    def lists(self) -> set[str]:
        """The fields whose elements are counted."""
        return set().union(*(amount.fields for amount in self._amounts if amount.elements))

    def mask(self, wanted: Filter) -> int:
        """Return the bit of a filter; 0 for one that everything passes."""
        if not wanted:
            return 0
        if wanted not in self._filters:
            bit = 1 << len(self._filters)
            self._filters[wanted] = bit
            self._predicates.append((bit, _predicate(self._kind, wanted)))
        return self._filters[wanted]

    def amount(self, amount: Amount) -> int:
        """Return the place of an amount among a fact's `amounts`."""
        if amount not in self._amounts:
            self._amounts[amount] = len(self._amounts)
            self._measures.append(_length(*amount.fields) if amount.elements else _sum(amount.fields))
        return self._amounts[amount]

    def marks(self, data: Any) -> int:
        """Return the bits of the filters that a payload passes."""
        marks = 0
        for bit, passes in self._predicates:
            if passes(data):
                marks |= bit
        return marks

    def amounts(self, data: Any) -> tuple[int, ...]:
        """Return what a payload adds up to."""
        return tuple([measure(data) for measure in self._measures])


class AskedByKind(dict[str, Asked]):
    """What the catalogue asks of each kind."""

    def __missing__(self, kind: str) -> Asked:
        asked = self[kind] = Asked(kind)
        return asked


def _predicate(kind: str, wanted: Filter) -> Predicate:
    """Return the filter as a function of attributes: many times as fast as one of names.

    The values are of the field's own type, as the catalogue was checked: so true is not taken for 1.
    """
    tests = [_is_given(field) for field in wanted.given]
    tests += [_holds(kind, field, {value for _, value in values}, default) for field, values, default in wanted.wanted]
    if len(tests) == 1:
        return tests[0]

    def passes(data: Any) -> bool:
        for test in tests:  # noqa: SIM110 - a generator would cost more than the tests
            if not test(data):
                return False
        return True

    return passes


def _is_given(field: str) -> Predicate:
    value_of = attrgetter(field)
    return lambda data: value_of(data) is not None


def _holds(kind: str, field: str, values: set[Any], default: Any) -> Predicate:
    value_of = attrgetter(field)
    if is_list(kind, field):
        return lambda data: not values.isdisjoint(value_of(data) or default or ())
    if default in values:
        values.add(None)
    if field in DAYS:
        return lambda data: str(value_of(data)) in values
    return lambda data: value_of(data) in values


def _sum(fields: tuple[str, ...]) -> Callable[[Any], int]:
    if len(fields) == 1:
        return attrgetter(*fields)
    values_of = attrgetter(*fields)
    return lambda data: sum(values_of(data))


def _length(field: str) -> Callable[[Any], int]:
    value_of = attrgetter(field)
    return lambda data: len(value_of(data))
