"""Sends personalised-care events, safely.

    from pcare_client import ApiKey, Client

    with Client("https://ingest.example", source="RKE", credentials=ApiKey.from_env()) as client:
        event = client.events.care_plan_agreed(
            nhs_number="9990000018", time="2024-04-19T10:30:00+01:00", borough="E09000019",
            plan_ref="PCSP-0c41", plan_kind="long_term_condition",
        )
        verdict = client.send(event)

An event's id is chosen once, when it is built; whatever is sent again carries the same, so nothing counts twice.
"""

from pcare_client.client import AsyncClient, Client
from pcare_client.credentials import Anyone, ApiKey, ClientCredentials, Credentials
from pcare_client.errors import NotUnderstoodError, PcareError, RefusedError, UnavailableError
from pcare_client.event import Event
from pcare_client.events import Events
from pcare_client.results import FieldError, Problem, Pseudonym, Receipt, Verdict
from pcare_client.retrying import Retry

__all__ = [
    "Anyone",
    "ApiKey",
    "AsyncClient",
    "Client",
    "ClientCredentials",
    "Credentials",
    "Event",
    "Events",
    "FieldError",
    "NotUnderstoodError",
    "PcareError",
    "Problem",
    "Pseudonym",
    "Receipt",
    "RefusedError",
    "Retry",
    "UnavailableError",
    "Verdict",
]
