"""The circuit breaker: when most of what a partition brings is rejected, its topic is read no further. Pure.

Then either a provider's release has gone wrong or ours has, and a person should look before thousands of events lie at
the desk. It counts records and no seconds, and of them only where they stood and whether they were rejected. Both are
kept: so wherever a batch ends, and however often the recorder is started, it does not get past the same record.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pcare_recorder.cursors import Partition
from pcare_recorder.verdicts import Verdicts
from pcare_schemas.rejections import Reason, Rejection

RELEASE = "pcare breaker release"
MANUAL = "docs/recorder.md"

_OUR_NAMES = re.compile("(/[a-z0-9_]{1,40})+")
"""A place in an event that may be told: other names are whatever their sender likes."""


class Limit(NamedTuple):
    """The breaker opens where `rejections` of `window` offsets in a row are rejected."""

    window: int
    rejections: int

    @classmethod
    def of(cls, window: int, share: float) -> "Limit | None":
        """Return the limit for a share of a window, rounded up; None, if the window is 0: there is no breaker."""
        # the rounding forgives what a float lacks: 0.07 of 100 is 7, not 8
        return cls(window, max(1, math.ceil(round(share * window, 6)))) if window else None


@dataclass(frozen=True, slots=True)
class Tripped:
    """A partition that brought too much of what is rejected: `rejected` of the offsets from `first` to `last`."""

    partition: Partition
    first: int
    last: int
    rejected: int
    released: int = 0
    """Below this offset a person had let pass whatever comes."""
    reasons: Mapping[Reason, int] = field(default_factory=dict)
    example: Rejection | None = None
    """One of the most frequent reason."""


class BreakerOpenedError(Exception):
    """A batch is not to be written: with it, most of what a partition brought would be rejected."""

    def __init__(self, tripped: Sequence[Tripped]) -> None:
        super().__init__(", ".join(str(one.partition) for one in tripped))
        self.tripped = tripped


def crowded(limit: Limit, offsets: Sequence[int], *, first: int) -> tuple[int, int] | None:
    """Return where in `offsets`, the rejected ones of a partition in order, the limit is reached; None: nowhere.

    The answer is the first and the last of those offsets: the earliest such stretch that ends at `first`, where the
    batch in hand begins, or later. What does not stand in `offsets` counts as good: duplicates and control records too.
    """
    for begin, end in zip(offsets, offsets[limit.rejections - 1 :], strict=False):
        if end >= first and end - begin < limit.window:
            return begin, end
    return None


def by_partition(verdicts: Verdicts) -> dict[Partition, dict[int, Rejection]]:
    """Return what a batch rejects: of each partition, by offset and in order."""
    found: dict[Partition, dict[int, Rejection]] = {}
    for submitted, rejection in sorted(verdicts.rejections, key=lambda pair: pair[0].origin):
        origin = submitted.origin
        found.setdefault(Partition(origin.topic, origin.partition), {})[origin.offset] = rejection
    return found


def tripped(
    limit: Limit,
    rejected: Mapping[Partition, Mapping[int, Rejection]],
    *,
    before: Mapping[Partition, Sequence[int]],
    released: Mapping[Partition, int],
) -> list[Tripped]:
    """Return the partitions that a batch must not be written for.

    `rejected` is what `by_partition` says of the batch, `before` the offsets that were rejected earlier, as many as the
    window reaches back to, in order. Below `released` a person has let pass whatever comes.
    """
    found = []
    for partition, now in rejected.items():
        floor = released.get(partition, 0)
        offsets = [offset for offset in (*before.get(partition, ()), *now) if offset >= floor]
        stretch = crowded(limit, offsets, first=min(now))
        if stretch is not None:
            count = sum(stretch[0] <= offset <= stretch[1] for offset in offsets)
            reasons = Counter(rejection.reason for rejection in now.values())
            ((most, _),) = reasons.most_common(1)
            example = next(rejection for rejection in now.values() if rejection.reason is most)
            found.append(Tripped(partition, *stretch, count, floor, dict(reasons.most_common()), example))
    return found


def message(one: Tripped) -> str:
    """Return what to tell the operator: what was seen, what it means, what to do. It repeats nothing that was sent."""
    topic = one.partition.topic
    reasons = ", ".join(f"{reason} {count}" for reason, count in one.reasons.items())
    return (
        f"{one.partition}: {one.rejected} of the {one.last - one.first + 1} records from {one.first} to {one.last} "
        f"would be rejected. Of the batch in hand, by reason: {reasons}{_example(one.example)}. Nothing of it is "
        f"written or published; {topic} is read no further, other topics are. If our rules are wrong, run a release "
        "that has them right: it goes on by itself. If the provider is, stop what it sends, then let what is there go "
        f"to the desk: `{RELEASE} {topic} --why '...'`. See `{MANUAL}`, 'The circuit breaker'."
    )


def _example(rejection: Rejection | None) -> str:
    if rejection is None or not rejection.errors:
        return ""
    error = rejection.errors[0]
    where = f" at {error.path}" if _OUR_NAMES.fullmatch(error.path) else ""
    return f"; such as {rejection.reason}{where}: {error.message.rstrip('.')}"


def reason_not_ready(one: Tripped) -> str:
    """Return the same for the readiness probe, in short."""
    return (
        f"{one.partition.topic} is read no further: {one.rejected} of the {one.last - one.first + 1} records up to "
        f"{one.partition}/{one.last} would be rejected. The log says what to do."
    )
