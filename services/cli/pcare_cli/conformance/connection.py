"""The first part of the script: our own examples, in the provider's name, against the address.

It proves network, credential, register and rules before the provider's own system is asked for anything. A step is a
row of `steps_of`: what it is called, what to do when it fails, and what it plays.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pcare_cli.conformance import plays
from pcare_cli.conformance.address import Address, Answer, state_of
from pcare_cli.conformance.findings import CONNECTION, Finding, Result
from pcare_cli.conformance.making import RETRACTION, Party, is_retraction
from pcare_cli.conformance.plays import Play

SAYS_NOTHING_OF_KINDS = frozenset({0, 401, 404, 405, 429, 503})


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the script."""

    name: str
    title: str
    todo: str
    play: Callable[[Play], Awaitable[Finding]]


async def play_all(play: Play, *, tell: Callable[[Result], None]) -> list[Result]:
    """Play every step in order, and tell of each. If the address is not reached, the rest is not played."""
    results: list[Result] = []
    for step in steps_of(play.kinds):
        finding = await step.play(play)
        results.append(Result(CONNECTION, step.name, step.title, finding, step.todo))
        tell(results[-1])
        if step.name == "reached" and finding.failed:
            break
    return results


async def kinds_allowed(address: Address, party: Party, kinds: Sequence[str]) -> list[str]:
    """Return those of the kinds that the register there does not refuse this provider; all, if it is not known."""
    allowed = []
    for kind in kinds:
        answer = await address.send(party.event(kind, f"may-{kind}"), to="/events/check")
        if answer.status in SAYS_NOTHING_OF_KINDS:
            return list(kinds)
        if answer.reason != "kind_not_allowed":
            allowed.append(kind)
    return allowed


async def take_back(address: Address, party: Party, accepted: Iterable[Mapping[str, Any]]) -> list[str]:
    """Retract everything that was accepted and is not retracted yet; return the ids that did not become so."""
    events = list(accepted)
    gone = {(event["source"], event["data"]["retracts"]) for event in events if is_retraction(event)}
    there = {(event["source"], event["id"]): event for event in events if not is_retraction(event)}
    rest = [event for identity, event in there.items() if identity not in gone]
    answers = [await address.send(party.retraction(event, f"back-{number}")) for number, event in enumerate(rest)]
    return [
        event["id"]
        for event, answer in zip(rest, answers, strict=True)
        if answer.status != 202 or not await _is_gone(address, event, answer)
    ]


async def _is_gone(address: Address, event: Mapping[str, Any], answer: Answer) -> bool:
    await address.receipt(event, answer.place)
    return state_of(await address.receipt(event)) == "retracted"


def steps_of(kinds: Sequence[str]) -> Iterator[Step]:
    """Yield the script for a provider that sends these kinds."""
    yield Step(
        "reached",
        "The address answers, and is ready",
        "See that --url is right and the network lets you out; `GET /health/ready` says what it waits for.",
        plays.reached,
    )
    yield Step(
        "no-credential",
        "Nobody gets in without a credential",
        "Tell the operator: the address takes events from anyone.",
        plays.without_credential,
    )
    yield Step(
        "wrong-credential",
        "A made-up credential does not get in",
        "Tell the operator: the address takes any credential.",
        plays.wrong_credential,
    )
    for kind in kinds:
        if kind != RETRACTION:
            yield Step(
                f"kind-{kind}",
                f"It takes `{kind}` from you, and records it",
                "Read the reason; if the kind is "
                "not allowed, ask the programme to add it to your entry in the register.",
                partial(plays.one_kind, kind),
            )
    yield Step(
        "repeat", "The same event again counts once", "Tell the operator: a repeat must be harmless.", plays.repeat
    )
    yield Step(
        "id-reused",
        "Another event under the same id is refused",
        "Tell the operator: an id must stand for one event.",
        plays.id_reused,
    )
    yield Step(
        "correction",
        "A retraction and a new event correct one",
        "Ask for the kind event-retracted: without it nothing can be put right.",
        plays.correction,
    )
    yield Step(
        "late",
        "An event of a month ago is taken",
        "Look at the days in your entry of the register: were you registered a month ago?",
        plays.late,
    )
    yield Step(
        "batch",
        "A batch has one verdict an event, and one wrong event touches no other",
        "Tell the operator.",
        plays.batch,
    )
    yield Step("invalid", "A misspelt field is refused, with the place", "Tell the operator.", plays.misspelt)
    yield Step(
        "unknown-code",
        "An unknown code is refused, with the codes that are valid",
        "Tell the operator.",
        plays.unknown_code,
    )
    yield Step(
        "wrong-nhs-number",
        "An NHS number with a wrong check digit is refused",
        "Tell the operator.",
        plays.wrong_nhs_number,
    )
    yield Step(
        "nhs-number-in-data",
        "An NHS number outside `subject` is refused",
        "Tell the operator.",
        plays.nhs_number_in_data,
    )
    yield Step("not-json", "What is no JSON is refused", "Tell the operator.", plays.not_json)
    yield Step(
        "wrong-type",
        "Another content type is refused, with those that are taken",
        "Tell the operator.",
        plays.wrong_type,
    )
    yield Step("too-large", "An event that is too large is refused", "Tell the operator.", plays.too_large)
    yield Step(
        "another-source",
        "You cannot speak for another organisation",
        "Tell the operator at once: your credential opens another organisation's record.",
        plays.anothers_source,
    )
    yield Step(
        "asked-to-wait",
        "When asked to wait (429, 503), it says how long",
        "Tell the operator: 429 and 503 must carry Retry-After.",
        plays.asked_to_wait,
    )
