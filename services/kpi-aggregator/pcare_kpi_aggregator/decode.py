"""From a record of the log to what it states. The log holds checked events only, so decoding is cheap and trusting."""

import datetime as dt
import sys
from collections.abc import Callable, Collection
from functools import reduce
from operator import attrgetter, or_
from typing import Any

import msgspec

from pcare_kpi_aggregator.facts import MOVED_AWAY, NO_BOROUGH, NO_REFERENCE, Fact, Retraction
from pcare_kpi_aggregator.marks import Asked, AskedByKind
from pcare_kpi_aggregator.years import EPOCH, MICROSECOND, midnight, month_of
from pcare_schemas.envelope import type_of
from pcare_schemas.kinds import KINDS
from pcare_schemas.kpis.payload_fields import REFERENCE_FIELDS, field_names, is_required
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE
from pcare_schemas.retraction import EventRetracted

NO_VALUE = "(no value)"
"""Stands for the type of a record without a value."""

RETRACTED = EventRetracted.KIND

_TYPES = frozenset(type_of(kind) for kind in KINDS)
_POST_KINDS = frozenset({"link-worker-joined", "link-worker-left"})  # a post is known by its PCN, whoever states it
_APART = "\n"  # no subject, source or id holds it

Statement = tuple[str, Fact | Retraction | None]
"""Of whom a record speaks, and what it states: None for a kind that no KPI reads.

Where events count one by one, whom they are about does not matter: it is then the event itself, also for its
retraction, so that what is folded together stays small.
"""

_Reader = Callable[[Any], tuple[str, Fact | Retraction]]


class UnknownTypeError(Exception):
    """The record's type or version is not one of this program's; `args[0]` is the type.

    It is to be skipped, counted and shown: a newer program will count it.
    """


class _Typed(msgspec.Struct):
    type: str


class Decoder:
    """Reads records of the log, of each kind just what is needed of it.

    `kinds` are those that some KPI reads, `one_by_one` those of them of which each event counts by itself, and `asked`
    what the catalogue asks of their payloads.
    """

    def __init__(
        self, kinds: Collection[str], *, asked: AskedByKind | None = None, one_by_one: Collection[str] = ()
    ) -> None:
        asked = AskedByKind() if asked is None else asked
        forms = frozenset(KINDS[kind].SUBJECT + ":" for kind in one_by_one)
        self._readers: dict[type, Callable[[Any], Statement]] = {}
        for kind in KINDS:
            if kind in kinds:
                read = _fact_reader(kind, asked[kind])
                self._readers[_form(kind, _fields(kind, asked[kind]))] = _alone(read) if kind in one_by_one else read
            elif kind == RETRACTED:
                self._readers[_form(kind, [("retracts", str)])] = _retraction_reader(forms)
            else:
                self._readers[_form(kind, None)] = lambda event: (event.subject, None)
        self._readers[_bare("_SubjectsMerged", SUBJECTS_MERGED_TYPE)] = lambda event: (event.subject, MOVED_AWAY)
        self._events: msgspec.json.Decoder[Any] = msgspec.json.Decoder(reduce(or_, self._readers))
        self._typed = msgspec.json.Decoder(_Typed)

    def decode(self, value: bytes | None) -> Statement:
        """Return what the record states.

        Raises UnknownTypeError for a type or version that this program does not know, and ValueError (of which
        msgspec's errors are some) for a record of a known type that does not read: nothing the recorder writes does.
        """
        if value is None:
            raise UnknownTypeError(NO_VALUE)
        try:
            event = self._events.decode(value)
        except msgspec.ValidationError:
            name = self._typed.decode(value).type
            if name not in _TYPES:
                raise UnknownTypeError(name) from None
            raise
        return self._readers[event.__class__](event)


def _bare(name: str, event_type: str) -> type:
    """Return the form of records of which only the subject matters."""
    return msgspec.defstruct(name, [("subject", str)], tag_field="type", tag=event_type, frozen=True, gc=False)


_FieldForm = tuple[str, Any] | tuple[str, Any, Any]


def _form(kind: str, data: list[_FieldForm] | None) -> type:
    """Return the form of the events of a kind, told from others by their type; without `data`, whom they are about."""
    fields: list[_FieldForm] = [("subject", str)]
    if data is not None:
        payload = msgspec.defstruct("_Data", data, frozen=True, gc=False)
        fields += [("id", str), ("source", str), ("time", dt.datetime), ("data", payload)]
    name = "_" + kind.title().replace("-", "")
    return msgspec.defstruct(name, fields, tag_field="type", tag=type_of(kind), frozen=True, gc=False)


def _fields(kind: str, asked: Asked) -> list[_FieldForm]:
    """Return the fields of a payload that are needed: of these the ones that every event states must be there."""
    there = field_names(kind)
    fields: dict[str, _FieldForm] = {field: (field, Any, None) for field in sorted(asked.looked_at)}
    for field in ("borough", "ref_source", "situation"):
        fields[field] = (field, str | None, None)
    if "starts" in there:
        fields["starts"] = ("starts", dt.date | None, None)
    if "one_off" in there:
        fields["one_off"] = ("one_off", bool, False)
    if kind in REFERENCE_FIELDS:
        ref = REFERENCE_FIELDS[kind]
        fields[ref] = (ref, str) if is_required(kind, ref) else (ref, str | None, None)
    for field in asked.added_up:
        fields[field] = (field, int)
    for field in asked.lists:
        fields[field] = (field, list[Any]) if is_required(kind, field) else (field, list[Any], [])
    return sorted(fields.values(), key=len)


def _fact_reader(kind: str, asked: Asked) -> _Reader:
    """Return what makes a fact of an event of one kind."""
    kind, intern, there = sys.intern(kind), sys.intern, field_names(kind)
    new: Callable[[type[Fact], tuple[object, ...]], Fact] = tuple.__new__  # half the time of Fact(...)
    ref_of = attrgetter(REFERENCE_FIELDS[kind]) if kind in REFERENCE_FIELDS else None
    is_post, has_code, lasts = kind in _POST_KINDS, "situation" in there, "starts" in there
    marks_of, amounts_of = asked.marks, asked.amounts
    has_marks, has_amounts = asked.has_filters, asked.has_amounts

    def read(event: Any) -> tuple[str, Fact | Retraction]:
        data = event.data
        source = intern(event.source)
        time = (event.time - EPOCH) // MICROSECOND
        ref_source = ref = code = ""
        if ref_of is not None:
            ref = ref_of(data) or NO_REFERENCE
            if not is_post:
                ref_source = source if data.ref_source is None else intern(data.ref_source)
        if has_code:
            code = intern(data.situation)
        fact = (
            time,
            source,
            event.id,
            kind,
            month_of(time),
            NO_BOROUGH if data.borough is None else intern(data.borough),
            code,
            marks_of(data) if has_marks else 0,
            amounts_of(data) if has_amounts else (),
            ref_source,
            ref,
            midnight(data.starts) if lasts and data.starts is not None else None,
            lasts and data.one_off,
        )
        return event.subject, new(Fact, fact)

    return read


def _retraction_reader(forms: frozenset[str]) -> _Reader:
    """Return what reads retractions; `forms` are how the subjects begin whose events count one by one."""

    def read(event: Any) -> tuple[str, Fact | Retraction]:
        return event.subject, Retraction(sys.intern(event.source), event.data.retracts)

    alone = _alone(read)
    return lambda event: (alone if event.subject.partition(":")[0] + ":" in forms else read)(event)


def _alone(read: _Reader) -> _Reader:
    """Return a reader of events each of which counts by itself."""

    def read_alone(event: Any) -> tuple[str, Fact | Retraction]:
        subject, says = read(event)
        return _APART.join((subject, event.source, says.id)), says

    return read_alone
