"""The kinds of event that the fold can read, and where each keeps its reference."""

from collections.abc import Mapping
from typing import Literal

Kind = Literal[
    "sp-referral",
    "sdm-conversation",
    "pam-scored",
    "care-plan-agreed",
    "care-plan-reviewed",
    "care-plan-ended",
    "phb-issued",
    "phb-ended",
]

RETRACTED = "event-retracted"

WITH_REF: Mapping[str, str] = {
    "sp-referral": "referral_ref",
    "sdm-conversation": "conversation_ref",
    "care-plan-agreed": "plan_ref",
    "care-plan-reviewed": "plan_ref",
    "care-plan-ended": "plan_ref",
    "phb-issued": "budget_ref",
    "phb-ended": "budget_ref",
}
"""The field of an event's data that names the episode, plan or budget, for the kinds that have one."""
