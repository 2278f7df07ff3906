"""From a record of the log to what it states. The log holds checked events only, so decoding is cheap and trusting."""

import sys
from typing import NamedTuple

import msgspec

from pcare_kpi_aggregator.facts import NO_BOROUGH, Fact, Retraction
from pcare_kpi_aggregator.kinds import RETRACTED, WITH_REF
from pcare_kpi_aggregator.years import instant_of, midnight
from pcare_schemas.envelope import type_of
from pcare_schemas.kinds import KINDS
from pcare_schemas.log import LogData, LogEvent, read_event

NO_VALUE = "(no value)"
"""Stands for the type of a record without a value."""

_KIND_OF_TYPE = {type_of(kind): sys.intern(kind) for kind in KINDS}


class Statement(NamedTuple):
    """Of whom a record speaks, and what it states: None for a kind that no KPI reads."""

    subject: str
    says: Fact | Retraction | None


class UnknownTypeError(Exception):
    """The record's type or version is not one of this program's; `args[0]` is the type.

    It is to be skipped, counted and shown: a newer program will count it.
    """


class _Typed(msgspec.Struct):
    type: str


class Decoder:
    """Reads records of the log; `kinds` are those that some KPI reads."""

    def __init__(self, kinds: frozenset[str]) -> None:
        self._kinds = kinds
        self._typed = msgspec.json.Decoder(_Typed)

    def decode(self, value: bytes | None) -> Statement:
        """Return what the record states.

        Raises UnknownTypeError for a type or version that this program does not know, and ValueError (of which
        msgspec's errors are some) for a record of a known type that does not read: nothing the recorder writes does.
        """
        if value is None:
            raise UnknownTypeError(NO_VALUE)
        try:
            event = read_event(value)
        except msgspec.ValidationError:
            self._kind(self._typed.decode(value).type)
            raise
        return Statement(event.subject, self._says(self._kind(event.type), event))

    def _says(self, kind: str, event: LogEvent) -> Fact | Retraction | None:
        source, data = sys.intern(event.source), event.data
        if kind == RETRACTED:
            return Retraction(source, _stated(data, "retracts"))
        if kind not in self._kinds:
            return None
        field = WITH_REF.get(kind)
        return Fact(
            kind,
            instant_of(event.time),
            source,
            event.id,
            NO_BOROUGH if data.borough is None else sys.intern(data.borough),
            source if data.ref_source is None else sys.intern(data.ref_source),
            "" if field is None else _stated(data, field),
            "" if data.situation is None else sys.intern(data.situation),
            None if data.starts is None else midnight(data.starts),
            data.one_off,
        )

    @staticmethod
    def _kind(name: str) -> str:
        kind = _KIND_OF_TYPE.get(name)
        if kind is None:
            raise UnknownTypeError(name)
        return kind


def _stated(data: LogData, field: str) -> str:
    value: str | None = getattr(data, field)
    if value is None:
        raise ValueError(f"a checked event has no {field}")
    return value
