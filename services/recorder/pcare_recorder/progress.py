"""Health is progress: whether the recorder moves, and for how long it has not. Pure; the time is handed in.

Times are readings of a monotonic clock, in seconds. That the loop turns is the watchdog's to see.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pcare_common.health import Health
from pcare_recorder.cursors import Partition
from pcare_recorder.errors import Dependency

PATIENCE_SECONDS = 5.0  # a dependency that answers again within this is not worth an alarm
AWAY_TOO_LONG = 5  # times `exit_after`: by then the trouble may be our clients', which a new process makes anew

_NAMES = {Dependency.POSTGRESQL: "PostgreSQL", Dependency.KAFKA: "Kafka"}


@dataclass(slots=True)
class Progress:
    """What the recorder's loop tells of itself, and what follows from it.

    `not_ready_after`, `exit_after`: seconds without progress.
    """

    now: float
    not_ready_after: float
    exit_after: float
    _unassigned_since: float | None = field(init=False)
    _beginning_since: float | None = field(init=False, default=None)
    _away_since: dict[Dependency, float] = field(init=False, default_factory=dict)
    _behind_since: dict[Partition, float] = field(init=False, default_factory=dict)
    _held_back: Mapping[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._unassigned_since = self.now

    def assigned(self, partitions: Collection[Partition] | None, now: float) -> None:
        """Note which partitions are ours, or None while the group rebalances."""
        if partitions is None:
            self._unassigned_since = self._unassigned_since or now
        else:
            self._unassigned_since = None
            self._behind_since = {p: since for p, since in self._behind_since.items() if p in partitions}

    def beginning(self, now: float) -> None:
        """Note that it has to be found out where to begin: until `begun`, nothing is known of any lag."""
        self._beginning_since = self._beginning_since or now

    def begun(self, now: float) -> None:
        """Note that the partitions that are ours are being read, and that both dependencies answered on the way."""
        self._beginning_since = None
        if self._away_since:
            self._forgive(now - min(self._away_since.values()), now)
        self._away_since.clear()

    def away(self, dependency: Dependency, now: float) -> None:
        """Note that a dependency does not answer."""
        self._away_since.setdefault(dependency, now)

    def back(self, dependency: Dependency, now: float) -> None:
        """Note that a dependency answers."""
        since = self._away_since.get(dependency)
        if since is not None:
            self._forgive(now - since, now)
            del self._away_since[dependency]

    def _forgive(self, away: float, now: float) -> None:
        """Do not count how long a dependency was away, or the process would end as soon as it is back.

        Only where that was long: what comes back every few seconds must not hide that nothing moves. It is called
        before the dependency is no longer away, for the watchdog looks on from its own thread.
        """
        if away < self.not_ready_after:
            return
        self._behind_since = {p: min(now, since + away) for p, since in self._behind_since.items()}
        if self._unassigned_since is not None:
            self._unassigned_since = min(now, self._unassigned_since + away)
        if self._beginning_since is not None:
            self._beginning_since = min(now, self._beginning_since + away)

    def lag(self, lags: Mapping[Partition, int], now: float) -> None:
        """Note how far each assigned partition is from being published through."""
        for partition, behind in lags.items():
            if behind > 0 and partition.topic not in self._held_back:
                self._behind_since.setdefault(partition, now)
            else:
                self._behind_since.pop(partition, None)

    def held_back(self, topics: Mapping[str, str]) -> None:
        """Note the topics that are read no further on purpose, each with why. Starting again would not help."""
        self._held_back = dict(topics)
        self._behind_since = {p: since for p, since in self._behind_since.items() if p.topic not in topics}

    def moved(self, partitions: Collection[Partition], now: float) -> None:
        """Note that one of the cursors of these partitions moved."""
        for partition in partitions:
            if partition in self._behind_since:
                self._behind_since[partition] = now

    def age(self, now: float) -> float:
        """Return for how many seconds it has not got on, for whatever reason; 0 when all is well."""
        unknown = (self._unassigned_since, self._beginning_since)
        since = [*self._behind_since.values(), *self._away_since.values(), *(one for one in unknown if one is not None)]
        return max((now - one for one in since), default=0.0)

    def ready(self, now: float) -> Health:
        """Answer the readiness probe."""
        reasons = []
        if self._unassigned_since is not None:
            reasons.append("No partitions are assigned: the consumer group is rebalancing.")
        reasons.extend(
            f"{_NAMES[dependency]} has not answered for {now - since:.0f} s."
            for dependency, since in self._away_since.items()
            if now - since >= PATIENCE_SECONDS
        )
        if not reasons and self._beginning_since is not None and now - self._beginning_since >= PATIENCE_SECONDS:
            reasons.append(f"Where to begin has not been found out for {now - self._beginning_since:.0f} s.")
        reasons.extend(
            f"{partition} is behind and has not moved for {now - since:.0f} s."
            for partition, since in sorted(self._behind_since.items())
            if now - since >= self.not_ready_after
        )
        reasons.extend(self._held_back.values())
        return Health(tuple(reasons))

    def stuck(self, now: float) -> str | None:
        """Return why the process should end and be started again, or None. May be asked from another thread.

        Not while a dependency is away: starting again would not bring it back. After a long while it may be that
        only our own clients do not find it, for they know no addresses but those that they have seen.
        """
        away, behind_since = list(self._away_since.items()), list(self._behind_since.values())  # each in one step
        for dependency, since in away:
            if now - since >= AWAY_TOO_LONG * self.exit_after:
                return f"{_NAMES[dependency]} has not answered for {now - since:.0f} s"
        if away:
            return None
        unassigned_since, beginning_since = self._unassigned_since, self._beginning_since
        if unassigned_since is not None and now - unassigned_since >= self.exit_after:
            return f"no partitions were assigned for {now - unassigned_since:.0f} s"
        if beginning_since is not None and now - beginning_since >= self.exit_after:
            return f"where to begin was not found out for {now - beginning_since:.0f} s"
        behind = max((now - since for since in behind_since), default=0.0)
        if behind >= self.exit_after:
            return f"a partition is behind and has not moved for {behind:.0f} s"
        return None
