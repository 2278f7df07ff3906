"""What each step of the connection's script plays: a few requests, and a judge of what came back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pcare_cli.conformance import judging
from pcare_cli.conformance.address import Address, Answer
from pcare_cli.conformance.credential import NOBODY, Bearer
from pcare_cli.conformance.findings import Finding, failed, passed, unproven
from pcare_cli.conformance.making import LATE, RETRACTION, TEST_PERSON, WRONG_CHECK_DIGIT, Party
from pcare_schemas.rejections import MAX_EVENT_BYTES

ANOTHERS_SOURCE = "https://fhir.nhs.uk/Id/ods-organization-code/RRV"
AND_IF_RRV = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
MADE_UP_KEY = f"pcare_bcdfghjkmnpq_{'a' * 45}"


@dataclass(slots=True)
class Play:
    """What a step may use. `accepted` is every event that the address took: all of it is taken back at the end."""

    address: Address
    party: Party
    kinds: Sequence[str]
    with_credential: bool
    accepted: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, event: dict[str, Any]) -> Answer:
        """Send one event, and remember it if it was taken."""
        answer = await self.address.send(event)
        if answer.status == 202:
            self.accepted.append(event)
        return answer

    async def recorded(self, event: dict[str, Any]) -> Finding:
        """Send an event that is right, and see it recorded."""
        answer = await self.send(event)
        taken = judging.accepted(answer)
        if taken.failed:
            return taken
        return judging.both(taken, judging.became(await self.address.receipt(event, answer.place), "recorded"))

    @property
    def kind(self) -> str:
        """A kind to play the steps with for which any will do."""
        return next((kind for kind in self.kinds if kind != RETRACTION), RETRACTION)


async def reached(play: Play) -> Finding:
    """Ask whether it is ready."""
    answer = await play.address.get("/health/ready")
    return passed("200") if answer.status == 200 else failed(judging.told(answer))


async def without_credential(play: Play) -> Finding:
    """Ask for a check without a credential."""
    answer = await play.address.send(play.party.event(play.kind, "no-credential"), to="/events/check", caller=NOBODY)
    return judging.turned_away(answer, asked=play.with_credential)


async def wrong_credential(play: Play) -> Finding:
    """Ask for a check with a credential that is made up."""
    wrong = Bearer(MADE_UP_KEY)
    answer = await play.address.send(play.party.event(play.kind, "wrong"), to="/events/check", caller=wrong)
    return judging.turned_away(answer, asked=play.with_credential)


async def one_kind(kind: str, play: Play) -> Finding:
    """Have an event of the kind checked, then recorded."""
    event = play.party.event(kind, kind)
    checked = judging.fine(await play.address.send(event, to="/events/check"))
    return checked if checked.failed else await play.recorded(event)


async def repeat(play: Play) -> Finding:
    """Send an event twice."""
    event = play.party.event(play.kind, "repeat")
    first = await play.recorded(event)
    if first.failed:
        return first
    answer = await play.send(event)
    again = judging.accepted(answer)
    if again.failed:
        return again
    receipt = await play.address.receipt(event, answer.place)
    still = judging.became(await play.address.receipt(event), "recorded")
    return judging.both(judging.became(receipt, "duplicate"), still)


async def id_reused(play: Play) -> Finding:
    """Send two events under one id."""
    event = play.party.event(play.kind, "reused")
    first = await play.recorded(event)
    if first.failed:
        return first
    other = await play.address.send({**event, "time": play.party.event(play.kind, "x", earlier=2 * LATE)["time"]})
    if other.status == 409:
        return judging.refused(other, 409, "id_reused")
    receipt = await play.address.receipt(event, other.place)
    return judging.became(receipt, "rejected", reason="id_reused")


async def correction(play: Play) -> Finding:
    """Record an event, retract it, and record another."""
    if play.kind == RETRACTION:
        return unproven("you send retractions only")
    wrong = play.party.event(play.kind, "wrong-at-first")
    first = await play.recorded(wrong)
    if first.failed:
        return first
    answer = await play.send(play.party.retraction(wrong, "taking-back"))
    if answer.status != 202:
        return failed(judging.told(answer))
    await play.address.receipt({**wrong, "id": play.party.id_of("taking-back")}, answer.place)
    back = judging.became(await play.address.receipt(wrong), "retracted")
    return back if back.failed else judging.both(back, await play.recorded(play.party.event(play.kind, "right-now")))


async def late(play: Play) -> Finding:
    """Send what took place a month ago."""
    return await play.recorded(play.party.event(play.kind, "late", earlier=LATE))


async def batch(play: Play) -> Finding:
    """Send three events at once, one of them wrong."""
    events = [play.party.event(play.kind, f"batch-{name}") for name in ("one", "two", "three")]
    events[1]["data"]["mispelt"] = True
    answer = await play.address.send(events)
    finding = judging.batch_verdicts(answer, ["accepted", "rejected", "accepted"])
    if answer.status in (202, 207):
        play.accepted += [events[0], events[2]]
    return finding


async def misspelt(play: Play) -> Finding:
    """Send a field that there is not."""
    event = play.party.event(play.kind, "misspelt")
    event["data"]["mispelt"] = True
    return judging.refused(await play.send(event), 422, "invalid_data", "/data/mispelt")


async def unknown_code(play: Play) -> Finding:
    """Send a borough that is not of NCL."""
    kind = next((kind for kind in play.kinds if "borough" in play.party.event(kind, "x")["data"]), None)
    if kind is None:
        return unproven("no kind that you send holds a code that could be unknown")
    event = play.party.event(kind, "unknown-code")
    event["data"]["borough"] = "E09000001"
    return judging.refused(await play.send(event), 422, "unknown_code", "/data/borough")


async def wrong_nhs_number(play: Play) -> Finding:
    """Send a number that cannot be right."""
    kind = _of_persons(play)
    if kind is None:
        return unproven("no kind that you send is about a person")
    event = {**play.party.event(kind, "wrong-digit"), "subject": WRONG_CHECK_DIGIT}
    return judging.refused(await play.send(event), 422, "invalid_data", "/subject")


async def nhs_number_in_data(play: Play) -> Finding:
    """Send an event with an NHS number for its id."""
    kind = _of_persons(play)
    if kind is None:
        return unproven("no kind that you send is about a person")
    event = play.party.event(kind, "identifies")
    event["id"] = TEST_PERSON.partition(":")[2]
    return judging.refused(await play.send(event), 422, "identifiable_data")


async def not_json(play: Play) -> Finding:
    """Send half a document."""
    return judging.refused(await play.address.send(b'{"specversion": "1.0", '), 400, "not_json")


async def wrong_type(play: Play) -> Finding:
    """Send an event as plain text."""
    answer = await play.address.send(play.party.event(play.kind, "type"), media_type="text/plain")
    return judging.refused(answer, 415)


async def too_large(play: Play) -> Finding:
    """Send more than an event may have."""
    event = play.party.event(play.kind, "large")
    event["data"]["padding"] = "x" * MAX_EVENT_BYTES
    return judging.refused(await play.address.send(event), 413, "too_large")


async def anothers_source(play: Play) -> Finding:
    """Have an event of another organisation checked."""
    source = AND_IF_RRV if play.party.source == ANOTHERS_SOURCE else ANOTHERS_SOURCE
    event = {**play.party.event(_of_persons(play) or play.kind, "in-anothers-name"), "source": source}
    answer = await play.address.send(event, to="/events/check")
    if not play.with_credential and answer.status == 200:
        return unproven("this address asks nobody for a credential, so anybody may speak for anybody")
    return judging.refused(answer, 403, "source_not_allowed")


async def asked_to_wait(play: Play) -> Finding:
    """Look back at how it asked to wait, if it did."""
    waits = play.address.waits
    if not waits:
        return unproven("it did not ask to wait; --listen shows whether your system does as it is asked")
    without = [wait for wait in waits if wait == "none"]
    return failed(f"{len(without)} answers without Retry-After") if without else passed(f"asked {len(waits)} times")


def _of_persons(play: Play) -> str | None:
    kinds = (kind for kind in play.kinds if kind != RETRACTION)
    return next((kind for kind in kinds if play.party.event(kind, "x")["subject"] == TEST_PERSON), None)
