"""The envelope that every event shares: CloudEvents 1.0, structured JSON."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from pcare_schemas.fields import Instant, Ref, Source, Strict

TYPE_PREFIX = "uk.nhs.ncl.personalised-care."
TYPE_SUFFIX = ".v1"
SCHEMA_PREFIX = "urn:ncl:personalised-care:schema:"

PERSON_PREFIX = "person:"
_PERSON = r"person:k[0-9]{1,3}:[0-9a-f]{32}"
_COMMISSIONER = r"commissioner:[A-Z0-9]{3,8}"
_LOCAL = r"([A-Z0-9]{3,8}|[a-z0-9]+(-[a-z0-9]+)*):[A-Za-z0-9._-]{1,64}"
_LONGEST = 140

PersonSubject = Annotated[str, Field(pattern=f"^{_PERSON}$")]
"""The pseudonym of a person, under the key named in it. Over HTTP, ingest makes it from `nhs-number:<10 digits>`."""

PreviousSubject = Annotated[
    PersonSubject | None,
    Field(
        description="While the pseudonym key is being changed: the same person's pseudonym under the other key, as "
        "`POST /pseudonyms` gives it. No part of what the event says"
    ),
]
"""The pseudonym by which the person of an event was known before."""


def another_key(subject: str, previous: str | None) -> None:
    """Refuse a `subjectprev` that names no person's other pseudonym. Raises PydanticCustomError."""
    if previous is None:
        return
    if not subject.startswith(PERSON_PREFIX):
        raise PydanticCustomError(
            "previous_of_no_person",
            "Only a person has another pseudonym.",
            {"field": "subjectprev", "expected": "no `subjectprev` beside this subject"},
        )
    if subject.split(":")[1] == previous.split(":")[1]:
        raise PydanticCustomError(
            "previous_under_the_same_key",
            "`subject` and `subjectprev` are pseudonyms under one key: they are two people's, or the same twice.",
            {"field": "subjectprev", "expected": "the same person's pseudonym under another key, or none"},
        )


LinkWorkerSubject = Annotated[str, Field(pattern=f"^link-worker:{_LOCAL}$", max_length=_LONGEST)]
"""A link worker: the organisation's code and the id it gave the worker."""

CommissionerSubject = Annotated[str, Field(pattern=f"^{_COMMISSIONER}$")]
"""A commissioner, by ODS code."""

TeamSubject = Annotated[str, Field(pattern=f"^team:{_LOCAL}$", max_length=_LONGEST)]
"""A team: the organisation's code and the id it gave the team."""

AnySubject = Annotated[
    str, Field(pattern=f"^({_PERSON}|{_COMMISSIONER}|(link-worker|team):{_LOCAL})$", max_length=_LONGEST)
]
"""Any of the four."""

SUBJECT_FORMS = {
    "person": "person:k1:<32 hex digits>, the pseudonym that the programme gives",
    "link-worker": "link-worker:<organisation>:<local id>",
    "commissioner": "commissioner:<ODS code>",
    "team": "team:<organisation>:<local id>",
    "any": "the subject of the event taken back, to the letter",
}
"""What a subject of each form looks like, in words."""


class Payload(Strict):
    """What all payloads share. `CODE_FIELDS` names the code list that each coded field draws on."""

    CODE_FIELDS: ClassVar[dict[str, str]] = {}
    ORGANISATION_FIELDS: ClassVar[tuple[str, ...]] = ()
    """Fields that name an organisation by the slug or ODS code of the provider register."""


class Event(Strict):
    """One thing that happened to one subject, as its provider states it.

    Instances exist only of the kinds, and only checked. `time` is aware and in UTC.
    """

    KIND: ClassVar[str]
    COMPONENT: ClassVar[str]
    SUBJECT: ClassVar[str]
    """The form its subject takes: person, link-worker, commissioner, team or any."""

    specversion: Annotated[Literal["1.0"], Field(description="The CloudEvents version")]
    id: Annotated[Ref, Field(description="Chosen by the provider, unique within its `source`; a UUID is best")]
    source: Annotated[Source, Field(description="The organisation that states this, as in the provider register")]
    type: Annotated[str, Field(description="The kind of event, and the version of its rules")]
    subject: Annotated[str, Field(description="Whom or what it is about")]
    time: Annotated[Instant, Field(description="When it happened: this decides its financial year (Europe/London)")]
    recordedtime: Annotated[Instant | None, Field(description="When the provider's own system recorded it")] = None
    datacontenttype: Annotated[Literal["application/json"] | None, Field(description="The form of `data`")] = None
    dataschema: Annotated[str | None, Field(description="The URI of the kind's JSON Schema")] = None
    traceparent: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            description="W3C trace context, to follow an event through the systems",
        ),
    ] = None
    data: Payload

    @property
    def pseudonyms(self) -> tuple[str, ...]:
        """The pseudonyms by which the event names its person, the subject first; none where it is about no person."""
        if not self.subject.startswith(PERSON_PREFIX):
            return ()
        previous: str | None = getattr(self, "subjectprev", None)
        return (self.subject,) if previous is None else (self.subject, previous)

    @property
    def kind(self) -> str:
        """The short name of the type: "sp-referral"."""
        return self.KIND


def type_of(kind: str) -> str:
    """Return the CloudEvents type of a kind."""
    return f"{TYPE_PREFIX}{kind}{TYPE_SUFFIX}"


def schema_of(kind: str) -> str:
    """Return the URI of a kind's JSON Schema, the only value `dataschema` may have."""
    return f"{SCHEMA_PREFIX}{kind}:v1"
