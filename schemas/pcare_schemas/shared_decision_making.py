"""Shared decision making."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pcare_schemas.envelope import Event, Payload, TeamSubject
from pcare_schemas.fields import Code, Ref
from pcare_schemas.person import PersonData, PersonEvent, RefSource

COMPONENT = "shared decision making"

Setting = Literal["primary", "secondary", "interface"]
Decision = Literal["option_chosen", "no_change", "deferred"]


class SdmConversationData(PersonData):
    """A conversation in which a decision was shared. It may span several contacts: one event each, one reference."""

    CODE_FIELDS: ClassVar[dict[str, str]] = {**PersonData.CODE_FIELDS, "situation": "situations"}

    conversation_ref: Annotated[
        Ref, Field(description="The conversation. Several contacts about one decision share it")
    ]
    ref_source: RefSource = None
    situation: Annotated[Code, Field(description="The high-value clinical situation: a code of the list")]
    setting: Annotated[Setting, Field(description="Primary care, secondary care, or the interface between them")]
    decision_aid: Annotated[bool, Field(description="Whether a patient decision aid was used")] = False
    decision: Annotated[Decision, Field(description="What came of it")]


class SdmConversation(PersonEvent):
    """A shared decision making conversation took place."""

    KIND: ClassVar[str] = "sdm-conversation"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.sdm-conversation.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:sdm-conversation:v1"] | None = None
    data: SdmConversationData


CollaborateItem = Annotated[int, Field(ge=0, le=9)]


class CollaborateScoredData(Payload):
    """One encounter's answers to the three collaboRATE items, each 0 (no effort) to 9 (every effort)."""

    CODE_FIELDS: ClassVar[dict[str, str]] = {"borough": "boroughs"}

    team: Annotated[Ref, Field(description="The team's id: the last part of the subject")]
    borough: Annotated[
        Code | None, Field(description="The borough the team works in (GSS code). Left out: counts for NCL only")
    ] = None
    understand: Annotated[CollaborateItem, Field(description="Effort to help understand the health issues")]
    listen: Annotated[CollaborateItem, Field(description="Effort to listen to what matters most")]
    include: Annotated[CollaborateItem, Field(description="Effort to include it in choosing what to do next")]


class CollaborateScored(Event):
    """A person answered collaboRATE, anonymously: the event is about the team and names no person."""

    KIND: ClassVar[str] = "collaborate-scored"
    COMPONENT: ClassVar[str] = COMPONENT
    SUBJECT: ClassVar[str] = "team"

    type: Literal["uk.nhs.ncl.personalised-care.collaborate-scored.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:collaborate-scored:v1"] | None = None
    subject: TeamSubject
    data: CollaborateScoredData

    @model_validator(mode="after")
    def _the_team_is_the_subject(self) -> Self:
        if self.subject.rpartition(":")[2] != self.data.team:
            raise PydanticCustomError(
                "team_not_subject",
                "The team is not the one that the subject names.",
                {"pointer": "/data/team", "expected": "the last part of `subject`"},
            )
        return self
