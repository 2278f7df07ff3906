"""Personalised care and support planning."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pcare_schemas.fields import Day, Ref
from pcare_schemas.person import PersonData, PersonEvent, RefSource

COMPONENT = "care and support planning"

PlanKind = Literal[
    "long_term_condition",
    "end_of_life",
    "continuing_care",
    "ehc_plan",
    "maternity",
    "mental_health",
    "cancer",
    "learning_disability",
    "frailty",
    "other",
]
PlanEnd = Literal["goals_met", "replaced", "no_longer_wanted", "moved_away", "died", "other"]
PlanDeclined = Literal["not_wanted", "not_now", "has_another_plan", "not_reached", "other"]
PlanRef = Annotated[Ref, Field(description="The plan")]


class CarePlanAgreedData(PersonData):
    """A plan agreed with the person."""

    plan_ref: PlanRef
    ref_source: RefSource = None
    plan_kind: Annotated[PlanKind, Field(description="What the plan is for")]
    review_due: Annotated[Day | None, Field(description="The day its review is due")] = None


class CarePlanAgreed(PersonEvent):
    """A personalised care and support plan was agreed. It is active for 12 months unless it ends before."""

    KIND: ClassVar[str] = "care-plan-agreed"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.care-plan-agreed.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:care-plan-agreed:v1"] | None = None
    data: CarePlanAgreedData


class CarePlanReviewedData(PersonData):
    """A review of a plan with the person."""

    plan_ref: PlanRef
    ref_source: RefSource = None
    next_review_due: Annotated[Day | None, Field(description="The day the next review is due")] = None


class CarePlanReviewed(PersonEvent):
    """A personalised care and support plan was reviewed."""

    KIND: ClassVar[str] = "care-plan-reviewed"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.care-plan-reviewed.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:care-plan-reviewed:v1"] | None = None
    data: CarePlanReviewedData


class CarePlanEndedData(PersonData):
    """The end of a plan."""

    plan_ref: PlanRef
    ref_source: RefSource = None
    reason: Annotated[PlanEnd, Field(description="Why it ended")]


class CarePlanEnded(PersonEvent):
    """A personalised care and support plan ended."""

    KIND: ClassVar[str] = "care-plan-ended"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.care-plan-ended.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:care-plan-ended:v1"] | None = None
    data: CarePlanEndedData


class CarePlanDeclinedData(PersonData):
    """A plan that the person did not want."""

    plan_ref: Annotated[Ref | None, Field(description="The plan declined, if it had a reference")] = None
    ref_source: RefSource = None
    reason: Annotated[PlanDeclined, Field(description="Why it was declined")]


class CarePlanDeclined(PersonEvent):
    """A person declined personalised care and support planning."""

    KIND: ClassVar[str] = "care-plan-declined"
    COMPONENT: ClassVar[str] = COMPONENT

    type: Literal["uk.nhs.ncl.personalised-care.care-plan-declined.v1"]
    dataschema: Literal["urn:ncl:personalised-care:schema:care-plan-declined:v1"] | None = None
    data: CarePlanDeclinedData
