"""What can be asked of the service, as flows that both clients carry out."""

import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pcare_client.errors import NotUnderstoodError, RefusedError, UnavailableError
from pcare_client.event import MAX_EVENT_BYTES, Event
from pcare_client.exchange import Flow, Lost, Reply, Request
from pcare_client.results import FieldError, Problem, Pseudonym, Receipt, Verdict, problem_in, receipt_in
from pcare_client.retrying import Context, Tries, attempt, is_again, retry_after, until_answered, why

SEND = "/events"
CHECK = "/events/check"
PSEUDONYMS = "/pseudonyms"
MAX_NUMBERS = 1_000
"""How many numbers one request asks about."""

BATCH = "application/cloudevents-batch+json"
_OK = 200
_NOT_FOUND = 404
_TOO_LARGE = Problem(
    "too_large",
    "The event is too large",
    "It was not sent.",
    413,
    (FieldError("", "The event is too large.", f"at most {MAX_EVENT_BYTES} bytes"),),
)


def deliver(events: Sequence[Event], context: Context, *, path: str, compress: bool) -> Flow[list[Verdict]]:
    """Send a batch until each event has its verdict; return them in the events' order.

    Only those without a verdict go again, with their ids. Raises UnavailableError, which names them, and RefusedError.
    """
    reached: dict[int, Verdict] = {
        index: Verdict(event, _TOO_LARGE) for index, event in enumerate(events) if len(event.body) > MAX_EVENT_BYTES
    }
    tries = Tries(context)
    left = [index for index in range(len(events)) if index not in reached]
    while left:
        some = [events[index] for index in left]
        outcome = yield from attempt(_request(some, path, compress=compress), context)
        verdicts = zip(left, _verdicts(some, outcome), strict=True)
        reached |= {index: verdict for index, verdict in verdicts if verdict is not None}
        left = [index for index in left if index not in reached]
        if left:
            try:
                yield from tries.pause(why(outcome), retry_after(outcome))
            except UnavailableError as error:
                known = [reached[index] for index in sorted(reached)]
                raise UnavailableError(error.why, [events[index] for index in left], known) from None
    return [reached[index] for index in range(len(events))]


def receipt(source: str, id: str, address: str | None, context: Context) -> Flow[Receipt | None]:  # noqa: A002
    """Ask what became of an event; None if the service knows none of that source and id.

    `address` is the receipt's own, which also tells of one that the recorder has not come to yet.
    """
    path = address or f"/events/{quote(source, safe='')}/{quote(id, safe=':')}"
    reply = yield from until_answered(Request("GET", path), context)
    if reply.status == _NOT_FOUND and isinstance(reply.json(), Mapping):
        return None
    return receipt_in(_good(reply))


def pseudonyms(nhs_numbers: Sequence[str], context: Context) -> Flow[list[Pseudonym]]:
    """Ask for the pseudonyms of persons, in the order of their numbers: for events that go to Kafka."""
    found: list[Pseudonym] = []
    for begin in range(0, len(nhs_numbers), MAX_NUMBERS):
        some = list(nhs_numbers[begin : begin + MAX_NUMBERS])
        body = json.dumps({"nhs_numbers": some}).encode()
        reply = yield from until_answered(
            Request("POST", PSEUDONYMS, {"Content-Type": "application/json"}, body), context
        )
        found += _pseudonyms(_good(reply), len(some))
    return found


def _pseudonyms(document: Mapping[str, Any], count: int) -> list[Pseudonym]:
    current, previous = document.get("pseudonyms"), document.get("previous", [None] * count)
    if not isinstance(current, list) or not isinstance(previous, list) or {len(current), len(previous)} != {count}:
        raise NotUnderstoodError("The answer does not hold a pseudonym for each number.")
    return [Pseudonym(str(now), None if old is None else str(old)) for now, old in zip(current, previous, strict=True)]


def _request(events: Sequence[Event], path: str, *, compress: bool) -> Request:
    content = b"[" + b",".join(event.body for event in events) + b"]"
    if not compress:
        return Request("POST", path, {"Content-Type": BATCH}, content)
    headers = {"Content-Type": BATCH, "Content-Encoding": "gzip"}
    return Request("POST", path, headers, gzip.compress(content, 6, mtime=0))


def _verdicts(events: Sequence[Event], outcome: Reply | Lost) -> list[Verdict | None]:
    """Return the verdict on each event, None where it has to go again. Raises RefusedError, NotUnderstoodError."""
    if isinstance(outcome, Lost):
        return [None] * len(events)
    items = outcome.json()
    if isinstance(items, list):
        if len(items) != len(events):
            raise NotUnderstoodError(f"There are {len(items)} verdicts on {len(events)} events.")
        return [_verdict(event, item) for event, item in zip(events, items, strict=True)]
    if is_again(outcome):
        return [None] * len(events)
    raise RefusedError(problem_in(items, outcome.status))


def _verdict(event: Event, item: Any) -> Verdict | None:
    if not isinstance(item, Mapping) or not isinstance(item.get("status"), str):
        raise NotUnderstoodError("The answer holds something that is no verdict.")
    if item["status"] == "unavailable":
        return None
    problem, address = item.get("problem"), item.get("receipt")
    if problem is None and item["status"] == "rejected":
        raise NotUnderstoodError("The answer rejects an event and does not say why.")
    return Verdict(event, None if problem is None else problem_in(problem, 422), address)


def _good(reply: Reply) -> Mapping[str, Any]:
    if reply.status != _OK:
        raise RefusedError(problem_in(reply.json(), reply.status))
    return reply.mapping()
