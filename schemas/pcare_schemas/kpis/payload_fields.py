"""What the contract says of the fields of a kind's payload: their types, code lists, defaults and references."""

import difflib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pcare_schemas import code_lists
from pcare_schemas.envelope import Payload
from pcare_schemas.kinds import KINDS
from pcare_schemas.retraction import EventRetracted

COUNTED_KINDS: tuple[str, ...] = tuple(kind for kind in KINDS if kind != EventRetracted.KIND)
"""The kinds that a rule may name. A retraction takes back; it is nothing to count."""

REFERENCE_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "choice-offered": "referral_ref",
        "sp-referral": "referral_ref",
        "sp-declined": "referral_ref",
        "sp-closed": "referral_ref",
        "link-worker-joined": "pcn",
        "link-worker-left": "pcn",
        "sdm-conversation": "conversation_ref",
        "self-management-referral": "referral_ref",
        "self-management-completed": "referral_ref",
        "care-plan-agreed": "plan_ref",
        "care-plan-reviewed": "plan_ref",
        "care-plan-ended": "plan_ref",
        "phb-issued": "budget_ref",
        "phb-ended": "budget_ref",
    }
)
"""The field of `data` that names the episode, plan, budget or post, for the kinds that have one.

A link worker's post is named by its primary care network alone, whoever states it; any other reference holds within
the organisation that gave it.
"""


def unlike(name: str, known: tuple[str, ...], what: str) -> str:
    """Say that `name` is none of the known, and which of them are most like it."""
    alike = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    hint = " or ".join(repr(one) for one in alike)
    return f"{name!r} is not {what}" + (f": did you mean {hint}?" if hint else f": one of {', '.join(known)}")


@cache
def payload_of(kind: str) -> type[Payload]:
    """Return the payload model of a kind."""
    model = KINDS[kind].model_fields["data"].annotation
    assert isinstance(model, type)  # noqa: S101 -- so it is for every kind of the contract
    return model


def field_names(kind: str) -> tuple[str, ...]:
    """Return the names of a kind's payload fields."""
    return tuple(payload_of(kind).model_fields)


def default_of(kind: str, field: str) -> Any:
    """Return what a field holds where the text leaves it out; None where nothing is then stated.

    The recorder writes defaults out, so that a recorded event lacks only what was not stated.
    """
    info = payload_of(kind).model_fields[field]
    return None if info.is_required() else info.default


def is_required(kind: str, field: str) -> bool:
    """Say whether every event of the kind states the field."""
    return payload_of(kind).model_fields[field].is_required()


MAY_LACK_REFERENCE: frozenset[str] = frozenset(
    kind for kind, field in REFERENCE_FIELDS.items() if not is_required(kind, field)
)
"""The kinds whose events need not give their reference. One without it is no episode, and opens and ends nothing."""


def is_list(kind: str, field: str) -> bool:
    """Say whether the field holds a list."""
    return any(get_origin(inner) is tuple for inner in _alternatives(_type_of(payload_of(kind).model_fields[field])))


def is_whole_number(kind: str, field: str) -> bool:
    """Say whether the field holds a whole number and nothing else."""
    return payload_of(kind).model_fields[field].annotation is int


def longest(kind: str, field: str) -> int | None:
    """Return how many elements a list field may hold, if there is a limit."""
    limits = [limit for item in payload_of(kind).model_fields[field].metadata if (limit := _max_length(item))]
    return min(limits, default=None)


def refusal(kind: str, field: str, value: Any) -> str | None:
    """Return why no event of the kind can hold `value` (a JSON value) in the field, or as one of its elements."""
    try:
        _adapter(kind, field).validate_python(value)
    except ValidationError as error:
        return f"{value!r}: {error.errors()[0]['msg']}"
    name = payload_of(kind).CODE_FIELDS.get(field)
    if name is None:
        return None
    codes = _codes(name, kind)
    return None if str(value) in codes else unlike(str(value), codes, f"a code of the list {name}")


@cache
def _adapter(kind: str, field: str) -> TypeAdapter[Any]:
    """Make the check of one value of a field: of an element, where the field holds a list."""
    for inner in _alternatives(_type_of(payload_of(kind).model_fields[field])):
        if get_origin(inner) is tuple:
            return _strict(get_args(inner)[0])
    return _strict(_type_of(payload_of(kind).model_fields[field]))


def _strict(of: Any) -> TypeAdapter[Any]:
    return TypeAdapter(of, config={"strict": True})


def _type_of(info: FieldInfo) -> Any:
    """Return a field's type with its limits."""
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def _alternatives(of: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type by itself, without limits."""
    bare = get_args(of)[0] if get_origin(of) is Annotated else of
    members = get_args(bare) if get_origin(bare) is not tuple else ()
    return (bare, *members)


def _max_length(item: Any) -> int | None:
    limit = getattr(item, "max_length", None)
    return limit if isinstance(limit, int) else None


@cache
def _codes(name: str, kind: str) -> tuple[str, ...]:
    """Return all codes that a list has held: past years are counted too. SNOMED CT has one list a kind."""
    codes = code_lists.built_in()[name].codes.values()
    return tuple(code.code for code in codes if not code.kinds or kind in code.kinds)
