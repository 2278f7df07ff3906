"""What could be done to an export on its way to the auditor."""

import gzip
from collections.abc import Callable
from pathlib import Path

import orjson

from proof_audit.sealed_event import in_the_middle
from proof_audit.stage import Stage
from proof_provider.checks import Checks

Lines = list[bytes]


async def play(stage: Stage, checks: Checks) -> None:
    """A line changed, dropped, moved, said twice; the file cut off or with a bit turned."""
    event = await in_the_middle(stage)
    whole = stage.directory / "to-tamper.gz"
    made = await stage.audit("export", whole)
    checks.that("an export", made.status == 0, made.output)
    lines = gzip.decompress(whole.read_bytes()).splitlines()
    at = next(n for n, line in enumerate(lines) if _leaf(line) == event.number)
    swapped = _leaf_of(lines[at + 1], event.number), _leaf_of(lines[at], event.number + 1)
    tampers: dict[str, tuple[Callable[[], Lines], str]] = {
        "a text": (
            lambda: [
                *lines[:at],
                lines[at].replace(b'version\\":\\"1.0', b'version\\":\\"1.1'),
                *lines[at + 1 :],
            ],
            f"ALTERED: {event.named}",
        ),
        "a line dropped": (lambda: lines[:at] + lines[at + 1 :], f"leaf {event.number}, which it sealed, is not there"),
        "two lines that changed places, and numbers": (
            lambda: [*lines[:at], *swapped, *lines[at + 2 :]],
            rf"REORDERED: event .* leaf ({event.number}|{event.number + 1})",
        ),
        "a line said twice": (lambda: [*lines[: at + 1], *lines[at:]], f"ADDED: {event.named}"),
        "the last line": (lambda: lines[:-1], "was cut off after line"),
    }
    for number, (what, (make, pattern)) in enumerate(tampers.items()):
        file = stage.directory / f"tampered-{number}.gz"
        file.write_bytes(gzip.compress(b"\n".join(make()) + b"\n"))
        found = await stage.verify(file)
        checks.that(f"{what}: found and named", found.status == 1 and found.says(pattern), f"{pattern}: {found.output}")
    await _damaged(stage, checks, whole)


async def _damaged(stage: Stage, checks: Checks, whole: Path) -> None:
    content = whole.read_bytes()
    middle = len(content) // 2
    for what, damaged in {
        "a bit turned": content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :],
        "cut off": content[:middle],
    }.items():
        file = stage.directory / f"{what.replace(' ', '-')}.gz"
        file.write_bytes(damaged)
        found = await stage.verify(file)
        checks.that(f"the file {what}: said in one line", found.status == 1, found.output)


def _leaf(line: bytes) -> int | None:
    said = orjson.loads(line)
    return int(said["leaf"]) if said["kind"] == "leaf" else None


def _leaf_of(line: bytes, number: int) -> bytes:
    return orjson.dumps(orjson.loads(line) | {"leaf": number})
