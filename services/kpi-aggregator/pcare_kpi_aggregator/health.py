"""Whether this worker is well, in words: for the probes of an orchestrator and for people."""

from dataclasses import dataclass

from pcare_common.health import Health
from pcare_kpi_aggregator.owned import Phase
from pcare_kpi_aggregator.watchdog import LoopWatchdog, ProgressWatchdog
from pcare_kpi_aggregator.worker import KpiWorker

PROGRESS_SECONDS = 20.0
"""Without progress for this long a worker is not ready; at the watchdog's limit it ends."""


@dataclass(slots=True)
class WorkerHealth:
    """Answers the two probes."""

    worker: KpiWorker
    loop: LoopWatchdog
    progress: ProgressWatchdog
    loop_limit_seconds: float

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
        if self.progress.age > PROGRESS_SECONDS:
            reasons.append(f"nothing was counted for {self.progress.age:.0f} s although there is something to count")
        return reasons


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))
