"""The inputs through a running ingest: one at a time, in batches, and in requests that are odd or broken themselves."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from fuzz import hostile, memory
from fuzz.mutating import Input, change_bytes, make
from fuzz.nhs_numbers import NUMBERS, shown_in, spelled
from fuzz.raw_http import Answer, Connection
from fuzz.tally import Tally
from pcare_ingest import openapi
from pcare_ingest.media_types import Form

CONNECTIONS = 12
MOST_OF_A_BATCH = 20
SAMPLES = 40
_PAGES = frozenset({"text/html", "text/javascript", "application/javascript", "text/css"})
_REASONS = frozenset(openapi.document()["components"]["schemas"]["Problem"]["properties"]["reason"]["enum"])


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `broken`: it need not be HTTP, and need not be answered. `odd`: its head is unusual."""

    data: bytes
    inputs: tuple[Input, ...]
    method: bytes = b"POST"
    broken: bool = False
    odd: bool = False


def requests(seed: int, count: int) -> Iterator[Request]:
    """Pack inputs 0 to `count` of a seed into requests."""
    number = 0
    while number < count:
        rng = Random(f"http/{seed}/{number}")
        size = rng.randint(1, MOST_OF_A_BATCH) if rng.random() < 0.1 else 1
        inputs = tuple(_of_a_sender(seed, at) for at in range(number, min(number + size, count)))
        number += len(inputs)
        yield _request(inputs, rng, batch=size > 1)


def _of_a_sender(seed: int, number: int) -> Input:
    return make(seed, number, valid_share=0.25, change=_name_by_number)


def _name_by_number(event: dict[str, Any], rng: Random) -> None:
    """Let an event be what providers send over HTTP: about a person by NHS number, from a registered organisation."""
    event["source"] = "urn:ncl:provider:demo-council"
    if event["subject"].startswith("person:") and rng.random() < 0.7:
        event["subject"] = f"nhs-number:{rng.choice(NUMBERS)}"


def _request(inputs: tuple[Input, ...], rng: Random, *, batch: bool) -> Request:
    values = [one.value or b"" for one in inputs]
    body = b"[" + b",".join(values) + b"]" if batch else values[0]
    if batch and rng.random() < 0.05:
        body = change_bytes(body, rng)
    content_type = (Form.BATCH if batch else Form.SINGLE).value.encode()
    method, path, headers, kind = b"POST", b"/events", [], rng.random()
    if kind < 0.06:
        content_type = rng.choice(hostile.CONTENT_TYPES)
    elif kind < 0.12:
        headers = rng.sample(hostile.HEADERS, rng.randint(1, 3))
    elif kind < 0.16:
        number = spelled(rng, rng.choice(NUMBERS)).encode("utf-8")
        headers = [(rng.choice((b"x-patient", b"referer", b"ce-subject", b"user-agent", b"cookie")), number)]
        content_type = rng.choice((content_type, b"text/" + number, content_type + b"; charset=" + number))
    elif kind < 0.19:
        method, path = rng.choice(hostile.METHODS), rng.choice((path, *hostile.PATHS))
    elif kind < 0.22:
        path = rng.choice(
            (*hostile.PATHS, b"/events/" + rng.choice(NUMBERS).encode(), b"/events?nhs=" + rng.choice(NUMBERS).encode())
        )
    head = b"%s %s HTTP/1.1\r\nhost: x\r\ncontent-type: %s\r\ncontent-length: %d\r\n" % (
        method,
        path,
        content_type,
        len(body),
    )
    data = head + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n" + body
    if rng.random() < 0.02:
        return Request(_mangled(data, len(head), rng), inputs, broken=True)
    return Request(data, inputs, method, odd=kind < 0.22)


def _mangled(data: bytes, head: int, rng: Random) -> bytes:
    how = rng.randrange(4)
    if how == 0:
        return data[: rng.randrange(len(data))]
    if how == 1:
        return data.replace(
            b"content-length: ", rng.choice((b"content-length: -", b"content-length: 9", b"content-length: x", b"")), 1
        )
    if how == 2:
        return data.replace(b"content-type", b"transfer-encoding: chunked\r\ncontent-type", 1)
    return change_bytes(data[:head], rng) + data[head:]


async def send_all(seed: int, count: int, *, host: str, port: int, pid: int) -> Tally:
    """Send inputs 0 to `count` of a seed and judge every answer; sample what the service's process holds."""
    tally = Tally()
    waiting = requests(seed, count)
    samples = tally.memory.setdefault("ingest", [])
    sent = 0

    async def sender() -> None:
        nonlocal sent
        connection = Connection(host, port)
        for request in waiting:
            if request.broken:
                answer = await connection.broken(request.data)
            else:
                answer = await connection.exchange(request.data, has_body=request.method != b"HEAD")
            _count(tally, request, answer)
            sent += len(request.inputs)
            if sent * SAMPLES // count >= len(samples):
                samples.append(memory.held(pid))
                print(f"HTTP: {sent:,} of {count:,} inputs", flush=True)
        await connection.close()

    await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
    return tally


def _count(tally: Tally, request: Request, answer: Answer) -> None:
    try:
        outcomes = judge(request, answer)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        tally.fail(request.inputs[0], f"{type(error).__name__}: {error}; answer {answer.status} {answer.body[:300]!r}")
        return
    tally.outcomes["requests"] += 1
    tally.outcomes.update(outcomes)


def judge(request: Request, answer: Answer) -> list[str]:
    """Return the outcome of each input of a request. Raises AssertionError for an answer that must not be."""
    said = (answer.head + b"\r\n" + answer.body).decode("utf-8", "replace")
    assert answer.status < 500 or answer.status == 503, "a fault of ours"
    assert "Traceback" not in said, "an answer shows a traceback"
    every = len(request.inputs)
    if answer.content_type in _PAGES or (answer.status == 200 and answer.body.startswith(b'{"openapi"')):
        return ["a page of the documentation"] * every  # its examples name a number that nobody has
    assert shown_in(said) is None, "an answer shows an NHS number"
    if answer.content_type == "application/problem+json" and answer.body:
        return [_problem(json.loads(answer.body), answer.status)] * every
    if answer.content_type == "application/json" and answer.status in {202, 207, 400, 503}:
        document = json.loads(answer.body)
        if isinstance(document, list):
            return _batch(document, answer.status)
        assert document["status"] == "accepted"
        return ["accepted"]
    assert request.odd or request.broken, "no answer of ours"
    if answer.status == 400:
        is_head = request.method == b"HEAD"
        assert is_head or answer.body.startswith(b"Invalid HTTP request received."), "an answer that is not documented"
        return ["refused by the server: no HTTP"] * every
    assert answer.status in {0, 200, 204, 404, 405, 431}, "a status that is not documented"
    return ["closed without a word" if answer.status == 0 else f"another page: {answer.status}"] * every


def _problem(document: dict[str, Any], status: int) -> str:
    assert document["status"] == status, "two statuses"
    assert document["reason"] in _REASONS, "a reason that is not documented"
    assert document["title"]
    assert document["detail"]
    return f"rejected: {document['reason']}"


def _batch(items: list[dict[str, Any]], status: int) -> list[str]:
    outcomes = []
    for index, item in enumerate(items):
        assert item["index"] == index
        problem = item.get("problem")
        assert (item["status"] == "accepted") == (problem is None)
        outcomes.append("accepted" if problem is None else _problem(problem, problem["status"]))
    accepted = outcomes.count("accepted")
    assert status == (202 if accepted == len(items) else 207 if accepted else 400) or status == 503
    return outcomes
