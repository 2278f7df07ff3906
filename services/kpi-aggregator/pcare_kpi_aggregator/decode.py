"""From a record of the log to what it states. The log holds checked events only, so decoding is cheap and trusting."""

import sys
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from pcare_kpi_aggregator.facts import NO_BOROUGH, Fact, Retraction
from pcare_kpi_aggregator.kinds import RETRACTED, WITH_REF
from pcare_kpi_aggregator.years import instant_of, midnight
from pcare_schemas.envelope import type_of
from pcare_schemas.kinds import KINDS

NO_VALUE = "(no value)"
"""Stands for the type of a record without a value."""


class Statement(NamedTuple):
    """Of whom a record speaks, and what it states: None for a kind that no KPI reads."""

    subject: str
    says: Fact | Retraction | None


class UnknownTypeError(Exception):
    """The record's type or version is not one of this program's; `args[0]` is the type.

    It is to be skipped, counted and shown: a newer program will count it.
    """


class _Data(msgspec.Struct, gc=False):
    borough: str | None = None
    ref_source: str | None = None
    referral_ref: str | None = None
    conversation_ref: str | None = None
    plan_ref: str | None = None
    budget_ref: str | None = None
    situation: str = ""
    starts: date | None = None
    one_off: bool = False
    retracts: str = ""


class _Record(msgspec.Struct, gc=False):
    type: str
    source: str
    id: str
    subject: str
    time: str  # read by hand: msgspec rounds what is finer than a microsecond, the schemas cut it off
    data: _Data


class _Typed(msgspec.Struct):
    type: str


_KIND_OF_TYPE = {type_of(kind): sys.intern(kind) for kind in KINDS}


class Decoder:
    """Reads records of the log; `kinds` are those that some KPI reads."""

    def __init__(self, kinds: frozenset[str]) -> None:
        self._kinds = kinds
        self._record = msgspec.json.Decoder(_Record)
        self._typed = msgspec.json.Decoder(_Typed)

    def decode(self, value: bytes | None) -> Statement:
        """Return what the record states.

        Raises UnknownTypeError for a type or version that this program does not know, and msgspec.DecodeError for a record
        of a known type that does not read: nothing the recorder writes does, so a person has to look.
        """
        if value is None:
            raise UnknownTypeError(NO_VALUE)
        try:
            record = self._record.decode(value)
        except msgspec.ValidationError:
            self._refuse_unknown(self._typed.decode(value).type)
            raise
        kind = _KIND_OF_TYPE.get(record.type)
        if kind is None:
            raise UnknownTypeError(record.type)
        return Statement(record.subject, self._says(kind, record))

    def _says(self, kind: str, record: _Record) -> Fact | Retraction | None:
        source, data = sys.intern(record.source), record.data
        if kind == RETRACTED:
            return Retraction(source, data.retracts)
        if kind not in self._kinds:
            return None
        field = WITH_REF.get(kind)
        return Fact(
            kind,
            instant_of(datetime.fromisoformat(record.time.upper())),
            source,
            record.id,
            NO_BOROUGH if data.borough is None else sys.intern(data.borough),
            source if data.ref_source is None else sys.intern(data.ref_source),
            "" if field is None else getattr(data, field),
            sys.intern(data.situation),
            None if data.starts is None else midnight(data.starts),
            data.one_off,
        )

    @staticmethod
    def _refuse_unknown(name: str) -> None:
        if name not in _KIND_OF_TYPE:
            raise UnknownTypeError(name)
