"""The script. A step is a row: its name, what it shows, and what plays it; each can be played alone after `joining`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proof_provider import (
    at_the_end,
    conformance,
    joining,
    merging,
    over_fhir,
    over_files,
    over_http,
    over_kafka,
    over_sdk,
    receipts,
    refusals,
    rotating,
    rotating_the_key,
)
from proof_provider.checks import Checks
from proof_provider.stage import Stage


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the script. `always`: the others need what it makes, or it looks at what they left."""

    name: str
    words: str
    play: Callable[[Stage, Checks], Awaitable[None]]
    always: bool = False


STEPS = (
    Step(
        "joining", "A provider is registered, given a key, and its first event is recorded.", joining.play, always=True
    ),
    Step("over HTTP", "Structured, binary, batch, gzip, minimal; a check stores nothing.", over_http.play),
    Step("receipts", "Accepted, recorded, duplicate, rejected with a reason, retracted, unknown.", receipts.play),
    Step("refusals", "Each thing that must not be, refused with its status and reason.", refusals.play),
    Step(
        "over FHIR", "UK Core resources, alone and in a Bundle; what is not mapped is refused by name.", over_fhir.play
    ),
    Step("over files", "A CSV with mistakes: the rest is recorded, the mistakes come back as a CSV.", over_files.play),
    Step("over Kafka", "Its own topic, and nothing else: neither another's, nor reading.", over_kafka.play),
    Step("over the SDK", "Both clients, with an API key and with a signed JWT.", over_sdk.play),
    Step(
        "rotation of credentials",
        "A new key beside the old, then the old one opens nothing; so with JWKS.",
        rotating.play,
    ),
    Step(
        "rotation of the pseudonym key", "A late retry is a duplicate still, and no KPI moves.", rotating_the_key.play
    ),
    Step("a merge of NHS numbers", "Two numbers are one person's: the person is one, and counts once.", merging.play),
    Step("conformance", "A good system is ready, a sloppy one is not, and each is told why.", conformance.play),
    Step(
        "at the end",
        "All accounted for, all acts written down, no secret and no NHS number anywhere.",
        at_the_end.play,
        always=True,
    ),
)
