"""`pcare rejected redrive`: many rejected events in again as they are, counted first."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import asyncpg
import typer

from pcare_cli.desk import mending, redriving, rejections, showing
from pcare_cli.desk.mending import Refused, Sendable
from pcare_cli.desk.redriving import Act, Redriver
from pcare_cli.desk.rejections import Entry, Filter
from pcare_cli.desk.running import with_redriver
from pcare_cli.operators import with_database
from pcare_cli.rules_in_force import rules_in_force
from pcare_common.clock import Clock, SystemClock
from pcare_schemas.origin import Origin
from pcare_schemas.rules import Rules


@dataclass(slots=True)
class Tally:
    """What became of the rejections that matched."""

    matched: int = 0
    sendable: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By provider and reason."""
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[Origin, Refused]] = field(default_factory=dict)

    def add(self, entry: Entry, found: Sendable | Refused) -> None:
        """Take note of one."""
        self.matched += 1
        if isinstance(found, Sendable):
            self.sendable[entry.provider or rejections.UNKNOWN, str(entry.reason)] += 1
        else:
            self.refused[found.word] += 1
            self.examples.setdefault(found.word, (entry.origin, found))

    def lines(self, sent: str) -> Iterator[str]:
        """Yield it for people; `sent` says what was, or would be, done with those that may go in."""
        yield f"{self.matched:,} rejections match."
        yield f"{self.sendable.total():,} {sent}"
        for (provider, reason), number in sorted(self.sendable.items()):
            yield f"  {number:>8,}  {showing.safe(provider)} {reason}"
        if self.refused:
            yield f"{self.refused.total():,} are left as they are:"
        for word, number in self.refused.most_common():
            origin, refused = self.examples[word]
            yield f"  {number:>8,}  {word}, such as {origin}"
            yield f"            {refused.words}"
        if self.refused:
            yield "`pcare rejected show` says of each what is wrong with it."


def count_first(wanted: Filter) -> None:
    """Say what `redrive` would do; ends with status 1 when it would send nothing."""
    tally = Tally()
    clock, rules = SystemClock(), rules_in_force()

    async def read(connection: asyncpg.Connection) -> None:
        async for page in rejections.pages(connection, wanted):
            await _judge(connection, page, tally, rules, clock)

    with_database(read)
    for line in tally.lines("would be sent in again:" if tally.sendable else "would be sent in again."):
        typer.echo(line)
    if not tally.sendable:
        raise typer.Exit(1)


def redrive(wanted: Filter, who: str, why: str) -> None:
    """Send them in again and say what was done; ends with status 1 when nothing was sent, or not all."""
    tally = Tally()
    clock, rules = SystemClock(), rules_in_force()
    act = Act(who, "rejected-redriven", why, wanted.document())

    async def work(connection: asyncpg.Connection, redriver: Redriver) -> None:
        async for page in rejections.pages(connection, wanted):
            await redriver.send(await _judge(connection, page, tally, rules, clock))

    with_redriver(act, work)
    for line in tally.lines("were sent in again:" if tally.sendable else "were sent in again."):
        typer.echo(line)
    if not tally.sendable:
        raise typer.Exit(1)
    typer.echo("The recorder judges them now: `pcare rejected count` shows what became of them.")


async def _judge(
    connection: asyncpg.Connection, page: list[Entry], tally: Tally, rules: Rules, clock: Clock
) -> list[tuple[Entry, Sendable]]:
    doubts = await redriving.in_doubt(connection, page)
    sendable = []
    for entry in page:
        found = mending.unchanged(entry, rules, clock.now())
        if isinstance(found, Sendable):
            found = redriving.would_count_twice(doubts, entry, found) or found
        tally.add(entry, found)
        if isinstance(found, Sendable):
            sendable.append((entry, found))
    return sendable
