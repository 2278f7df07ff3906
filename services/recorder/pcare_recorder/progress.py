"""Health is progress: whether the recorder moves, and for how long it has not. Pure; the time is handed in.

Times are readings of a monotonic clock, in seconds.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pcare_common.health import Health
from pcare_recorder.cursors import Partition
from pcare_recorder.errors import Dependency

PATIENCE_SECONDS = 5.0  # a dependency that answers again within this is not worth an alarm

_NAMES = {Dependency.POSTGRESQL: "PostgreSQL", Dependency.KAFKA: "Kafka"}


@dataclass(slots=True)
class Progress:
    """What the recorder's loop tells of itself, and what follows from it.

    `not_ready_after`, `exit_after`: seconds without progress.
    """

    now: float
    not_ready_after: float
    exit_after: float
    _beat: float = field(init=False)
    _rebalancing_since: float | None = field(init=False)
    _away_since: dict[Dependency, float] = field(init=False, default_factory=dict)
    _behind_since: dict[Partition, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._beat = self._rebalancing_since = self.now

    def beat(self, now: float) -> None:
        """Note that the loop turns."""
        self._beat = now

    def assigned(self, partitions: Collection[Partition] | None, now: float) -> None:
        """Note which partitions are ours, or None while the group rebalances."""
        if partitions is None:
            self._rebalancing_since = self._rebalancing_since or now
            self._behind_since.clear()
        else:
            self._rebalancing_since = None
            self._behind_since = {p: since for p, since in self._behind_since.items() if p in partitions}

    def away(self, dependency: Dependency, now: float) -> None:
        """Note that a dependency does not answer."""
        self._away_since.setdefault(dependency, now)

    def back(self, dependency: Dependency) -> None:
        """Note that a dependency answers."""
        self._away_since.pop(dependency, None)

    def lag(self, lags: Mapping[Partition, int], now: float) -> None:
        """Note how far each assigned partition is behind."""
        for partition, behind in lags.items():
            if behind > 0:
                self._behind_since.setdefault(partition, now)
            else:
                self._behind_since.pop(partition, None)

    def moved(self, partitions: Collection[Partition], now: float) -> None:
        """Note that the cursors of these partitions moved."""
        for partition in partitions:
            if partition in self._behind_since:
                self._behind_since[partition] = now

    def age(self, now: float) -> float:
        """Return the seconds since the partition that stands longest moved; 0 when none is behind."""
        return max((now - since for since in self._behind_since.values()), default=0.0)

    def ready(self, now: float) -> Health:
        """Answer the readiness probe."""
        reasons = []
        if self._rebalancing_since is not None:
            reasons.append("No partitions are assigned: the consumer group is rebalancing.")
        reasons.extend(
            f"{_NAMES[dependency]} has not answered for {now - since:.0f} s."
            for dependency, since in self._away_since.items()
            if now - since >= PATIENCE_SECONDS
        )
        reasons.extend(
            f"{partition} is behind and has not moved for {now - since:.0f} s."
            for partition, since in sorted(self._behind_since.items())
            if now - since >= self.not_ready_after
        )
        return Health(tuple(reasons))

    def live(self, now: float) -> Health:
        """Answer the liveness probe."""
        silent = now - self._beat
        return Health((f"The recorder's loop has not turned for {silent:.0f} s.",) if silent >= self.exit_after else ())

    def stuck(self, now: float) -> str | None:
        """Return why the process should end and be started again, or None.

        Not while a dependency is away: starting again would not bring it back.
        """
        if not self.live(now).ok:
            return f"the loop has not turned for {now - self._beat:.0f} s"
        if self._away_since:
            return None
        if self._rebalancing_since is not None and now - self._rebalancing_since >= self.exit_after:
            return f"no partitions were assigned for {now - self._rebalancing_since:.0f} s"
        if self.age(now) >= self.exit_after:
            return f"a partition is behind and has not moved for {self.age(now):.0f} s"
        return None
