"""Sends one event with an API key and prints what came of it, by requests alone.

INGEST=https://ingest.example PCARE_API_KEY=pcare_... python python_requests.py
"""

import os
import time
import uuid

import requests

INGEST = os.environ.get("INGEST", "http://127.0.0.1:8080")
AGAIN = {408, 429, 500, 502, 503, 504}

session = requests.Session()
session.headers["Authorization"] = "Bearer " + os.environ["PCARE_API_KEY"]

event = {
    "specversion": "1.0",
    "id": str(uuid.uuid4()),  # chosen once: it is what makes sending again safe
    "source": "https://fhir.nhs.uk/Id/ods-organization-code/RKE",
    "type": "uk.nhs.ncl.personalised-care.care-plan-agreed.v1",
    "subject": "nhs-number:9990000018",
    "time": "2024-04-19T10:30:00+01:00",
    "data": {"borough": "E09000019", "plan_ref": "PCSP-0c41", "plan_kind": "long_term_condition"},
}


def send(attempts: int = 6) -> requests.Response:
    """Send the event until there is an answer that sending again would not change."""
    for attempt in range(1, attempts + 1):
        wait = 2.0**attempt
        try:
            answer = session.post(
                f"{INGEST}/events", json=event, headers={"Content-Type": "application/cloudevents+json"}, timeout=30
            )
            if answer.status_code not in AGAIN:
                return answer
            wait = float(answer.headers.get("Retry-After", wait))
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(wait)
    raise SystemExit("not known whether it is stored: send it again later, with the same id")


answer = send()
print(answer.status_code, answer.text)
receipt = answer.headers.get("Location")
if receipt:
    print(session.get(INGEST + receipt, timeout=30).text)
