"""The mapping from FHIR resources to events: data, read and checked once at the start."""

from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pcare_ingest.fhir.paths import Path, parse
from pcare_schemas.code_lists import load_yaml
from pcare_schemas.kinds import KINDS

As = Literal[
    "value", "values", "day", "present", "code", "codes", "age-band",
    "organisation", "ref", "ref-source", "own-ref", "own-ref-source",
]  # fmt: skip
"""How a value is read: see `pcare_ingest.fhir.values`."""

OWN = frozenset({"own-ref", "own-ref-source"})
CODED = frozenset({"code", "codes"})
PathText = Annotated[str, AfterValidator(lambda text: parse(text) and text)]
Words = Literal["same", "national"] | dict[str, str]
"""What a code is called in the event: the same, the national part of it, or as the table says; else it is not read."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Coding(_Data):
    """A coding to find at a path: of a system, and if `codes` are given, one of them.

    `recorded`: the event states it as its `snomed_code`.
    """

    path: PathText
    system: str
    codes: tuple[str, ...] = ()
    recorded: bool = False


class FieldRule(_Data):
    """Where a field of the event's payload comes from."""

    paths: tuple[PathText, ...] = Field((), alias="from")
    read: As = Field(alias="as")
    codings: dict[str, Words] = {}
    where: Coding | None = None
    """Only elements beside which this coding stands: its path begins where theirs do."""
    otherwise: Literal["own-ref"] | None = Field(None, alias="else")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.read in OWN) == bool(self.paths):
            raise ValueError(f"`{self.read}` {'takes no path' if self.paths else 'needs a path in `from`'}")
        if (self.read in CODED) != bool(self.codings):
            raise ValueError("`codings` belong to `code` and `codes`, which need them")
        return self


class Rule(_Data):
    """One kind of event that a type of resource may give: by a coding in it, and its status."""

    kind: str
    code: Coding
    status: tuple[str, ...] = Field(min_length=1)
    time: tuple[PathText, ...] = Field(min_length=1)
    recurs: bool = False
    """Whether the same resource may state it again at another time: then the time is part of the event's id."""
    data: dict[str, FieldRule]


class ResourceRules(_Data):
    """What is read of one type of resource."""

    subject: PathText
    source: tuple[PathText, ...]
    only: dict[str, tuple[str | bool, ...]] = {}
    rules: tuple[Rule, ...] = Field(min_length=1)


class Extension(_Data):
    """An extension that is read, and the element that its value stands in."""

    url: str
    value: str
    says: str


class Mapping(_Data):
    """All of it. Raises ValidationError if a part names what is not there."""

    systems: dict[str, str]
    own_systems: dict[str, dict[Literal["field"], str]]
    extensions: dict[str, Extension]
    context: dict[str, str]
    person: dict[str, FieldRule]
    resources: dict[str, ResourceRules]

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        for kind, rules in self.resources.items():
            for path in (*rules.source, rules.subject):
                self._path(path)
            for rule in rules.rules:
                self._rule(kind, rule)
        for name, own in self.own_systems.items():
            kind, _, field = own["field"].partition(".")
            if name not in self.systems or kind not in KINDS or field not in payload_fields(kind):
                raise ValueError(f"own_systems: {name} names a system, a kind or a field that there is not")
        return self

    def _rule(self, resource: str, rule: Rule) -> None:
        where = f"{resource}, {rule.kind}"
        if rule.kind not in KINDS:
            raise ValueError(f"{where}: there is no such kind of event")
        known = payload_fields(rule.kind)
        stated = {*self.person, *rule.data, *({"snomed_code"} if rule.code.recorded else ())}
        unknown = sorted(stated - set(known))
        missing = sorted(name for name, needed in known.items() if needed and name not in stated)
        if unknown or missing:
            raise ValueError(f"{where}: no such fields: {unknown}; required, and not mapped: {missing}")
        self._coding(rule.code)
        for path in rule.time:
            self._path(path)
        for field in (*self.person.values(), *rule.data.values()):
            self._field(field)

    def _field(self, field: FieldRule) -> None:
        for path in field.paths:
            self._path(path)
        for system in field.codings:
            self._system(system)
        if field.where is not None:
            self._coding(field.where)

    def _coding(self, coding: Coding) -> None:
        self._path(coding.path)
        self._system(coding.system)

    def _system(self, name: str) -> None:
        if name not in self.systems:
            raise ValueError(f"`systems` has no {name}")

    def _path(self, text: str) -> None:
        for name in self.parsed(text).extensions():
            if name not in self.extensions:
                raise ValueError(f"`extensions` has no {name}, which {text} names")

    def parsed(self, text: str) -> Path:
        """Return a path of this mapping as the engine follows it."""
        return parse(text)

    def statuses(self, resource: str) -> tuple[str, ...]:
        """Return the statuses in which a resource of this type gives an event."""
        rules = self.resources[resource].rules
        return tuple(dict.fromkeys(status for rule in rules for status in rule.status))


def payload_fields(kind: str) -> dict[str, bool]:
    """Return the fields of a kind's payload, and whether each is required."""
    payload: Any = KINDS[kind].model_fields["data"].annotation
    return {name: field.is_required() for name, field in payload.model_fields.items()}


@cache
def built_in() -> Mapping:
    """Return the mapping that this package carries. Raises ValueError that says what is wrong with it."""
    name = "mapping.yaml"
    text = (resources.files("pcare_ingest.fhir") / name).read_text(encoding="utf-8")
    try:
        return Mapping.model_validate(load_yaml(text, name))
    except ValidationError as error:
        raise ValueError(f"{name} is no mapping: {error}") from error
