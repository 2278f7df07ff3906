"""POST /fhir: how large one resource may be, so that nobody waits long while it is held against R4."""

import asyncio
import json
from typing import Any

import pytest
from fhir_support import bundle, example, issues, responses, send
from ingest_support import Service

from pcare_ingest.fhir import reading, taking
from pcare_ingest.fhir.limits import MAX_ITEMS, MAX_RESOURCE_BYTES, MAX_VALUES

KNOWN = frozenset({"Observation"})


def of_size(size: int) -> dict[str, Any]:
    """Return a resource that has so many bytes as JSON."""
    resource = example("pam-scored") | {"note": [{"text": ""}]}
    resource["note"][0]["text"] = "x" * (size - len(json.dumps(resource)))
    return resource


def beside(size: int) -> dict[str, Any]:
    """Return a Bundle whose entry holds so many bytes beside its resource."""
    sent = bundle("batch", example("pam-scored"))
    sent["entry"][0]["link"] = [{"relation": "self", "url": "x" * size}]
    return sent


@pytest.mark.parametrize(("size", "status"), [(MAX_RESOURCE_BYTES, 201), (MAX_RESOURCE_BYTES + 1, 413)])
async def test_a_resource_is_as_large_as_an_event_may_be(service: Service, size: int, status: int) -> None:
    alone = await send(service, of_size(size))
    together = responses(await send(service, bundle("batch", of_size(size), example("sdm-conversation"))))
    whole = await send(service, bundle("transaction", of_size(size), example("sdm-conversation")))

    assert alone.status_code == status
    assert [one["status"][:3] for one in together] == [str(status), "201"]
    assert whole.status_code == (status if status == 413 else 200)
    if status == 413:
        for issue, at in (
            (issues(alone)[0], None),
            (together[0]["outcome"]["issue"][0], ["Bundle.entry[0].resource"]),
            (issues(whole)[0], ["Bundle.entry[0].resource"]),
        ):
            assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("too-long", "too_large")
            assert issue.get("expression") == at


@pytest.mark.parametrize(
    "sent",
    [
        b" " * (MAX_RESOURCE_BYTES + 1),
        b'{"resourceType":"' + b"B" * MAX_RESOURCE_BYTES + b'"}',
        json.dumps({"resourceType": ["Bundle"] * MAX_RESOURCE_BYTES}).encode(),
        json.dumps({**bundle("batch", example("pam-scored")), "id": "x" * MAX_RESOURCE_BYTES}).encode(),
        json.dumps(beside(MAX_RESOURCE_BYTES)).encode(),
    ],
    ids=["no JSON", "a long name of a type", "many types", "beside the entries", "beside the resource"],
)
async def test_nothing_large_is_read_that_is_no_resource(
    service: Service, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    largest = 0
    parse = reading.parse

    def measure(data: bytes, at: str | None = None) -> Any:
        nonlocal largest
        largest = max(largest, len(data))
        return parse(data, at)

    monkeypatch.setattr(reading, "parse", measure)

    answer = await send(service, sent)

    issue = issues(answer)[0] if answer.status_code == 413 else responses(answer)[0]["outcome"]["issue"][0]
    assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("too-long", "too_large")
    assert largest < MAX_RESOURCE_BYTES


def many_values() -> dict[str, Any]:
    """Return a resource of more values than one may have, in lists that are short enough."""
    lists = MAX_VALUES // MAX_ITEMS + 1
    return example("pam-scored") | {"component": [{"extension": [{}] * MAX_ITEMS} for _ in range(lists)]}


@pytest.mark.parametrize(
    ("resource", "wrong"),
    [
        (example("pam-scored") | {"note": [{"text": "x"}] * MAX_ITEMS}, None),
        (example("pam-scored") | {"note": [{"text": "x"}] * (MAX_ITEMS + 1)}, "too-long"),
        (example("pam-scored") | {"contained": [{"resourceType": "Patient"}] * (MAX_ITEMS + 1)}, "too-long"),
        (many_values(), "too-long"),
    ],
    ids=["the longest list", "a longer one", "too much contained", "too many values"],
)
async def test_a_resource_has_so_many_values_and_no_more(
    service: Service, resource: dict[str, Any], wrong: str | None
) -> None:
    answer = await send(service, resource)

    assert answer.status_code == (201 if wrong is None else 422), answer.text
    assert wrong is None or issues(answer)[0]["code"] == wrong


async def test_others_get_their_turn_between_large_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    request = taking.take(json.dumps(bundle("batch", *[of_size(taking.SLICE_BYTES)] * 5)).encode())
    read: list[int] = []
    since = 0
    check = reading.check

    async def turn(_seconds: float) -> None:
        nonlocal since
        read.append(since)
        since = 0

    def note(*args: Any, **kwargs: Any) -> None:
        nonlocal since
        since += "entry" not in kwargs
        check(*args, **kwargs)

    monkeypatch.setattr(asyncio, "sleep", turn)
    monkeypatch.setattr(reading, "check", note)
    resources = await taking.read(request, KNOWN)

    assert len(resources.read) == 5
    assert max(read) == 1


async def test_others_get_their_turn_after_a_resource_that_is_unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0
    bad = example("pam-scored") | {"mood": 1}
    request = taking.take(json.dumps(bundle("batch", *[bad] * taking.SLICE)).encode())

    async def turn(_seconds: float) -> None:
        nonlocal turns
        turns += 1

    monkeypatch.setattr(asyncio, "sleep", turn)
    await taking.read(request, KNOWN)

    assert turns >= taking.SLICE
