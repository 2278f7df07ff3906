"""Carries out flows without a network or a clock."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pcare_client import Anyone, Credentials, Event, Events, Retry
from pcare_client.exchange import Flow, Lost, Outcome, Reply, Request, Wait
from pcare_client.retrying import Context

T = TypeVar("T")
NHS_NUMBER = "9990000018"
RKE = Events("RKE")


def an_event(id: str | None = None) -> Event:  # noqa: A002
    return RKE.care_plan_reviewed(
        nhs_number=NHS_NUMBER, time="2024-06-21T11:00:00+01:00", borough="E09000019", plan_ref="PCSP-0c41", id=id
    )


def context(
    retry: Retry | None = None, credentials: Credentials | None = None, now: Callable[[], float] = lambda: 0.0
) -> Context:
    return Context(credentials or Anyone(), retry or Retry(), now, lambda: 0.5)


def reply(status: int, document: Any = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, named, b"" if document is None else json.dumps(document).encode())


def accepted(*events: Event) -> Reply:
    return reply(202, [{"index": n, "id": event.id, "status": "accepted"} for n, event in enumerate(events)])


def carry_out(flow: Flow[T], outcomes: Sequence[Reply | Lost]) -> tuple[T | Exception, list[Request], list[float]]:
    """Run a flow on these outcomes; return its result or what it raised, what was asked, and the waits."""
    waiting = iter(outcomes)
    requests: list[Request] = []
    waits: list[float] = []
    outcome: Outcome = None
    while True:
        try:
            step = flow.send(outcome)
        except StopIteration as end:
            return end.value, requests, waits
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error, requests, waits
        if isinstance(step, Wait):
            waits.append(step.seconds)
            outcome = None
        else:
            requests.append(step)
            outcome = next(waiting)
