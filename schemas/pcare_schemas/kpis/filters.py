"""Which events a rule looks at: by what their payloads hold (`where`) and by what they state at all (`given`)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from pcare_schemas.kpis import payload_fields
from pcare_schemas.kpis.payload_fields import unlike

Scalar = bool | int | float | str
Mistake = tuple[tuple[str | int, ...], str]
"""Where in an entry, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A pure predicate over payloads of one kind, as they stand in the log.

    `wanted` is, for each field, its wanted values and what it holds where the payload leaves it out.
    """

    wanted: tuple[tuple[str, frozenset[tuple[bool, Scalar]], Any], ...] = ()
    given: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: str, where: Mapping[str, Sequence[Scalar]], given: Sequence[str]) -> Self:
        """Make the filter of a kind from checked `where` and `given`."""
        wanted = tuple(
            (field, frozenset(map(_json_value, values)), payload_fields.default_of(kind, field))
            for field, values in where.items()
        )
        return cls(wanted, tuple(given))

    def __bool__(self) -> bool:
        """Say whether anything is asked at all."""
        return bool(self.wanted or self.given)

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it looks at."""
        return frozenset(self.given).union(field for field, _, _ in self.wanted)

    def passes(self, data: Mapping[str, Any]) -> bool:
        """Say whether a payload holds all that is wanted and states all that must be given.

        A field that holds a list holds each of its elements. A missing field holds the default of the payload model,
        if it has one; else it holds nothing. Values are compared as JSON has them: 9 is 9.0, and true is not 1.
        """
        if any(data.get(field) is None for field in self.given):
            return False
        for field, values, default in self.wanted:
            held = data.get(field)
            if held is None:
                held = default
            if held is None or not any(_json_value(one) in values for one in _elements(held)):
                return False
        return True


def _elements(held: Any) -> Sequence[Any]:
    return held if isinstance(held, list | tuple) else (held,)


def _json_value(value: Scalar) -> tuple[bool, Scalar]:
    return value.__class__ is bool, value


class Entry(BaseModel):
    """What all entries of the catalogue and of the targets share."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Filtered(Entry):
    """An entry with a filter. One value of a field may stand for a list of one."""

    where: dict[str, list[Any]] = {}
    given: list[str] = []

    @field_validator("where", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, where: Any, _: ValidationInfo) -> Any:
        if not isinstance(where, dict):
            return where
        return {field: values if isinstance(values, list) else [values] for field, values in where.items()}

    def filter_for(self, kind: str) -> Filter:
        """Return the filter, as it looks at events of a kind."""
        return Filter.of(kind, self.where, self.given)

    def mistakes(self, kind: str) -> Iterator[Mistake]:
        """Give what in the filter cannot hold for any event of a known kind."""
        known = payload_fields.field_names(kind)
        for field, values in self.where.items():
            if field not in known:
                yield ("where", field), unlike(field, known, f"a field of {kind}")
                continue
            if not values:
                yield ("where", field), "no value is named, so no event could pass"
            for value in values:
                if not isinstance(value, bool | int | float | str):
                    yield ("where", field), f"{value!r} is not true, false, a number or a text"
                elif reason := payload_fields.refusal(kind, field, value):
                    yield ("where", field), reason
        for index, field in enumerate(self.given):
            if field not in known:
                yield ("given", index), unlike(field, known, f"a field of {kind}")


def refuse(title: str, mistakes: Sequence[Mistake]) -> None:
    """Raise a ValidationError that names every mistake at its own place; return if there is none."""
    if mistakes:
        raise ValidationError.from_exception_data(
            title,
            [
                InitErrorDetails(
                    type=PydanticCustomError("catalogue", "{reason}", {"reason": reason}), loc=loc, input=None
                )
                for loc, reason in mistakes
            ],
        )
