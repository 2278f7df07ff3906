"""What the made-up events say, a function a kind. Each returns the payload beyond the part about the person."""

import datetime as dt
from random import Random
from typing import Any

from pcare_schemas.self_management import pam_level

SITUATIONS = (
    "atrial_fibrillation", "hypertension", "high_cholesterol", "hip_pain", "knee_pain", "shoulder_pain", "back_pain",
    "last_year_of_life", "care_home_medication", "copd_pulmonary_rehabilitation", "smr_frailty", "smr_complex_needs",
)  # fmt: skip
REASONS = ("long_term_condition", "mental_health", "lonely_or_isolated", "complex_social_needs")
COHORTS = (
    "adult_chc", "adult_joint", "s117", "adult_ld", "wheelchair", "cyp_continuing_care", "end_of_life", "ltc",
    "dementia",
)  # fmt: skip
PROGRAMMES = ("expert_patients", "diabetes_education", "pulmonary_rehabilitation", "health_coaching", "peer_support")
PLAN_KINDS = ("long_term_condition", "mental_health", "frailty", "cancer", "learning_disability", "end_of_life")


def sdm_conversation(random: Random, ref: str) -> dict[str, Any]:
    """Return a conversation; the first situations are the commonest, so that some stay below the threshold."""
    return {
        "conversation_ref": ref,
        "situation": random.choices(SITUATIONS, weights=range(len(SITUATIONS) * 3, 0, -3))[0],
        "setting": random.choice(("primary", "primary", "secondary", "interface")),
        "decision_aid": random.random() < 0.3,
        "decision": random.choice(("option_chosen", "option_chosen", "no_change", "deferred")),
        **_snomed(random, "815691000000107"),
    }


def sp_referral(random: Random, ref: str, referrer: str) -> dict[str, Any]:
    """Return a referral to the link workers' host."""
    return {
        "referral_ref": ref,
        "referrer": referrer,
        "reasons": random.sample(REASONS, random.randint(1, 2)),
        "link_worker_provider": "demo-link-workers",
        **_snomed(random, "871731000000106"),
    }


def sp_closed(random: Random, ref: str) -> dict[str, Any]:
    """Return the end of an episode."""
    return {"referral_ref": ref, "outcome": random.choice(("goals_met", "goals_partly_met", "referred_on", "other"))}


def pam_scored(random: Random) -> dict[str, Any]:
    """Return a measure whose level is that of its score."""
    score = round(random.triangular(20, 100, 58), 1)
    cut_points = random.choice(("classic", "revised"))
    return {
        "score": score,
        "level": pam_level(score, cut_points),
        "instrument": random.choice(("PAM-13", "PAM-13", "PAM-10")),
        "cut_points": cut_points,
    }


def care_plan_agreed(random: Random, ref: str, day: dt.date) -> dict[str, Any]:
    """Return a plan, due for review in a year."""
    return {
        "plan_ref": ref,
        "plan_kind": random.choice(PLAN_KINDS),
        "review_due": (day + dt.timedelta(days=365)).isoformat(),
        **_snomed(random, "1187911000000105"),
    }


def care_plan_ended(random: Random, ref: str) -> dict[str, Any]:
    """Return the end of a plan."""
    return {"plan_ref": ref, "reason": random.choice(("goals_met", "replaced", "no_longer_wanted", "moved_away"))}


def phb_issued(random: Random, ref: str, day: dt.date) -> dict[str, Any]:
    """Return a budget; some start later or earlier than they are issued, some are single payments."""
    data: dict[str, Any] = {
        "budget_ref": ref,
        "cohorts": random.sample(COHORTS, random.choice((1, 1, 1, 2))),
        "management": random.sample(("direct_payment", "notional", "third_party"), random.choice((1, 1, 1, 2))),
        "integrated": random.random() < 0.2,
        "one_off": random.random() < 0.15,
        "annual_value_pence": random.randrange(50_000, 6_000_000, 500),
    }
    if random.random() < 0.4:
        data["starts"] = (day + dt.timedelta(days=random.randint(-30, 30))).isoformat()
    return data


def phb_ended(random: Random, ref: str) -> dict[str, Any]:
    """Return the end of a budget."""
    return {"budget_ref": ref, "reason": random.choice(("no_longer_eligible", "spent", "replaced", "moved_away"))}


def choice_offered(random: Random, ref: str) -> dict[str, Any]:
    """Return a referral at which a choice of provider was offered."""
    return {
        "referral_ref": ref,
        "elective": random.random() < 0.9,
        "via_ers": random.random() < 0.95,
        "providers_offered": random.randint(0, 5),
        "choice_exercised": random.random() < 0.85,
    }


def course(random: Random, ref: str) -> dict[str, Any]:
    """Return a self-management programme."""
    return {"referral_ref": ref, "programme": random.choice(PROGRAMMES)}


def collaborate_scored(random: Random, team: str, borough: str) -> dict[str, Any]:
    """Return one person's answers to the three items, about a team; about half give the best to all three."""
    best = random.random() < 0.5
    understand, listen, include = (9 if best else random.randint(lowest, 9) for lowest in (5, 5, 4))
    return {"team": team, "borough": borough, "understand": understand, "listen": listen, "include": include}


def _snomed(random: Random, code: str) -> dict[str, str]:
    return {"snomed_code": code, "snomed_version": "20240410"} if random.random() < 0.5 else {}
