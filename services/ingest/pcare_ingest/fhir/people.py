"""Who a resource is about, which organisation it names, and by what it is known."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pcare_ingest.fhir.bundle import Held, Known
from pcare_ingest.fhir.issues import Code, Issue, UnfitError
from pcare_ingest.fhir.mapping import Mapping
from pcare_ingest.fhir.paths import Node

ODS_PREFIX = "https://fhir.nhs.uk/Id/ods-organization-code/"
SLUG_PREFIX = "urn:ncl:provider:"
_LAST = re.compile(r"(?:.*/)?[A-Z][A-Za-z]+/([A-Za-z0-9\-.]{1,64})")
_FURTHEST = 3
"""References followed from a resource to its organisation: PractitionerRole, Organization, and one to spare."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation as events name it, and where the resource does."""

    code: str
    source: str
    at: str


@dataclass(frozen=True, slots=True)
class Handle:
    """By what a resource is known."""

    ref: Any
    key: str
    at: str
    assigner: Node | None


def identity(node: Node) -> Handle | None:
    """Return by what a resource is known: its first identifier that is not old, else its id; None: by nothing."""
    own = node.value.get("id")
    by_id = Handle(own, own, f"{node.at}.id", None) if isinstance(own, str) and own else None
    return _identifier(node) or by_id


def _identifier(node: Node) -> Handle | None:
    for identifier in node.child("identifier"):
        value = identifier.value.get("value") if isinstance(identifier.value, dict) else None
        if isinstance(value, str) and value and identifier.value.get("use") != "old":
            key = f"{identifier.value.get('system', '')}|{value}"
            return Handle(value, key, f"{identifier.at}.value", next(identifier.child("assigner"), None))
    return None


class People:
    """Follows the references of one request to persons and organisations."""

    def __init__(self, mapping: Mapping, known: Known) -> None:
        self._systems = mapping.systems
        self._known = known
        self._identified_by: dict[
            int, Organisation | None
        ] = {}  # by where in memory what refers, or is referred to, is

    def organisation(self, reference: Node, by: Held, left: int = _FURTHEST) -> Organisation | None:
        """Return the organisation that a Reference names or leads to, or None."""
        named = self._identified(reference)
        if named is not None or not left:
            return named
        held = self._resolve(reference, by)
        if held is None:
            return None
        if held.type == "Organization":
            return self._identified(held.node)
        further = (self.organisation(one, held, left - 1) for one in held.node.child("organization"))
        return next(further, None) if held.type == "PractitionerRole" else None

    def source(self, text: Any, at: str) -> Organisation | None:
        """Return the organisation that `meta.source` names in one of the two forms of a source, or None."""
        if isinstance(text, str) and text.startswith((ODS_PREFIX, SLUG_PREFIX)):
            return Organisation(text.removeprefix(ODS_PREFIX).removeprefix(SLUG_PREFIX), text, at)
        return None

    def reference(self, reference: Node, by: Held) -> Handle | None:
        """Return by what the resource is known that a Reference names or leads to, or None."""
        named = _identifier(reference)
        if named is not None:
            return named
        held = self._resolve(reference, by)
        if held is not None:
            return identity(held.node)
        last = _LAST.fullmatch(str(reference.value.get("reference")))
        return Handle(last[1], last[1], f"{reference.at}.reference", None) if last else None

    def patient(self, subject: Node | None, by: Held) -> Held | None:
        """Return the Patient that the subject leads to. Raises UnfitError if it leads to something else."""
        held = None if subject is None else self._resolve(subject, by)
        if held is not None and held.type != "Patient" and subject is not None:
            raise UnfitError(Issue(Code.not_supported, "Only a Patient can be the subject here.", subject.at))
        return held

    def subject(self, subject: Node | None, patient: Held | None, fallback: str) -> tuple[str, str]:
        """Return an event's subject and where it stands. Raises UnfitError if it is nobody, or several people."""
        found = [] if subject is None else list(self._persons(subject))
        found += [] if patient is None else list(self._persons(patient.node))
        if not found:
            text = (
                "Nobody can be told from this: name the person by NHS number, in the identifier of the subject itself, "
                "or of a Patient in the same Bundle or contained in the resource."
            )
            raise UnfitError(Issue(Code.required, text, fallback if subject is None else subject.at))
        for subject_text, at in found[1:]:
            if subject_text != found[0][0]:
                raise UnfitError(Issue(Code.invariant, "This is another person than the subject says elsewhere.", at))
        return found[0]

    def _persons(self, node: Node) -> Iterator[tuple[str, str]]:
        for identifier in node.child("identifier"):
            value = identifier.value if isinstance(identifier.value, dict) else {}
            if value.get("use") == "old" or not isinstance(value.get("value"), str):
                continue
            if value.get("system") == self._systems["nhs-number"]:
                yield f"nhs-number:{re.sub('[ -]', '', value['value'])}", f"{identifier.at}.value"
            elif value.get("system") == self._systems["pseudonym"]:
                yield value["value"], f"{identifier.at}.value"

    def _identified(self, node: Node) -> Organisation | None:
        """Look for it once in each: a request may refer tens of thousands of times to the same organisation."""
        key = id(node.value)  # of the request, which outlives this
        if key not in self._identified_by:
            self._identified_by[key] = self._organisation_of(node)
        return self._identified_by[key]

    def _organisation_of(self, node: Node) -> Organisation | None:
        prefixes = {self._systems["ods"]: ODS_PREFIX, self._systems["provider"]: SLUG_PREFIX}
        for identifier in node.child("identifier"):
            value = identifier.value if isinstance(identifier.value, dict) else {}
            prefix, code = prefixes.get(str(value.get("system"))), value.get("value")
            if prefix is not None and isinstance(code, str):
                return Organisation(code, prefix + code, f"{identifier.at}.value")
        return None

    def _resolve(self, reference: Node, by: Held) -> Held | None:
        text = reference.value.get("reference") if isinstance(reference.value, dict) else None
        return self._known.resolve(text, by)
