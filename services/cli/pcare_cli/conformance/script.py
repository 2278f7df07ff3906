"""The second part of the script: what the provider's own system must be seen to do, as data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pcare_cli.conformance import seen
from pcare_cli.conformance.findings import OWN, Finding, Result
from pcare_cli.conformance.making import RETRACTION
from pcare_cli.conformance.seen import Seen


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that the provider's system must be seen to do. `ask` tells a person how to bring it about."""

    name: str
    title: str
    ask: str
    judge: Callable[[Sequence[Seen]], Finding]


def requirements(source: str, kinds: Sequence[str], *, listening: bool) -> Iterator[Requirement]:
    """Yield what must be seen of a provider that sends these kinds."""
    for kind in kinds:
        if kind != RETRACTION:
            yield Requirement(
                f"own-{kind}",
                f"It sends `{kind}`",
                f"Record a `{kind}` for a test person (NHS number "
                "999 000 0018) as your staff would, and let the system send it.",
                partial(seen.sends_kind, kind),
            )
    yield Requirement(
        "own-source", "It speaks for itself", f"Set its `source` to {source}.", partial(seen.speaks_for_itself, source)
    )
    yield Requirement(
        "own-fine",
        "What it sends is right",
        "Mend what is listed, where the event is made, and send it again under the same id.",
        seen.is_right,
    )
    yield Requirement(
        "own-ids",
        "An id stands for one event",
        "Give each event an id of its own, for ever; keep it where the event is kept.",
        seen.ids_stand_for_one,
    )
    yield Requirement(
        "own-repeat",
        "It sends the same event again without harm",
        "Send an event twice, as after a timeout: same id, same content."
        if not listening
        else "After a 429, 503 or timeout send the same event with the same id.",
        seen.repeats,
    )
    if listening:
        yield Requirement(
            "own-waits",
            "It comes back when asked to wait, not earlier",
            "After a 503 wait as Retry-After says, then send the same event again with the same id.",
            seen.comes_back_in_time,
        )
        yield Requirement(
            "own-lost",
            "It sends again what may have been lost",
            "After an answer 503 nothing is known: "
            "send the same event again with the same id, until there is another answer.",
            seen.sends_again_what_may_be_lost,
        )
        yield Requirement(
            "own-refused",
            "It does not hammer what is refused",
            "After a 4xx put the event aside, show it to a person, and go on with the others.",
            seen.does_not_hammer,
        )
    yield Requirement(
        "own-correction",
        "It corrects by a retraction and a new event",
        "Correct a record in your system: "
        "it must send `event-retracted` for the old event, and a new one under a new id.",
        seen.corrects,
    )
    yield Requirement(
        "own-late",
        "It sends what happened earlier",
        "Record something that took place yesterday or before: `time` is when it took place.",
        seen.sends_late,
    )


def judge_all(source: str, kinds: Sequence[str], went_by: Sequence[Seen], *, listening: bool) -> list[Result]:
    """Judge everything that was seen."""
    return [
        Result(OWN, one.name, one.title, one.judge(went_by), one.ask)
        for one in requirements(source, kinds, listening=listening)
    ]
