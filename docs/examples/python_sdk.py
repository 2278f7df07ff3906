"""Sends one event with an API key and prints what came of it, by the client package (pip install pcare-client).

INGEST=https://ingest.example PCARE_API_KEY=pcare_... python python_sdk.py
"""

import os

from pcare_client import ApiKey, Client

with Client(
    os.environ.get("INGEST", "http://127.0.0.1:8080"), source="RKE", credentials=ApiKey.from_env("PCARE_API_KEY")
) as client:
    event = client.events.care_plan_agreed(
        nhs_number="9990000018",
        time="2024-04-19T10:30:00+01:00",
        borough="E09000019",
        plan_ref="PCSP-0c41",
        plan_kind="long_term_condition",
    )
    verdict = client.send(event)
    print("accepted" if verdict.accepted else verdict.problem, event.id)
    if verdict.receipt:
        print(client.receipt(verdict))
