"""The value types that the envelope and the payloads are made of.

Every string of an event is one of these patterns, a closed list of words, or a code of a code list. None of them
holds a space, so no name and no sentence can hide in an event.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

INSTANT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
REF_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
CODE_PATTERN = r"^[A-Za-z0-9_.-]{1,32}$"
EARLIEST_DAY = dt.date(2000, 1, 1)
LATEST_DAY = dt.date(2099, 12, 31)

_Item = TypeVar("_Item", int, str)


def each_once(values: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """Put a set that came as an array into one order, so that a retry in another order is the same content.

    Raises PydanticCustomError when something is named twice.
    """
    if len(set(values)) != len(values):
        raise PydanticCustomError(
            "named_twice", "Something is named twice here: name each once.", {"expected": "each value once"}
        )
    return tuple(sorted(values))


def to_decimals(places: int) -> Callable[[float], float]:
    """Make the check that a number has no more decimals than these."""

    def check(value: float) -> float:
        if round(value, places) != value:
            raise PydanticCustomError(
                "decimals", "Too many decimals.", {"expected": f"at most {places} decimal{'s' * (places > 1)}"}
            )
        return value

    return check


class Strict(BaseModel):
    """What all models share: no coercion, no unknown fields, no change after checking, no infinity."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, eq=False)
class _Text:
    """Reads a date or time from text of one shape only.

    Pydantic by itself also takes a bare number of seconds, and a day where an instant is meant.
    """

    pattern: str
    format: str
    schema: CoreSchema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=self.pattern, strict=True)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.chain_schema([text, self.schema]), python_schema=self.schema
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": self.format, "pattern": self.pattern}


def _in_utc(instant: dt.datetime) -> dt.datetime:
    try:
        return instant.astimezone(dt.UTC)
    except OverflowError:
        raise PydanticCustomError("datetime_range", "No such date and time.") from None


Instant = Annotated[
    dt.datetime,
    _Text(
        INSTANT_PATTERN,
        "date-time",
        core_schema.no_info_after_validator_function(
            _in_utc, core_schema.datetime_schema(strict=False, tz_constraint="aware")
        ),
    ),
]
"""RFC 3339 with an offset; read as UTC. What is finer than a microsecond is cut off."""

Day = Annotated[
    dt.date,
    _Text(DAY_PATTERN, "date", core_schema.date_schema(strict=False, ge=EARLIEST_DAY, le=LATEST_DAY)),
]
"""A calendar day in London, 2000 to 2099."""

Ref = Annotated[str, Field(pattern=REF_PATTERN)]
"""A reference or id given by an organisation: 1 to 64 of A-Z a-z 0-9 . _ : -"""

Code = Annotated[str, Field(pattern=CODE_PATTERN)]
"""A code of a code list; which codes are valid on which day is data, not a pattern."""

Source = Annotated[str, Field(pattern=r"^[!#$&-;=?-Z_a-z~]{1,200}$")]
"""The organisation, as a URI; which organisations there are is the provider register's to say."""

OrganisationCode = Annotated[str, Field(pattern=r"^([A-Z0-9]{3,8}|[a-z0-9]+(-[a-z0-9]+)*)$", max_length=64)]
"""An ODS code (RKE), or the slug of an organisation without one, as in the provider register."""

Pcn = Annotated[str, Field(pattern=r"^U[0-9]{5}$")]
OdsCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{3,8}$")]
