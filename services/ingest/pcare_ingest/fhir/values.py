"""How the fields of an event are read from a resource: one way of reading for each word of `as` in the mapping."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pcare_ingest.fhir.bundle import Held
from pcare_ingest.fhir.mapping import Coding, FieldRule, Mapping, Words
from pcare_ingest.fhir.paths import Node, Path
from pcare_ingest.fhir.people import Handle, Organisation, People
from pcare_ingest.fhir.times import age_band, day


class Found(NamedTuple):
    """The value of a field, None where there is none, and where it stands or would have stood."""

    value: Any
    at: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a resource is read with: itself, its Patient if that is at hand, its handle, and its event's time."""

    held: Held
    patient: Held | None
    known_as: Handle
    time: Any


class Values:
    """Reads fields by the rules of a mapping."""

    def __init__(self, mapping: Mapping, people: People) -> None:
        self._mapping = mapping
        self._people = people
        self._urls = {name: extension.url for name, extension in mapping.extensions.items()}

    def read(self, rule: FieldRule, of: Subject) -> Found:
        """Return the field that `rule` tells how to find. Fits a resource that was checked; never raises for one."""
        if rule.read == "own-ref":
            return Found(of.known_as.ref, of.known_as.at)
        if rule.read == "own-ref-source":
            return self._assigner(of.known_as, of.held)
        found = _READERS[rule.read](self, rule, of)
        if found.value is None and rule.otherwise == "own-ref":
            return Found(of.known_as.ref, of.known_as.at)
        return found

    def first(self, paths: tuple[str, ...], held: Held) -> Found:
        """Return the first value of paths in the resource itself."""
        for path in paths:
            for node in self._mapping.parsed(path).follow(held.node, self._urls):
                return Found(node.value, node.at)
        return Found(None, self._mapping.parsed(paths[0]).expression(held.node.at, self._urls))

    def coding(self, coding: Coding, node: Node) -> Node | None:
        """Return the coding that is looked for beneath `node`, or None."""
        system = self._mapping.systems[coding.system]
        for concept in self._mapping.parsed(coding.path).follow(node, self._urls):
            for one in _codings(concept):
                code = one.value.get("code")
                if one.value.get("system") == system and code and (not coding.codes or code in coding.codes):
                    return one
        return None

    def nodes(self, rule: FieldRule, of: Subject) -> Iterator[Node]:
        """Yield what the rule's paths lead to: of the first that leads to anything."""
        for text in rule.paths:
            path = self._mapping.parsed(text)
            start = of.patient if path.of_patient else of.held
            if start is None:
                continue
            if rule.where is None:
                found = list(path.follow(start.node, self._urls))
            else:
                found = list(self._beside(rule.where, path, start.node))
            if found:
                yield from found
                return

    def missing(self, rule: FieldRule, of: Subject) -> str:
        """Return where a field would have stood: in the Patient where one is at hand, else in the resource."""
        paths = [self._mapping.parsed(text) for text in rule.paths]
        if of.patient is not None:
            for path in paths:
                if path.of_patient:
                    return path.expression(of.patient.node.at, self._urls)
        root = "Patient" if paths[0].of_patient else of.held.node.at
        return paths[0].expression(root, self._urls)

    def _beside(self, coding: Coding, path: Path, start: Node) -> Iterator[Node]:
        """Follow a path by those of its first elements in which the coding stands: each is asked for it once."""
        first, rest = path.parted()
        for element in first.follow(start, self._urls):
            if self.coding(coding, element) is not None:
                yield from rest.follow(element, self._urls)

    def value(self, rule: FieldRule, of: Subject) -> Found:
        """Read JSON as it is."""
        for node in self.nodes(rule, of):
            return Found(node.value, node.at)
        return Found(None, self.missing(rule, of))

    def values(self, rule: FieldRule, of: Subject) -> Found:
        """Read all of what is there, each once: codes, numbers and other plain values."""
        nodes = list(self.nodes(rule, of))
        return _several([node.value for node in nodes], nodes, self.missing(rule, of))

    def day(self, rule: FieldRule, of: Subject) -> Found:
        """Read the day of a date or dateTime, in London."""
        found = self.value(rule, of)
        return Found(day(found.value), found.at)

    def present(self, rule: FieldRule, of: Subject) -> Found:
        """Read whether something is there; where nothing is, nothing is stated."""
        found = self.value(rule, of)
        return Found(None if found.value is None else True, found.at)

    def code(self, rule: FieldRule, of: Subject) -> Found:
        """Read the first coding of the systems that the rule names."""
        return next(
            self._words(rule, of), Found(None, next((n.at for n in self.nodes(rule, of)), self.missing(rule, of)))
        )

    def codes(self, rule: FieldRule, of: Subject) -> Found:
        """Read all codings of the systems that the rule names, each code once."""
        found = list(self._words(rule, of))
        nodes = list(self.nodes(rule, of))
        return _several([one.value for one in found], nodes, self.missing(rule, of))

    def age_band(self, rule: FieldRule, of: Subject) -> Found:
        """Read a birth date as the age band on the day of the event."""
        found = self.value(rule, of)
        return Found(age_band(found.value, of.time), found.at)

    def organisation(self, rule: FieldRule, of: Subject) -> Found:
        """Read the code of the organisation that a Reference names or leads to."""
        found = self._organisation(rule, of)
        return Found(None, self.missing(rule, of)) if found is None else Found(found.code, found.at)

    def ref(self, rule: FieldRule, of: Subject) -> Found:
        """Read by what a referred resource is known."""
        found = self._reference(rule, of)
        return Found(None, self.missing(rule, of)) if found is None else Found(found.ref, found.at)

    def ref_source(self, rule: FieldRule, of: Subject) -> Found:
        """Read which organisation gave a referred resource its identifier."""
        found = self._reference(rule, of)
        return Found(None, self.missing(rule, of)) if found is None else self._assigner(found, of.held)

    def _words(self, rule: FieldRule, of: Subject) -> Iterator[Found]:
        systems = {self._mapping.systems[name]: words for name, words in rule.codings.items()}
        for node in self.nodes(rule, of):
            for coding in _codings(node):
                words = systems.get(str(coding.value.get("system")))
                word = None if words is None else _word(words, coding.value.get("code"))
                if word is not None:
                    yield Found(word, f"{coding.at}.code")

    def _organisation(self, rule: FieldRule, of: Subject) -> Organisation | None:
        by = of.patient if of.patient is not None and self._mapping.parsed(rule.paths[0]).of_patient else of.held
        named = (self._people.organisation(node, by) for node in self.nodes(rule, of))
        return next((one for one in named if one is not None), None)

    def _reference(self, rule: FieldRule, of: Subject) -> Handle | None:
        named = (self._people.reference(node, of.held) for node in self.nodes(rule, of))
        return next((one for one in named if one is not None), None)

    def _assigner(self, handle: Handle, held: Held) -> Found:
        named = None if handle.assigner is None else self._people.organisation(handle.assigner, held)
        return Found(None, handle.at) if named is None else Found(named.source, named.at)


_READERS: Final[dict[str, Callable[[Values, FieldRule, Subject], Found]]] = {
    "value": Values.value,
    "values": Values.values,
    "day": Values.day,
    "present": Values.present,
    "code": Values.code,
    "codes": Values.codes,
    "age-band": Values.age_band,
    "organisation": Values.organisation,
    "ref": Values.ref,
    "ref-source": Values.ref_source,
}


def _codings(node: Node) -> Iterator[Node]:
    inner = list(node.child("coding")) or [node]
    yield from (one for one in inner if isinstance(one.value, dict))


def _word(words: Words, code: Any) -> Any:
    if isinstance(words, dict):
        return words.get(code) if isinstance(code, str) else None
    if words == "national" and isinstance(code, str) and code[:1].isalpha():
        return code[0]
    return code


def _several(values: list[Any], nodes: list[Node], otherwise: str) -> Found:
    at = nodes[0].at if nodes else otherwise
    return Found(list(dict.fromkeys(values)) or None, at)
