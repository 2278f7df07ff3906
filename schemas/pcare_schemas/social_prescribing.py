"""Social prescribing and community-based support."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, FailFast, Field

from pcare_schemas.envelope import Event, LinkWorkerSubject, Payload
from pcare_schemas.fields import Code, OrganisationCode, Pcn, Ref, each_once, to_decimals
from pcare_schemas.person import PersonData, PersonEvent, RefSource

COMPONENT = "social prescribing"

Referrer = Literal["gp", "pcn_staff", "nhs_111", "hospital", "council", "voluntary_sector", "self", "other"]
ReferralReason = Literal["long_term_condition", "mental_health", "lonely_or_isolated", "complex_social_needs"]
ReferralOutcome = Literal[
    "goals_met", "goals_partly_met", "referred_on", "no_longer_wanted", "not_reached", "moved_away", "died", "other"
]

Wte = Annotated[float, Field(ge=0, le=1), AfterValidator(to_decimals(2))]
WTE = "Whole-time equivalent, 0 to 1, to two decimals"


class SpReferralData(PersonData):
    """A referral to a link worker: once an episode, under one reference."""

    ORGANISATION_FIELDS: ClassVar[tuple[str, ...]] = ("link_worker_provider",)

    referral_ref: Annotated[
        Ref, Field(description="The referral. A second event with the same reference is the same referral")
    ]
    ref_source: RefSource = None
    referrer: Annotated[Referrer, Field(description="Who referred")]
    reasons: Annotated[
        tuple[ReferralReason, ...],
        Field(min_length=1, max_length=4, description="Why: one or more", json_schema_extra={"uniqueItems": True}),
        FailFast(),
        AfterValidator(each_once),
    ]
    link_worker_provider: Annotated[
        OrganisationCode | None, Field(description="Whose link worker: ODS code, or slug of the provider register")
    ] = None


class SpReferral(PersonEvent):
    """A person was referred to a social prescribing link worker."""

    KIND: ClassVar[str] = "sp-referral"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.sp-referral.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:sp-referral:v1"] | None = None
    data: SpReferralData


class SpDeclinedData(PersonData):
    """A referral to a link worker that the person did not want."""

    referral_ref: Annotated[Ref | None, Field(description="The referral declined, if one had been made")] = None
    ref_source: RefSource = None


class SpDeclined(PersonEvent):
    """A person declined social prescribing."""

    KIND: ClassVar[str] = "sp-declined"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.sp-declined.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:sp-declined:v1"] | None = None
    data: SpDeclinedData


class SpClosedData(PersonData):
    """The end of an episode with a link worker."""

    referral_ref: Annotated[Ref, Field(description="The referral that opened the episode")]
    ref_source: RefSource = None
    outcome: Annotated[ReferralOutcome, Field(description="How it ended")]


class SpClosed(PersonEvent):
    """A social prescribing episode was closed."""

    KIND: ClassVar[str] = "sp-closed"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.sp-closed.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:sp-closed:v1"] | None = None
    data: SpClosedData


class LinkWorkerData(Payload):
    """Where a link worker works, and how much."""

    CODE_FIELDS: ClassVar[dict[str, str]] = {"borough": "boroughs"}
    ORGANISATION_FIELDS: ClassVar[tuple[str, ...]] = ("employer",)

    pcn: Annotated[Pcn, Field(description="The primary care network served: U and 5 digits")]
    borough: Annotated[
        Code | None, Field(description="The borough served (GSS code). Left out, the post counts for NCL only")
    ] = None


class LinkWorkerJoinedData(LinkWorkerData):
    """A link worker's new post."""

    employer: Annotated[OrganisationCode, Field(description="ODS code, or slug of the provider register")]
    wte: Annotated[Wte, Field(description=WTE)]


class LinkWorkerLeftData(LinkWorkerData):
    """The post that a link worker left."""

    employer: Annotated[OrganisationCode | None, Field(description="ODS code, or slug of the provider register")] = None
    wte: Annotated[Wte | None, Field(description=WTE)] = None


class LinkWorkerJoined(Event):
    """A link worker took up post."""

    KIND: ClassVar[str] = "link-worker-joined"
    COMPONENT: ClassVar[str] = COMPONENT
    SUBJECT: ClassVar[str] = "link-worker"

    type: Literal["uk.nhs.ncl.personalised-care.link-worker-joined.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:link-worker-joined:v1"] | None = None
    subject: LinkWorkerSubject
    data: LinkWorkerJoinedData


class LinkWorkerLeft(Event):
    """A link worker left their post."""

    KIND: ClassVar[str] = "link-worker-left"
    COMPONENT: ClassVar[str] = COMPONENT
    SUBJECT: ClassVar[str] = "link-worker"

    type: Literal["uk.nhs.ncl.personalised-care.link-worker-left.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:link-worker-left:v1"] | None = None
    subject: LinkWorkerSubject
    data: LinkWorkerLeftData
