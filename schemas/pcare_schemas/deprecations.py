"""What of the contract is on its way out: announced in answers and on the catalogue page, and judged as ever.

No verdict depends on it, so it is no part of the rules.
"""

import datetime as dt
from collections.abc import Iterable
from importlib import resources
from typing import Annotated, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from pcare_schemas.code_lists import load_yaml
from pcare_schemas.envelope import Event
from pcare_schemas.fields import Strict
from pcare_schemas.kinds import KINDS

_FILE = "deprecations.yaml"


class Deprecation(Strict):
    """A kind of event, or one field of it, that will not be taken for ever."""

    kind: str
    field: Annotated[str, Field(pattern=r"^(/data)?/[a-z0-9_]+$")] | None = None
    """JSON Pointer into the event; None: the kind as a whole."""
    since: dt.date
    sunset: dt.date | None = None
    instead: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _is_of_the_contract(self) -> Self:
        model = KINDS.get(self.kind)
        if model is None:
            raise ValueError(f"{self.kind} is no kind of event")
        if self.field is not None and self.field.rpartition("/")[2] not in _fields_at(model, self.field):
            raise ValueError(f"{self.kind} has no field {self.field}")
        if self.sunset is not None and self.sunset <= self.since:
            raise ValueError("the sunset comes after the day from which it is announced")
        return self

    @property
    def name(self) -> str:
        """Name it in one word: "sp-referral", or "sp-referral/data/referrer"."""
        return self.kind + (self.field or "")

    def is_used_by(self, event: Event) -> bool:
        """Whether `event`, of the same kind, says what is on its way out. A field that is null says nothing."""
        if self.field is None:
            return True
        field = self.field.rpartition("/")[2]
        holder: BaseModel = event.data if self.field.startswith("/data/") else event
        return field in holder.model_fields_set and getattr(holder, field) is not None


class DeprecationFile(Strict):
    """The file: a list named `deprecations`."""

    deprecations: tuple[Deprecation, ...]


class Deprecations:
    """Everything that is announced. `all` is in the order of the file."""

    def __init__(self, announced: Iterable[Deprecation] = ()) -> None:
        self.all = tuple(announced)
        self._of_kind = {
            kind: tuple(one for one in self.all if one.kind == kind) for kind in {d.kind for d in self.all}
        }

    @classmethod
    def load(cls) -> "Deprecations":
        """Read the built-in file. Raises ValueError that names it."""
        return cls.read((resources.files("pcare_schemas") / _FILE).read_text(encoding="utf-8"))

    @classmethod
    def read(cls, text: str) -> "Deprecations":
        """Read the text of such a file. Raises ValueError."""
        try:
            return cls(DeprecationFile.model_validate(load_yaml(text, _FILE), strict=False).deprecations)
        except ValidationError as error:
            raise ValueError(f"{_FILE} is not right: {error}") from error

    def used_by(self, event: Event, now: dt.datetime) -> tuple[Deprecation, ...]:
        """Return what `event` uses of that which is announced by now, an aware instant; days begin in UTC."""
        of_kind = self._of_kind.get(event.kind)
        if of_kind is None:
            return ()
        today = now.astimezone(dt.UTC).date()
        return tuple(one for one in of_kind if one.since <= today and one.is_used_by(event))


def _fields_at(model: type[Event], pointer: str) -> Iterable[str]:
    if not pointer.startswith("/data/"):
        return model.model_fields
    payload = model.model_fields["data"].annotation
    return payload.model_fields if isinstance(payload, type) and issubclass(payload, BaseModel) else ()
