"""How much may be sent: token buckets, one a name. Pure: the time is a reading of a monotonic clock, in seconds."""

import math
from dataclasses import dataclass

MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second for ever, and `burst` at once after a pause. Both are above 0."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Granted:
    """What is granted by default: so many a second, and so many seconds' worth of whatever rate at once."""

    per_second: float
    burst_seconds: float

    def rate(self, per_second: float | None) -> Rate:
        """Return the rate of somebody who is granted so many a second; None: the default."""
        many = self.per_second if per_second is None else per_second
        return Rate(many, max(1.0, many * self.burst_seconds))


class RateLimit:
    """The buckets of up to `most` names; beyond that the one that was used longest ago is forgotten, so is full again.

    Of more than the burst at once none would ever fit. So it is taken from a full bucket, which then owes the rest:
    nothing more fits until that is made up for, and the rate holds in the long run.
    """

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._buckets: dict[str, tuple[float, float]] = {}  # left, and when; in the order in which they were used

    def take(self, name: str, count: int, rate: Rate, now: float, already: int = 0) -> float:
        """Take `count` for `name` and return 0, or take nothing and return in how many seconds to ask again.

        `already` of them were taken before, and stay taken: who asks again begins anew.
        """
        left = self.left(name, rate, now)
        wanted = min(float(count), rate.burst)
        if left + already < wanted:
            return (wanted - left) / rate.per_second
        self._buckets.pop(name, None)
        if len(self._buckets) >= self._most:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[name] = (left + already - count, now)
        return 0.0

    def left(self, name: str, rate: Rate, now: float) -> float:
        """Return how much of the burst is there; below 0 what is owed."""
        bucket = self._buckets.get(name)
        if bucket is None:
            return rate.burst
        left, since = bucket
        return min(rate.burst, left + (now - since) * rate.per_second)

    def __len__(self) -> int:
        return len(self._buckets)


def headers(policy: str, rate: Rate, left: float, seconds: float) -> dict[str, str]:
    """Return the headers of an answer to somebody who has to wait so many seconds."""
    wait = math.ceil(seconds)
    window = math.ceil(rate.burst / rate.per_second)
    return {
        "Retry-After": str(wait),
        "RateLimit-Policy": f'"{policy}";q={math.floor(rate.burst)};w={window}',
        "RateLimit": f'"{policy}";r={max(0, math.floor(left))};t={wait}',
    }
