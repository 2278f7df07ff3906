"""What could be done to the checkpoints: in their table, on their topic, in both, and with a copy that was kept."""

import orjson

from pcare_audit.checkpoint import parse
from pcare_audit.signed_note import split
from pcare_schemas.topics import CHECKPOINTS
from proof_audit.stage import Stage, Value
from proof_provider.checks import Checks

OLDEST = "(SELECT min(size) FROM pcare.checkpoints WHERE size > 0)"


async def play(stage: Stage, checks: Checks) -> None:
    """Each is found, and the checkpoint named by size and time."""
    note = (await stage.one(f"SELECT note FROM pcare.checkpoints WHERE size = {OLDEST}"))["note"]
    kept = stage.directory / "oldest.txt"
    kept.write_text(note)
    named = f"checkpoint {parse(split(note)[0])}"
    size = named.partition(",")[0]
    await _in_the_table(stage, checks, named)

    for what, pattern, value in (
        ("a byte of one on the topic", f"SIGNATURE-WRONG: {size} in ", (note, note.replace("\nco", "\nc0", 1))),
        ("the size beside one on the topic", f"ALTERED: {named}", ('"size":', '"size":1')),
        ("one dropped from the topic", f"REMOVED: {named}: .* not in {CHECKPOINTS}", None),
    ):
        copy = await stage.copy(CHECKPOINTS, lambda _number, old, value=value: _changed(old, note, value))
        found = await stage.verify("--checkpoints", copy)
        seen = pattern.replace(CHECKPOINTS, copy)
        checks.that(f"{what}: found and named", found.status == 1 and found.says(seen), f"{seen}: {found.output}")

    copy = await stage.copy(CHECKPOINTS, lambda _number, old: _changed(old, note, None))
    async with stage.tampered(f"DELETE FROM pcare.checkpoints WHERE size = {OLDEST}"):
        found = await stage.verify("--checkpoints", copy, "--checkpoint", kept)
    missed = f"REMOVED: {named}: it is in the kept copy"
    checks.that("one removed everywhere, by a kept copy", found.status == 1 and found.says(missed), found.output)
    whole = await stage.verify("--checkpoint", kept)
    checks.that("put right, it is whole", whole.status == 0, whole.output)


async def _in_the_table(stage: Stage, checks: Checks, named: str) -> None:
    tampers = {
        "a byte of one in the table": (
            f"UPDATE pcare.checkpoints SET note = replace(note, 'time 2', 'time 3') WHERE size = {OLDEST}",
            "SIGNATURE-WRONG: checkpoint of ",
        ),
        "the size beside one in the table": (
            f"UPDATE pcare.checkpoints SET size = size + 1 WHERE size = {OLDEST}",
            f"ALTERED: {named}: .* the size",
        ),
        "the time beside one in the table": (
            f"UPDATE pcare.checkpoints SET made_at = made_at - interval '1 hour' WHERE size = {OLDEST}",
            f"ALTERED: {named}: .* the time",
        ),
        "one removed from the table": (
            f"DELETE FROM pcare.checkpoints WHERE size = {OLDEST}",
            f"REMOVED: {named}: it is in {CHECKPOINTS}, and not in pcare.checkpoints",
        ),
        "the newest removed from the table": (
            "DELETE FROM pcare.checkpoints WHERE size = (SELECT max(size) FROM pcare.checkpoints)",
            "REMOVED: checkpoint of .* and not in pcare.checkpoints",
        ),
    }
    for what, (statement, pattern) in tampers.items():
        async with stage.tampered(statement):
            found = await stage.verify()
        checks.that(f"{what}: found and named", found.status == 1 and found.says(pattern), f"{pattern}: {found.output}")


def _changed(value: Value, note: str, change: tuple[str, str] | None) -> list[Value]:
    """Return what stands in place of a record of the topic, if it is the one with this note."""
    if value is None or orjson.loads(value)["data"]["note"] != note:
        return [value]
    if change is None:
        return []
    old, new = (orjson.dumps(one)[1:-1] if "\n" in one else one.encode() for one in change)
    return [value.replace(old, new, 1)]
