"""Events that tests send, each a dict to be changed at will."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

PREFIX = "uk.nhs.ncl.personalised-care."
WHITTINGTON = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
CAMDEN = "E09000007"
BARNET = "E09000003"
A_PERSON = "nhs-number:9990000018"
ANOTHER_PERSON = "nhs-number:9990000026"


def recently() -> str:
    """Return a moment an hour ago, as an event's time."""
    return (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def event(kind: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """Return an event of a kind, about A_PERSON in Camden unless said otherwise."""
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": WHITTINGTON,
        "type": f"{PREFIX}{kind}.v1",
        "subject": A_PERSON,
        "time": recently(),
        "data": {"borough": CAMDEN, **data},
        **attributes,
    }


def referral(ref: str = "r-1", **attributes: Any) -> dict[str, Any]:
    """Return a social prescribing referral."""
    return event("sp-referral", {"referral_ref": ref, "referrer": "gp", "reasons": ["mental_health"]}, **attributes)


def pam(score: float = 50.0, level: int = 2, **attributes: Any) -> dict[str, Any]:
    """Return a PAM score."""
    data = {"score": score, "level": level, "instrument": "PAM-13", "cut_points": "classic"}
    return event("pam-scored", data, **attributes)


def retraction(target: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """Return the retraction of an event."""
    data = {"retracts": target["id"], "reason": "entered_in_error"}
    return event("event-retracted", data, subject=target["subject"]) | {"data": data} | attributes
