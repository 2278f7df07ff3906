"""The rules that a well-formed event is held against: time, organisation, key and codes."""

import datetime as dt
from typing import Any, Final

from pcare_schemas import topics
from pcare_schemas.code_lists import CodeList
from pcare_schemas.envelope import Event
from pcare_schemas.register import Provider
from pcare_schemas.rejections import FieldError, Reason
from pcare_schemas.rules import Rules

EARLIEST: Final = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
CLOCK_SKEW: Final = dt.timedelta(minutes=5)
"""By how much a provider's clock may be ahead of the broker's."""

Found = tuple[Reason, FieldError] | None


def judge(event: Event, *, key: bytes | None, topic: str, timestamp: dt.datetime, rules: Rules) -> Found:
    """Return the first rule that the event breaks and where, or None."""
    return (
        _judge_times(event, timestamp)
        or _judge_source(event, topic, rules)
        or _judge_key(event, key)
        or _judge_codes(event, rules)
        or _judge_organisations(event, rules)
    )


def _judge_times(event: Event, timestamp: dt.datetime) -> Found:
    latest = timestamp + CLOCK_SKEW
    for field, instant in (("time", event.time), ("recordedtime", event.recordedtime)):
        if instant is None or EARLIEST <= instant <= latest:
            continue
        message = "Before 2015." if instant < EARLIEST else "Later than the event was received."
        expected = "from 2015-01-01T00:00:00Z to the moment of sending"
        return Reason.time_out_of_range, FieldError(f"/{field}", message, expected)
    return None


def _judge_source(event: Event, topic: str, rules: Rules) -> Found:
    provider = rules.register.by_source.get(event.source)
    if provider is None:
        message = "No organisation of the provider register has this source."
        return Reason.unknown_provider, FieldError("/source", message, _SOURCE_FORM)
    if not provider.validity.holds_at(event.time):
        return Reason.unknown_provider, _not_at_that_time(provider)
    owner = _owner(topic)
    if owner is not None and owner != provider.topic_slug:
        message = "The topic belongs to another organisation than the source."
        own = topics.provider_topic(provider.code)
        return Reason.source_not_allowed, FieldError("/source", message, f"the source's own topic, {own}")
    if not provider.may_send(event.KIND):
        return Reason.kind_not_allowed, _not_of_its_kinds(provider)
    return None


_SOURCE_FORM = (
    "https://fhir.nhs.uk/Id/ods-organization-code/<ODS code>, or urn:ncl:provider:<slug> as in the provider register"
)


def _owner(topic: str) -> str | None:
    return topics.provider_of_topic(topic) if topic != topics.SUBMITTED else None


def _not_at_that_time(provider: Provider) -> FieldError:
    limits = provider.validity.document()
    words = [
        f"{word} {limits[name]}" for word, name in (("from", "valid_from"), ("before", "valid_to")) if name in limits
    ]
    followed = f" {provider.successor} took over from it." if provider.successor else ""
    message = f"The organisation was not registered at the event's time.{followed}"
    return FieldError("/source", message, "a time " + " and ".join(words))


def _not_of_its_kinds(provider: Provider) -> FieldError:
    message = "The provider register does not have this kind among those that the organisation sends."
    return FieldError("/type", message, f"a type of one of: {', '.join(provider.kinds or ())}")


def _judge_key(event: Event, key: bytes | None) -> Found:
    if key == event.subject.encode():
        return None
    message = "The record's key is missing." if key is None else "The record's key is not the subject."
    return Reason.key_mismatch, FieldError("/subject", message, "the subject in UTF-8 as the key, to the byte")


def _judge_codes(event: Event, rules: Rules) -> Found:
    for field, codes in rules.code_fields[event.KIND]:
        value = getattr(event.data, field)
        if value is None:
            continue
        for code in map(str, value) if isinstance(value, tuple) else (value,):
            if not codes.holds(code, event.time):
                return Reason.unknown_code, _unknown_code(f"/data/{field}", code, codes, event.time)
    if event.SUBJECT == "commissioner":
        code, codes = event.subject.partition(":")[2], rules.lists["commissioners"]
        if not codes.holds(code, event.time):
            return Reason.unknown_code, _unknown_code("/subject", code, codes, event.time)
    return None


def _unknown_code(path: str, code: str, codes: CodeList, at: dt.datetime) -> FieldError:
    nearest = codes.nearest(code, at)
    if not nearest:
        return FieldError(path, f"{codes.title}.", "no code")
    known = codes.codes.get(code)
    message = (
        f"Not a code of the list `{codes.name}`."
        if known is None
        else f"{known.code} ({known.name}) is a code of the list `{codes.name}`, but was not valid at the event's time."
    )
    shown = ", ".join(f"{valid} ({codes.codes[valid].name})" for valid in nearest)
    return FieldError(path, message, f"such as {shown}")


def _judge_organisations(event: Event, rules: Rules) -> Found:
    """Hold the organisations that an event names beside its source against the register.

    An ODS code is taken as it is, for the register lists who sends and not everyone; a slug means something only in
    the register. The giver of a reference must be a sender, or the reference would match nothing; it may have closed.
    """
    ref_source: Any = getattr(event.data, "ref_source", None)
    if ref_source is not None:
        giver = rules.register.by_source.get(ref_source)
        if giver is None or not giver.validity.began_by(event.time):
            message = "No organisation of the provider register has this source."
            return Reason.unknown_provider, FieldError("/data/ref_source", message, _SOURCE_FORM)
    for field in event.data.ORGANISATION_FIELDS:
        code = getattr(event.data, field)
        if code is not None and not _known(code, rules):
            return Reason.unknown_code, _unknown_organisation(f"/data/{field}")
    if event.SUBJECT in {"link-worker", "team"} and not _known(event.subject.split(":")[1], rules):
        return Reason.unknown_code, _unknown_organisation("/subject")
    return None


def _known(code: str, rules: Rules) -> bool:
    return code.isupper() or code.isdigit() or code in rules.register.by_code


def _unknown_organisation(path: str) -> FieldError:
    message = "No organisation of the provider register has this slug."
    return FieldError(path, message, "an ODS code, or a slug of the provider register")
