"""Reading the log cheaply: records that were checked before they were written."""

import datetime as dt
from typing import Any

import msgspec


class LogData(msgspec.Struct, frozen=True, gc=False):
    """What the KPIs need of a payload. Other fields are passed over; what a kind does not have is None."""

    borough: str | None = None
    pcn: str | None = None
    ref_source: str | None = None
    referral_ref: str | None = None
    conversation_ref: str | None = None
    plan_ref: str | None = None
    budget_ref: str | None = None
    situation: str | None = None
    starts: dt.date | None = None
    one_off: bool = False
    retracts: str | None = None
    reason: str | None = None


class LogEvent(msgspec.Struct, frozen=True, gc=False):
    """An event of the log. `time` is aware, in UTC; `type` is the full CloudEvents type."""

    id: str
    source: str
    type: str
    subject: str
    time: dt.datetime
    data: LogData
    origin: str
    recordedat: dt.datetime


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """An event of the log with its payload whole, for an audit."""

    id: str
    source: str
    type: str
    subject: str
    time: str
    data: dict[str, Any]
    origin: str
    recordedat: str
    rulesversion: str


class SubjectLinkData(msgspec.Struct, frozen=True, gc=False):
    """Whose pseudonym it is."""

    pseudonym: str
    subject: str


class SubjectLink(msgspec.Struct, frozen=True, gc=False):
    """A record of the topic of subjects."""

    data: SubjectLinkData
    origin: str


class ProblemError(msgspec.Struct, frozen=True, gc=False):
    """One error of a rejection."""

    pointer: str
    message: str
    expected: str | None = None


class RejectedData(msgspec.Struct, frozen=True):
    """A problem document, who claims to have sent what, and the bytes in base64 where they were kept."""

    reason: str
    title: str
    detail: str
    errors: list[ProblemError]
    event_source: str | None
    event_id: str | None
    evidence: bytes | None
    redacted: bool
    size: int
    sha256: str | None
    erased: bool = False
    """What told of a person was taken out of it since, and which event it was: see docs/erasure.md."""


class RejectedEvent(msgspec.Struct, frozen=True):
    """A record of the topic of rejections. `evidence` is decoded from base64."""

    id: str
    time: dt.datetime
    origin: str
    rulesversion: str
    data: RejectedData


_EVENTS = msgspec.json.Decoder(LogEvent)
_LINES = msgspec.json.Decoder(LogLine)
_LINKS = msgspec.json.Decoder(SubjectLink)
_REJECTED = msgspec.json.Decoder(RejectedEvent)


def read_event(value: bytes) -> LogEvent:
    """Read a record of the log. Raises msgspec.MsgspecError for anything else."""
    return _EVENTS.decode(value)


def read_line(value: bytes) -> LogLine:
    """Read a record of the log with all its data. Raises msgspec.MsgspecError for anything else."""
    return _LINES.decode(value)


def read_subject_link(value: bytes) -> SubjectLink:
    """Read a record of the topic of subjects. Raises msgspec.MsgspecError for anything else."""
    return _LINKS.decode(value)


def read_rejected(value: bytes) -> RejectedEvent:
    """Read a record of the topic of rejections. Raises msgspec.MsgspecError for anything else."""
    return _REJECTED.decode(value)
