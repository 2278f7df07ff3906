"""Made-up systems of a provider, for the conformance kit: one that does everything right, and a sloppy one."""

import datetime as dt
import time
from typing import Any
from uuid import uuid4

import httpx

from events import event, referral, retraction

ONE = {"content-type": "application/cloudevents+json"}
TRIES = 10
SECONDS_UNTIL_A_PERSON_LOOKS = 6


def exemplary(source: str) -> list[dict[str, Any]]:
    """Return events that show everything: two kinds, one sent twice, a correction, and one of three days ago."""
    late = (dt.datetime.now(dt.UTC) - dt.timedelta(days=3)).isoformat()
    wrong, right = referral("kit-1", source=source), referral("kit-1", source=source)
    plan = event("care-plan-agreed", {"plan_ref": "kit-p", "plan_kind": "frailty"}, source=source)
    back = {**retraction(wrong), "source": source}
    return [
        wrong,
        plan,
        wrong,
        back,
        right,
        referral("kit-2", source=source, time=late),
        referral("kit-3", source=source),
    ]


def client_of(address: str, key: str | None) -> httpx.Client:
    """Return what the systems send by."""
    headers = ONE if key is None else {**ONE, "authorization": f"Bearer {key}"}
    return httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=30)


def good(address: str, source: str, key: str | None = None) -> None:
    """Send until each event is answered; put aside what is refused, and send that when a person has looked at it."""
    with client_of(address, key) as client:
        aside = [one for one in exemplary(source) if not _until_answered(client, one)]
        if aside:
            time.sleep(SECONDS_UNTIL_A_PERSON_LOOKS)
        for one in aside:
            assert _until_answered(client, one)


def sloppy(address: str, source: str, key: str | None = None) -> None:
    """Give an event another id for each attempt, wait for nobody, and send again what is refused."""
    with client_of(address, key) as client:
        for number in range(6):
            one = referral(f"sloppy-{number}", source=source)
            for _ in range(3):
                answer = client.post("/events", json=one)
                if answer.status_code == httpx.codes.ACCEPTED:
                    break
                if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                    one = {**one, "id": str(uuid4())}


def _until_answered(client: httpx.Client, one: dict[str, Any]) -> bool:
    for _ in range(TRIES):
        answer = client.post("/events", json=one)
        if answer.status_code not in {429, 503}:
            return answer.status_code == httpx.codes.ACCEPTED
        time.sleep(float(answer.headers["Retry-After"]))
    raise AssertionError(f"no answer after {TRIES} attempts: {answer.text}")
