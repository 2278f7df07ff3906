"""Taking an event back."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pcare_schemas.envelope import AnySubject, Event, Payload, PreviousSubject, another_key
from pcare_schemas.fields import Ref

RetractionReason = Literal["entered_in_error", "duplicate", "wrong_person", "consent_withdrawn"]


class EventRetractedData(Payload):
    """Which event no longer stands."""

    retracts: Annotated[Ref, Field(description="The id of an event of the same source and the same subject")]
    reason: Annotated[RetractionReason, Field(description="Why it no longer stands")]


class EventRetracted(Event):
    """An event is taken back by its provider. A correction is a retraction and a new event, with a new id."""

    KIND: ClassVar[str] = "event-retracted"
    COMPONENT: ClassVar[str] = "any"
    SUBJECT: ClassVar[str] = "any"

    type: Literal["uk.nhs.ncl.personalised-care.event-retracted.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:event-retracted:v1"] | None = None
    subject: AnySubject
    subjectprev: PreviousSubject = None
    data: EventRetractedData

    @model_validator(mode="after")
    def _the_previous_is_under_another_key(self) -> Self:
        another_key(self.subject, self.subjectprev)
        return self
