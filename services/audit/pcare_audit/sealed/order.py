"""The order of the leaves, which follows from the checkpoints alone: by checkpoint, then by where each came from.

So it is the same after a restore, a rebuild, or from the log without any database.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pcare_audit.checkpoint import MERGES, Checkpoint, place
from pcare_schemas.origin import Origin

MERGES_TOPIC = place(MERGES)[0]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The leaves that a checkpoint added to the one before it: `first` to before `end`."""

    number: int
    first: int
    end: int
    checkpoint: Checkpoint


class Order:
    """Says of each record by which checkpoint it was sealed. The checkpoints are given from the oldest on."""

    def __init__(self, checkpoints: Sequence[Checkpoint]) -> None:
        self._starts: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._stretches: dict[tuple[str, int], list[int]] = defaultdict(list)
        self.stretches: list[Stretch] = []
        size = 0
        for checkpoint in checkpoints:
            number = len(self.stretches)
            for partition, offset in checkpoint.covers.items():
                where = place(partition)
                if offset > (self._starts[where] or [0])[-1]:
                    self._starts[where].append(offset)
                    self._stretches[where].append(number)
            self.stretches.append(Stretch(number, size, max(size, checkpoint.size), checkpoint))
            size = max(size, checkpoint.size)

    def stretch_of(self, topic: str, partition: int, offset: int) -> int | None:
        """Return the number of the stretch in which a record was sealed; None while it is not."""
        starts = self._starts.get((topic, partition))
        if starts is None:
            return None
        at = bisect_right(starts, offset)
        return self._stretches[topic, partition][at] if at < len(starts) else None

    def of(self, origin: Origin) -> int | None:
        """Return the same for an origin."""
        return self.stretch_of(origin.topic, origin.partition, origin.offset)

    def bounds(self) -> dict[tuple[str, int], int]:
        """Return for each partition the first offset that is not sealed."""
        return {where: starts[-1] for where, starts in self._starts.items() if starts}
