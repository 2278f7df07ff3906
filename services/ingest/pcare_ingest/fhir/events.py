"""From a checked resource to the events that it states, as the bytes that POST /events would take."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pcare_ingest.fhir.bundle import Held, Known
from pcare_ingest.fhir.issues import Code, Issue, UnfitError
from pcare_ingest.fhir.mapping import FieldRule, Mapping, ResourceRules, Rule
from pcare_ingest.fhir.people import Handle, People, identity
from pcare_ingest.fhir.times import instant, same_always
from pcare_ingest.fhir.values import Found, Subject, Values
from pcare_schemas.envelope import type_of
from pcare_schemas.identifiers import holds_one

NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ncl:personalised-care:fhir")
ENTERED_IN_ERROR: Final = "entered-in-error"
RETRACTED: Final = "event-retracted"
_META_SOURCE: Final = "meta.source"


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that a resource states. `places` say which part of the resource each part of the event came from."""

    kind: str
    event: bytes
    places: dict[str, str] = field(repr=False)

    def place(self, pointer: str) -> str:
        """Return the FHIRPath of what a JSON Pointer into the event points to."""
        while pointer and pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places[pointer]


def event_id(resource: str, key: str, kind: str, *more: str) -> str:
    """Return the id of the event of a kind that a resource states: the same for the same resource, always.

    A UUID of version 5, so that nothing of the identifier shows in it.
    """
    return str(uuid.uuid5(NAMESPACE, "|".join((resource, key, kind, *more))))


class Drafter:
    """Makes events of the resources of one request. `only_source` is whom the caller speaks for, if that is one."""

    def __init__(self, mapping: Mapping, known: Known, only_source: str | None) -> None:
        self._mapping = mapping
        self._people = People(mapping, known)
        self._values = Values(mapping, self._people)
        self._only_source = only_source

    def draft(self, held: Held) -> list[Draft]:
        """Return the events that a mapped resource states, one or more. Raises UnfitError if there is none in it."""
        read = self._mapping.resources[held.type]
        self._is_meant(read, held)
        fitting = self._fitting(read, held)
        known_as = identity(held.node)
        if known_as is None:
            raise UnfitError(Issue(Code.required, "Give the resource an identifier, or an id.", held.node.at))
        if holds_one(str(known_as.key).encode("utf-8", "surrogatepass")):
            text = "This holds an NHS number: identify the resource by something else."
            raise UnfitError(Issue(Code.security, text, known_as.at, "identifiable_data"))
        envelope = self._envelope(read, held, known_as)
        status = held.node.value.get("status")
        if status == ENTERED_IN_ERROR:
            return self._retractions(fitting, envelope)
        for rule in fitting:
            if status in rule.status:
                return [self._event(rule, envelope)]
        recorded = ", ".join(dict.fromkeys(word for rule in fitting for word in (*rule.status, ENTERED_IN_ERROR)))
        text = f"Nothing is recorded of this {held.type} in this status; something is in: {recorded}."
        raise UnfitError(Issue(Code.not_supported, text, f"{held.node.at}.status"))

    def _is_meant(self, read: ResourceRules, held: Held) -> None:
        for name, allowed in read.only.items():
            if name in held.node.value and held.node.value[name] not in allowed:
                words = " or ".join(json.dumps(one) for one in allowed)
                text = f"Nothing is recorded of a {held.type} like this: only {words} here."
                raise UnfitError(Issue(Code.not_supported, text, f"{held.node.at}.{name}"))

    def _fitting(self, read: ResourceRules, held: Held) -> list[Rule]:
        fitting = [rule for rule in read.rules if self._values.coding(rule.code, held.node) is not None]
        if fitting:
            return fitting
        wanted = dict.fromkeys((rule.code.path, rule.code.system, rule.code.codes) for rule in read.rules)
        told = "; ".join(
            f"{path}: {', '.join(codes) or 'a code'} of {self._mapping.systems[system]}"
            for path, system, codes in wanted
        )
        path = f"{held.node.at}.{read.rules[0].code.path}"
        raise UnfitError(Issue(Code.not_supported, f"No {held.type} with these codings is recorded, but {told}.", path))

    def _envelope(self, read: ResourceRules, held: Held, known_as: Handle) -> "_Envelope":
        subject = next(self._mapping.parsed(read.subject).follow(held.node, {}), None)
        patient = self._people.patient(subject, held)
        person = Found(*self._people.subject(subject, patient, f"{held.node.at}.{read.subject}"))
        return _Envelope(held, known_as, patient, person, self._source(read, held))

    def _source(self, read: ResourceRules, held: Held) -> Found:
        stated = self._values.first((_META_SOURCE,), held)
        named = self._people.source(stated.value, stated.at)
        for path in read.source:
            for node in self._mapping.parsed(path).follow(held.node, {}):
                named = named or self._people.organisation(node, held)
        if named is not None:
            return Found(named.source, named.at)
        if self._only_source is not None:
            return Found(self._only_source, stated.at)
        text = (
            f"Say which organisation states this: in {_META_SOURCE} (https://fhir.nhs.uk/Id/ods-organization-code/<ODS "
            f"code>, or urn:ncl:provider:<slug>), or by its identifier in {' or '.join(read.source)}."
        )
        raise UnfitError(Issue(Code.required, text, stated.at))

    def _event(self, rule: Rule, envelope: "_Envelope") -> Draft:
        held = envelope.held
        time = self._values.first(rule.time, held)
        moment = instant(time.value)
        of = Subject(held, envelope.patient, envelope.known_as, moment)
        fields = {name: self._values.read(one, of) for name, one in self._fields(rule)}
        coding = self._values.coding(rule.code, held.node)
        if rule.code.recorded and coding is not None:
            fields["snomed_code"] = Found(coding.value["code"], f"{coding.at}.code")
        data = {name: found.value for name, found in fields.items() if found.value is not None}
        places = {f"/data/{name}": found.at for name, found in fields.items()}
        own_id = self._id(rule, envelope, moment)
        return envelope.draft(rule.kind, own_id, Found(moment, time.at), data, places)

    def _fields(self, rule: Rule) -> Iterator[tuple[str, FieldRule]]:
        yield from self._mapping.person.items()
        yield from rule.data.items()

    def _retractions(self, fitting: list[Rule], envelope: "_Envelope") -> list[Draft]:
        """Take back every event that the resource can have stated: those whose time it still holds.

        All are of the first of these times: the last may be a planned end, which is to come.
        """
        drafts: dict[str, Draft] = {}
        first: Found | None = None
        for rule in fitting:
            time = self._values.first(rule.time, envelope.held)
            if time.value is None:
                continue
            moment = instant(time.value)
            first = first or Found(moment, time.at)
            target = self._id(rule, envelope, moment)
            data = {"retracts": target, "reason": "entered_in_error"}
            own_id = str(uuid.uuid5(NAMESPACE, f"{RETRACTED}|{target}"))
            drafts[target] = envelope.draft(RETRACTED, own_id, first, data, {})
        if not drafts:
            at = self._values.first(fitting[0].time, envelope.held).at
            raise UnfitError(Issue(Code.required, "To take it back, leave the time in it at which it happened.", at))
        return list(drafts.values())

    @staticmethod
    def _id(rule: Rule, envelope: "_Envelope", moment: Any) -> str:
        more = (same_always(moment),) if rule.recurs else ()
        return event_id(envelope.held.type, envelope.known_as.key, rule.kind, *more)


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What all events of one resource share."""

    held: Held
    known_as: Handle
    patient: Held | None
    person: Found
    source: Found

    def draft(self, kind: str, own_id: str, time: Found, data: dict[str, Any], places: dict[str, str]) -> Draft:
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": own_id,
            "source": self.source.value,
            "type": type_of(kind),
            "subject": self.person.value,
            "data": data,
        }
        if time.value is not None:
            event["time"] = time.value
        meta = self.held.node.value.get("meta")
        if isinstance(meta, dict) and "lastUpdated" in meta:
            event["recordedtime"] = meta["lastUpdated"]
        root = self.held.node.at
        known_places = {
            "": root,
            "/id": self.known_as.at,
            "/source": self.source.at,
            "/subject": self.person.at,
            "/time": time.at,
            "/recordedtime": f"{root}.meta.lastUpdated",
        }
        # Escaped, so that whatever JSON can say is bytes: what is wrong with it is for the check to say.
        return Draft(kind, json.dumps(event, separators=(",", ":")).encode(), {**known_places, **places})
