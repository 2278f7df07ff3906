"""Whether this worker is well, in words: for the probes of an orchestrator and for people."""

from dataclasses import dataclass

from pcare_common.health import Health
from pcare_kpi_aggregator.owned import Phase
from pcare_kpi_aggregator.watchdog import LoopWatchdog, ProgressWatchdog
from pcare_kpi_aggregator.whole import ENDS_HOLD_SECONDS
from pcare_kpi_aggregator.worker import KpiWorker


@dataclass(slots=True)
class WorkerHealth:
    """Answers the two probes. Without progress for `progress_seconds` a worker is not ready; later it ends."""

    worker: KpiWorker
    loop: LoopWatchdog
    progress: ProgressWatchdog
    loop_limit_seconds: float
    progress_seconds: float

    def age(self) -> float:
        """Return for how many seconds there has been no progress, or none that it could know of."""
        silent = self.worker.whole.ends_age
        return max(self.progress.age, silent if silent > ENDS_HOLD_SECONDS else 0.0)

    def live(self) -> Health:
        """Say whether the loop turns."""
        if self.loop.silence > self.loop_limit_seconds:
            return Health((f"the loop has not turned for {self.loop.silence:.1f} s",))
        return Health()

    def ready(self) -> Health:
        """Say whether this worker counts what it owns, and can answer for the whole."""
        return Health(tuple(self._reasons()))

    def _reasons(self) -> list[str]:
        ownership, whole = self.worker.ownership, self.worker.whole
        reasons: list[str] = []
        if not ownership.assigned:
            reasons.append("the group has not assigned partitions to this worker yet")
        reading = [number for number, owned in ownership.owned.items() if owned.phase is Phase.READING]
        if reading:
            reasons.append(f"reading the log of the partitions {_listed(reading)}")
        reasons += [
            f"partition {number} is not counted: the fold fails at offset {owned.blocked_at}; see the log"
            for number, owned in ownership.owned.items()
            if owned.phase is Phase.BLOCKED
        ]
        if not whole.complete:
            missing = f"of the partitions {_listed(whole.missing)}" if whole.missing else "of the log's ends"
            reasons.append(f"the numbers are not complete: nothing is known {missing}")
        if whole.ends_age > self.progress_seconds:
            reasons.append(f"Kafka has not said for {whole.ends_age:.0f} s where the log ends")
        if self.progress.age > self.progress_seconds:
            reasons.append(f"nothing was counted for {self.progress.age:.0f} s although there is something to count")
        return reasons


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
