"""What the tests of the contract share."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from pcare_schemas.check import Record, check
from pcare_schemas.envelope import Event
from pcare_schemas.examples import RECEIVED, VALID
from pcare_schemas.rejections import Rejection
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

MISSING = object()
Change = Callable[..., dict[str, Any]]
Judge = Callable[..., Event | Rejection]


@pytest.fixture(scope="session")
def rules() -> Rules:
    return Rules.load()


@pytest.fixture(scope="session")
def changed() -> Change:
    """Return a valid example of a kind, changed: envelope attributes by name, payload fields as `data`."""

    def change(kind: str, data: dict[str, Any] | None = None, without: tuple[str, ...] = (), **more: Any) -> Any:
        event = {**copy.deepcopy(VALID[kind]), **more}
        event["data"] |= data or {}
        for name in without:
            del (event["data"] if name in event["data"] else event)[name]
        return event

    return change


@pytest.fixture(scope="session")
def judge(rules: Rules) -> Judge:
    """Check an event as the recorder would: over the shared topic, keyed by its subject, unless told otherwise."""

    def judged(event: Any, *, by: Rules = rules, key: Any = MISSING, **record: Any) -> Event | Rejection:
        value = event if isinstance(event, bytes | None) else json.dumps(event).encode()
        if key is MISSING:
            claimed = event.get("subject") if isinstance(event, dict) else None
            key = claimed.encode() if isinstance(claimed, str) else None
        return check(Record(value, key, **{"topic": SUBMITTED, "timestamp": RECEIVED, **record}), by)

    return judged
