"""All kinds of event, and the one parser of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, TypeAdapter

from pcare_schemas.care_planning import CarePlanAgreed, CarePlanDeclined, CarePlanEnded, CarePlanReviewed
from pcare_schemas.choice import ChoiceOffered, ChoiceStandardsAssessed
from pcare_schemas.envelope import Event, type_of
from pcare_schemas.personal_health_budgets import PhbEnded, PhbIssued
from pcare_schemas.retraction import EventRetracted
from pcare_schemas.self_management import PamScored, SelfManagementCompleted, SelfManagementReferral
from pcare_schemas.shared_decision_making import CollaborateScored, SdmConversation
from pcare_schemas.social_prescribing import LinkWorkerJoined, LinkWorkerLeft, SpClosed, SpDeclined, SpReferral

AnyEvent = Annotated[
    ChoiceOffered
    | ChoiceStandardsAssessed
    | SpReferral
    | SpDeclined
    | SpClosed
    | LinkWorkerJoined
    | LinkWorkerLeft
    | SdmConversation
    | CollaborateScored
    | PamScored
    | SelfManagementReferral
    | SelfManagementCompleted
    | CarePlanAgreed
    | CarePlanReviewed
    | CarePlanEnded
    | CarePlanDeclined
    | PhbIssued
    | PhbEnded
    | EventRetracted,
    Field(discriminator="type"),
]

EVENT_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
"""Parses an event straight from its bytes: `EVENT_ADAPTER.validate_json(value)`; raises ValidationError."""

KINDS: Mapping[str, type[Event]] = MappingProxyType(
    {
        kind.KIND: kind
        for kind in (
            ChoiceOffered,
            ChoiceStandardsAssessed,
            SpReferral,
            SpDeclined,
            SpClosed,
            LinkWorkerJoined,
            LinkWorkerLeft,
            SdmConversation,
            CollaborateScored,
            PamScored,
            SelfManagementReferral,
            SelfManagementCompleted,
            CarePlanAgreed,
            CarePlanReviewed,
            CarePlanEnded,
            CarePlanDeclined,
            PhbIssued,
            PhbEnded,
            EventRetracted,
        )
    }
)
"""The kinds by name, in the order of the event catalogue."""

TYPES: Mapping[str, type[Event]] = MappingProxyType({type_of(name): kind for name, kind in KINDS.items()})
"""The kinds by CloudEvents type."""
