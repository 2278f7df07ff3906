"""What could be done to the log: a copy of its topic has a record changed, dropped, put in."""

import orjson

from pcare_schemas.topics import RECORDED
from proof_audit.sealed_event import in_the_middle
from proof_audit.stage import Rewrite, Stage, Value
from proof_provider.checks import Checks


async def play(stage: Stage, checks: Checks) -> None:
    """Each is found and named with the database's leaves beside; by the log alone, at least by the checkpoint."""
    event = await in_the_middle(stage)

    def is_it(value: Value) -> bool:
        said = orjson.loads(value or b"{}")
        return (said.get("source"), said.get("id")) == (event.source, event.id)

    def instead(*values: bytes, also: bool = False) -> Rewrite:
        def rewrite(_number: int, value: Value) -> list[Value]:
            if not is_it(value):
                return [value]
            assert value is not None
            new: list[Value] = [one.replace(b"%", value) for one in values]
            return [value, *new] if also else new

        return rewrite

    def changed(_number: int, value: Value) -> list[Value]:
        return [value.replace(b'"specversion":"1.0"', b'"specversion":"1.1"') if value and is_it(value) else value]

    def both(_number: int, value: Value) -> list[Value]:
        return [value, *changed(0, value)] if is_it(value) else [value]

    tampers: dict[str, tuple[Rewrite, str, bool]] = {
        "a byte of a record": (changed, f"ALTERED: {event.named}: its text is not the one", True),
        "a record dropped": (instead(), f"REMOVED: {event.named}: its record is gone", True),
        "an event said twice, and differently": (both, f"ALTERED: {event.named}: the log says it more than once", True),
        "a record that is none": (instead(b"nonsense", also=True), "ADDED: .*: this record .* is no event", True),
    }
    for what, (rewrite, named, alone) in tampers.items():
        copy = await stage.copy(RECORDED, rewrite)
        found = await stage.verify("--topic", copy)
        checks.that(f"{what}: found and named", found.status == 1 and found.says(named), f"{named}: {found.output}")
        if alone:
            by_itself = await stage.verify("--from-log", "--topic", copy)
            checks.that(f"{what}: by the log alone too", by_itself.status == 1, by_itself.output)
    same = await stage.copy(RECORDED, lambda _number, value: [value, value])
    whole = await stage.verify("--topic", same)
    checks.that("a copy in which each record stands twice is whole", whole.status == 0, whole.output)
