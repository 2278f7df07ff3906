"""From a record of the log to what it states. The log holds checked events only, so decoding is cheap and trusting."""

import datetime as dt
import sys
from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from pcare_kpi_aggregator.facts import NO_BOROUGH, Fact, Retraction
from pcare_kpi_aggregator.marks import Asked, AskedByKind
from pcare_kpi_aggregator.years import instant_of, midnight
from pcare_schemas.envelope import type_of
from pcare_schemas.kinds import KINDS
from pcare_schemas.kpis.payload_fields import REFERENCE_FIELDS
from pcare_schemas.retraction import EventRetracted

NO_VALUE = "(no value)"
"""Stands for the type of a record without a value."""

RETRACTED = EventRetracted.KIND

_KIND_OF_TYPE = {type_of(kind): sys.intern(kind) for kind in KINDS}
_POST_KINDS = frozenset({"link-worker-joined", "link-worker-left"})  # a post is known by its PCN, whoever states it
_APART = "\n"  # no subject, source or id holds it


class Statement(NamedTuple):
    """Of whom a record speaks, and what it states: None for a kind that no KPI reads.

    Where events count one by one, whom they are about does not matter: `subject` is then the event itself, also for
    its retraction, so that what is folded together stays small.
    """

    subject: str
    says: Fact | Retraction | None


class UnknownTypeError(Exception):
    """The record's type or version is not one of this program's; `args[0]` is the type.

    It is to be skipped, counted and shown: a newer program will count it.
    """


class _Typed(msgspec.Struct):
    type: str


class _Data(msgspec.Struct, frozen=True, gc=False):
    """What every catalogue needs of a payload. Other fields are passed over; what a kind does not have is None."""

    borough: str | None = None
    ref_source: str | None = None
    situation: str | None = None
    starts: dt.date | None = None
    one_off: bool = False
    retracts: str | None = None


class Decoder:
    """Reads records of the log.

    `kinds` are those that some KPI reads, `one_by_one` those of them of which each event counts by itself, and `asked`
    what the catalogue asks of their payloads.
    """

    def __init__(
        self, kinds: Collection[str], *, asked: AskedByKind | None = None, one_by_one: Collection[str] = ()
    ) -> None:
        asked = AskedByKind() if asked is None else asked
        self._read = {kind: _Way(kind, asked.get(kind), kind in one_by_one) for kind in kinds}
        self._forms = frozenset(KINDS[kind].SUBJECT + ":" for kind in one_by_one)
        self._typed = msgspec.json.Decoder(_Typed)
        data = _data_with({*REFERENCE_FIELDS.values(), *asked.fields})
        event = msgspec.defstruct(
            "_Event",
            [("id", str), ("source", str), ("type", str), ("subject", str), ("time", dt.datetime), ("data", data)],
            frozen=True,
            gc=False,
        )
        self._events = msgspec.json.Decoder(event)

    def decode(self, value: bytes | None) -> Statement:
        """Return what the record states.

        Raises UnknownTypeError for a type or version that this program does not know, and ValueError (of which
        msgspec's errors are some) for a record of a known type that does not read: nothing the recorder writes does.
        """
        if value is None:
            raise UnknownTypeError(NO_VALUE)
        try:
            event: Any = self._events.decode(value)
        except msgspec.ValidationError:
            self._kind(self._typed.decode(value).type)
            raise
        kind = self._kind(event.type)
        way = self._read.get(kind)
        if way is not None:
            fact = way.fact(event)
            return Statement(_alone(event.subject, fact) if way.one_by_one else event.subject, fact)
        if kind == RETRACTED:
            return self._retraction(event)
        return Statement(event.subject, None)

    def _retraction(self, event: Any) -> Statement:
        retraction = Retraction(sys.intern(event.source), _stated(event.data, "retracts"))
        subject: str = event.subject
        alone = self._forms and subject[: subject.find(":") + 1] in self._forms
        return Statement(_alone(subject, retraction) if alone else subject, retraction)

    @staticmethod
    def _kind(name: str) -> str:
        kind = _KIND_OF_TYPE.get(name)
        if kind is None:
            raise UnknownTypeError(name)
        return kind


class _Way:
    """How events of one kind are read."""

    __slots__ = ("_amounts", "_kind", "_marks", "_post", "_ref", "one_by_one")

    def __init__(self, kind: str, asked: Asked | None, one_by_one: bool) -> None:
        self.one_by_one = one_by_one
        self._kind = sys.intern(kind)
        self._ref = REFERENCE_FIELDS.get(kind)
        self._post = kind in _POST_KINDS
        self._marks = asked.marks if asked is not None and asked.has_filters else None
        self._amounts = asked.amounts if asked is not None and asked.has_amounts else None

    def fact(self, event: Any) -> Fact:
        """Return what an event states."""
        data = event.data
        source = sys.intern(event.source)
        ref_source = source if data.ref_source is None else sys.intern(data.ref_source)
        return Fact(
            self._kind,
            instant_of(event.time),
            source,
            event.id,
            NO_BOROUGH if data.borough is None else sys.intern(data.borough),
            "" if self._post else ref_source,
            "" if self._ref is None else _stated(data, self._ref),
            "" if data.situation is None else sys.intern(data.situation),
            None if data.starts is None else midnight(data.starts),
            data.one_off,
            0 if self._marks is None else self._marks(data),
            () if self._amounts is None else self._amounts(data),
        )


def _data_with(fields: Collection[str]) -> type:
    """Return the payload's form with further fields, each as JSON has it."""
    more = [(field, Any, None) for field in sorted(set(fields) - set(_Data.__struct_fields__))]
    return msgspec.defstruct("_DataAsked", more, bases=(_Data,), frozen=True, gc=False)


def _alone(subject: str, statement: Fact | Retraction) -> str:
    return _APART.join((subject, statement.source, statement.id))


def _stated(data: Any, field: str) -> str:
    value: str | None = getattr(data, field)
    if value is None:
        raise ValueError(f"a checked event has no {field}")
    return value
