"""What the sealer shows to Prometheus and to whoever asks whether it is ready."""

from prometheus_client import CollectorRegistry

from pcare_audit.checkpoint import Checkpoint
from pcare_common import metrics
from pcare_common.clock import Clock
from pcare_common.health import Health

PATIENCE_SECONDS = 60.0


class Measures:
    """The last checkpoint, what waits for the next, and what is in the way of it. `seconds` are those of a round."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, seconds: float) -> None:
        self.trouble: str | None = "it has only begun: it looks at all that was sealed before"
        self._clock = clock
        self._seconds = seconds
        self._succeeded = clock.monotonic()
        self._size = metrics.gauge("pcare_seal_checkpoint_size", registry)
        self._time = metrics.gauge("pcare_seal_last_checkpoint_timestamp_seconds", registry)
        self._waiting = metrics.gauge("pcare_seal_waiting_events", registry)
        self._refused = metrics.gauge("pcare_seal_refused", registry)
        metrics.gauge("pcare_seal_look_age_seconds", registry).set_function(self._age)
        metrics.gauge("pcare_seal_interval_seconds", registry).set(seconds)

    def checkpoint(self, last: Checkpoint | None) -> None:
        """Show the last checkpoint."""
        if last is not None:
            self._size.set(last.size)
            self._time.set(last.time.timestamp())

    def waiting(self, events: int) -> None:
        """Show how many events are not sealed yet."""
        self._waiting.set(events)

    def done(self) -> None:
        """Say that all is well: what was to be done now is done, or another sealer does it."""
        self.trouble, self._succeeded = None, self._clock.monotonic()

    def refused(self, what: str) -> None:
        """Say that nothing more is signed."""
        self._refused.set(1)
        self.trouble = what

    def ready(self) -> Health:
        """Say what is in the way, or for how long nothing was done."""
        if self.trouble is not None:
            return Health((self.trouble,))
        age = self._age()
        if age > 3 * self._seconds + PATIENCE_SECONDS:
            return Health((f"nothing was looked at for {age:.0f} s",))
        return Health()

    def _age(self) -> float:
        return self._clock.monotonic() - self._succeeded
