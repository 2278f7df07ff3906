"""Enabling choice."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, FailFast, Field

from pcare_schemas.envelope import CommissionerSubject, Event, Payload
from pcare_schemas.fields import Ref, each_once
from pcare_schemas.person import PersonData, PersonEvent, RefSource

COMPONENT = "enabling choice"


class ChoiceOfferedData(PersonData):
    """A referral at which the person was offered a choice of provider."""

    referral_ref: Annotated[Ref, Field(description="The referral, as its referrer numbers it")]
    ref_source: RefSource = None
    elective: Annotated[bool, Field(description="Whether the referral is elective")]
    via_ers: Annotated[bool, Field(description="Whether it went through the NHS e-Referral Service")]
    providers_offered: Annotated[
        int, Field(ge=0, le=999, description="How many providers the person could choose from")
    ]
    choice_exercised: Annotated[bool, Field(description="Whether the person chose")]


class ChoiceOffered(PersonEvent):
    """A person was offered a choice of provider."""

    KIND: ClassVar[str] = "choice-offered"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.choice-offered.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:choice-offered:v1"] | None = None
    data: ChoiceOfferedData


class ChoiceStandardsAssessedData(Payload):
    """Which of the nine minimum standards a commissioner meets."""

    CODE_FIELDS: ClassVar[dict[str, str]] = {"standards_met": "choice-standards"}

    standards_met: Annotated[
        tuple[Annotated[int, Field(ge=0, le=999)], ...],
        Field(
            max_length=9,
            description="The numbers of the minimum standards met; those left out are not met",
            json_schema_extra={"uniqueItems": True},
        ),
        FailFast(),
        AfterValidator(each_once),
    ]


class ChoiceStandardsAssessed(Event):
    """A commissioner was assessed against the minimum standards of the CCG Choice Planning and Improvement Guide."""

    KIND: ClassVar[str] = "choice-standards-assessed"
    COMPONENT: ClassVar[str] = COMPONENT
    SUBJECT: ClassVar[str] = "commissioner"

    type: Literal["uk.nhs.ncl.personalised-care.choice-standards-assessed.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:choice-standards-assessed:v1"] | None = None
    subject: CommissionerSubject
    data: ChoiceStandardsAssessedData
