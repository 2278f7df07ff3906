"""Whether a fact is one that a rule looks at: what it must hold (`where`), and what it must state (`given`)."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import PydanticUndefined

from pcare_audit.facts import Fact
from pcare_schemas.kinds import KINDS
from pcare_schemas.kpis.filters import Filtered


def passes(fact: Fact, asked: Filtered) -> bool:
    """Say whether each field of `where` has one of its values, and each of `given` is there and not null.

    A field that holds a list has the values of its elements. A field that is left out has its kind's default, if
    there is one; else it has no value at all.
    """
    return all(_has_one_of(fact, field, values) for field, values in asked.where.items()) and all(
        fact.data.get(field) is not None for field in asked.given
    )


def _has_one_of(fact: Fact, field: str, values: Sequence[Any]) -> bool:
    held = fact.data.get(field)
    if held is None:
        held = _default(fact.kind, field)
    elements = held if isinstance(held, list | tuple) else [held]
    return any(_same(element, value) for element in elements for value in values if element is not None)


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: 9 and 9.0 are one number, and true is no number."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _default(kind: str, field: str) -> Any:
    payload: Any = KINDS[kind].model_fields["data"].annotation
    described = payload.model_fields.get(field)
    return None if described is None or described.default is PydanticUndefined else described.default
