"""What became of the inputs: counted by outcome, and what must not be, kept with what makes it again."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.mutating import Input

MOST_KEPT = 20


@dataclass(slots=True)
class Tally:
    """The outcomes of one way, the failures, and the memory of the processes on the way. Tallies add up."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    failed: list[Input] = field(default_factory=list)
    memory: dict[str, list[float]] = field(default_factory=dict)

    def fail(self, one: Input, why: str) -> None:
        """Keep a failure."""
        self.outcomes["FAILED"] += 1
        if len(self.failed) < MOST_KEPT:
            self.failed.append(one)
            self.failures.append(f"{one.name}: {why}")

    def add(self, other: "Tally") -> None:
        """Take in what another counted."""
        self.outcomes.update(other.outcomes)
        self.failures += other.failures
        self.failed += other.failed
        self.memory.update(other.memory)

    def save(self, directory: Path) -> None:
        """Write each failed input to a file of its own."""
        directory.mkdir(parents=True, exist_ok=True)
        for one in self.failed:
            (directory / f"{one.seed}-{one.number}.bin").write_bytes(one.value or b"")
