"""A step of the proof: one row of its table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from proof_deploy.suites import play_tests
from proof_provider.checks import Checks


@dataclass(frozen=True, slots=True)
class Step:
    """What is proven. `play` may use the directory that it is given, and ends what it starts.

    `lacks` says what this machine lacks for it, in words, or None where it can be played: only then is it skipped.
    """

    area: str
    words: str
    play: Callable[[Checks, Path], Awaitable[None]]
    lacks: Callable[[], str | None] = lambda: None
    seconds: float = 300.0


def by_tests(area: str, words: str, *paths: str, lacks: Callable[[], str | None] = lambda: None) -> Step:
    """Return a step that runs tests (paths from the repository's root, `::name` allowed) and shows each outcome."""

    async def play(checks: Checks, directory: Path) -> None:
        await play_tests(checks, directory, *paths)

    return Step(area, words, play, lacks, seconds=1800.0)
