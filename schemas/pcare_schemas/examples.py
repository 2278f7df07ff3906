"""One valid example of every kind, made-up throughout, for documents, tests and whoever sends their first event."""

import datetime as dt
import hashlib
import uuid
from typing import Any, Final

from pcare_schemas.check import Record
from pcare_schemas.envelope import type_of
from pcare_schemas.kinds import KINDS
from pcare_schemas.topics import SUBMITTED

ODS = "https://fhir.nhs.uk/Id/ods-organization-code/"
WHITTINGTON = ODS + "RKE"
ROYAL_FREE = ODS + "RAL"
UCLH = ODS + "RRV"
NLFT = ODS + "G6V2S"
COMMUNITY = ODS + "RYX"
ICB = ODS + "QMJ"

RECEIVED: Final = dt.datetime(2024, 6, 30, 12, tzinfo=dt.UTC)
"""When the examples were received: a verdict depends on it."""


def person(name: str) -> str:
    """Return a pseudonym as it looks; there is nobody behind it."""
    return f"person:k1:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


_ALEX, _SAM, _KIM = person("first example"), person("second example"), person("third example")
_ISLINGTON = {"borough": "E09000019", "age_band": "65-69", "sex": "female", "ethnic_category": "A", "imd_decile": 3}
_BARNET = {"borough": "E09000003", "age_band": "45-49", "sex": "male", "ethnic_category": "H"}
_CAMDEN = {"borough": "E09000007", "age_band": "30-34"}


def _snomed(code: str) -> dict[str, str]:
    return {"snomed_code": code, "snomed_version": "20240410"}


def _event(kind: str, source: str, subject: str, time: str, data: dict[str, Any], **more: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, type_of(kind))),
        "source": source,
        "type": type_of(kind),
        "subject": subject,
        "time": time,
        **more,
        "datacontenttype": "application/json",
        "data": data,
    }


_EVENTS = [
    _event(
        "choice-offered",
        UCLH,
        _ALEX,
        "2024-04-09T10:20:00+01:00",
        {
            **_CAMDEN,
            "referral_ref": "ERS-2024-0417-A",
            "elective": True,
            "via_ers": True,
            "providers_offered": 4,
            "choice_exercised": True,
        },
    ),
    _event(
        "choice-standards-assessed",
        ICB,
        "commissioner:QMJ",
        "2024-03-28T16:00:00Z",
        {"standards_met": [1, 2, 3, 4, 5, 6, 8, 9]},
    ),
    _event(
        "sp-referral",
        WHITTINGTON,
        _ALEX,
        "2024-04-12T09:15:00+01:00",
        {
            **_ISLINGTON,
            **_snomed("871731000000106"),
            "pcn": "U12345",
            "referral_ref": "SP-7f3a91",
            "referrer": "hospital",
            "reasons": ["long_term_condition", "lonely_or_isolated"],
        },
        recordedtime="2024-04-12T09:21:43+01:00",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    _event(
        "sp-declined",
        WHITTINGTON,
        _SAM,
        "2024-04-15T11:00:00+01:00",
        {**_BARNET, **_snomed("871711000000103"), "referral_ref": "SP-7f3b02"},
    ),
    _event(
        "sp-closed",
        COMMUNITY,
        _ALEX,
        "2024-06-21T14:30:00+01:00",
        {**_ISLINGTON, "referral_ref": "SP-7f3a91", "ref_source": WHITTINGTON, "outcome": "goals_met"},
    ),
    _event(
        "link-worker-joined",
        COMMUNITY,
        "link-worker:RYX:lw-014",
        "2024-04-02T09:00:00+01:00",
        {"pcn": "U12345", "borough": "E09000003", "employer": "RYX", "wte": 0.8},
    ),
    _event(
        "link-worker-left",
        COMMUNITY,
        "link-worker:RYX:lw-009",
        "2024-05-31T17:00:00+01:00",
        {"pcn": "U12345", "borough": "E09000003", "employer": "RYX", "wte": 1.0},
    ),
    _event(
        "sdm-conversation",
        ROYAL_FREE,
        _SAM,
        "2024-05-14T13:45:00+01:00",
        {
            **_BARNET,
            **_snomed("815691000000107"),
            "conversation_ref": "SDM-20a7",
            "situation": "knee_pain",
            "setting": "secondary",
            "decision_aid": True,
            "decision": "option_chosen",
        },
    ),
    _event(
        "collaborate-scored",
        ROYAL_FREE,
        "team:RAL:msk-clinic-2",
        "2024-05-15T09:00:00+01:00",
        {"team": "msk-clinic-2", "borough": "E09000003", "understand": 9, "listen": 9, "include": 8},
    ),
    _event(
        "pam-scored",
        WHITTINGTON,
        _ALEX,
        "2024-04-19T10:00:00+01:00",
        {
            **_ISLINGTON,
            **_snomed("962851000000103"),
            "score": 52.9,
            "level": 2,
            "instrument": "PAM-13",
            "cut_points": "classic",
            "plan_ref": "PCSP-0c41",
        },
    ),
    _event(
        "self-management-referral",
        WHITTINGTON,
        _ALEX,
        "2024-04-19T10:25:00+01:00",
        {**_ISLINGTON, "referral_ref": "SSM-118", "programme": "diabetes_education"},
    ),
    _event(
        "self-management-completed",
        WHITTINGTON,
        _ALEX,
        "2024-06-14T16:00:00+01:00",
        {**_ISLINGTON, "referral_ref": "SSM-118", "programme": "diabetes_education"},
    ),
    _event(
        "care-plan-agreed",
        WHITTINGTON,
        _ALEX,
        "2024-04-19T10:30:00+01:00",
        {
            **_ISLINGTON,
            **_snomed("1187911000000105"),
            "plan_ref": "PCSP-0c41",
            "plan_kind": "long_term_condition",
            "review_due": "2025-04-19",
        },
    ),
    _event(
        "care-plan-reviewed",
        WHITTINGTON,
        _KIM,
        "2024-05-07T15:00:00+01:00",
        {**_CAMDEN, **_snomed("1187921000000104"), "plan_ref": "PCSP-09f2", "next_review_due": "2025-05-07"},
    ),
    _event(
        "care-plan-ended",
        WHITTINGTON,
        _KIM,
        "2024-06-10T12:00:00+01:00",
        {**_CAMDEN, "plan_ref": "PCSP-09f2", "reason": "moved_away"},
    ),
    _event(
        "care-plan-declined",
        NLFT,
        _SAM,
        "2024-05-20T11:30:00+01:00",
        {**_BARNET, **_snomed("1325711000000103"), "reason": "not_now"},
    ),
    _event(
        "phb-issued",
        ICB,
        _KIM,
        "2024-04-25T09:00:00+01:00",
        {
            **_CAMDEN,
            "budget_ref": "PHB-5512",
            "starts": "2024-05-01",
            "cohorts": ["adult_chc", "adult_ld"],
            "management": ["direct_payment", "notional"],
            "annual_value_pence": 1845000,
            "plan_ref": "PCSP-09f2",
        },
    ),
    _event(
        "phb-ended",
        ICB,
        _KIM,
        "2024-06-12T09:00:00+01:00",
        {**_CAMDEN, "budget_ref": "PHB-5512", "reason": "moved_away"},
    ),
    _event(
        "event-retracted",
        WHITTINGTON,
        _ALEX,
        "2024-04-22T08:50:00+01:00",
        {"retracts": str(uuid.uuid5(uuid.NAMESPACE_URL, type_of("pam-scored"))), "reason": "entered_in_error"},
    ),
]

VALID: Final[dict[str, dict[str, Any]]] = {
    name: next(event for event in _EVENTS if event["type"] == type_of(name)) for name in KINDS
}
"""An event of every kind, by kind."""


def as_record(value: bytes, subject: str) -> Record:
    """Return the bytes as the record that the examples stand for."""
    return Record(value=value, key=subject.encode(), topic=SUBMITTED, timestamp=RECEIVED)
