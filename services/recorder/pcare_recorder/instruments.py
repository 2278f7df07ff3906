"""What the recorder shows to Prometheus. Names and meanings are in the catalogue of pcare_common.metrics."""

import contextlib
from collections.abc import Callable, Collection, Generator, Mapping
from typing import Literal

from prometheus_client import CollectorRegistry

from pcare_common import build_info, metrics
from pcare_common.clock import Clock
from pcare_recorder.cursors import Cursor, Partition
from pcare_recorder.errors import Dependency
from pcare_recorder.verdicts import Outcome, Verdicts
from pcare_schemas.rules import Rules
from pcare_schemas.topics import provider_of_topic

Step = Literal["judge", "persist", "publish", "commit"]

UNKNOWN_PROVIDER = "unknown"


class Instruments:
    """The recorder's metrics. `age` is asked for the seconds without progress at each scrape."""

    def __init__(self, registry: CollectorRegistry, rules: Rules, clock: Clock, age: Callable[[], float]) -> None:
        self.under(rules)
        build_info.show(registry, "pcare-recorder", lambda: self._rules.version)
        self._clock = clock
        self._events = metrics.counter("pcare_recorder_events_total", registry)
        self._rejected = metrics.counter("pcare_recorder_rejected_total", registry)
        self._apart = metrics.counter("pcare_recorder_persons_apart_total", registry)
        self._cursor_events = metrics.gauge("pcare_recorder_cursor_events", registry)
        self._next_offset = metrics.gauge("pcare_recorder_next_offset", registry)
        self._lag = metrics.gauge("pcare_recorder_lag_events", registry)
        self._seconds = metrics.histogram("pcare_recorder_step_seconds", registry)
        self._fenced = metrics.counter("pcare_recorder_fenced_total", registry)
        self._breaker = metrics.gauge("pcare_recorder_breaker_open", registry)
        self._transient = metrics.counter("pcare_recorder_transient_errors_total", registry)
        metrics.gauge("pcare_recorder_progress_age_seconds", registry).set_function(age)
        for outcome in Outcome:
            self._events.labels(outcome)
        for dependency in Dependency:
            self._transient.labels(dependency.value)

    def under(self, rules: Rules) -> None:
        """Tell providers by the register of these rules from now on."""
        self._rules = rules
        self._owners = {provider.topic_slug: provider.code for provider in rules.register.by_source.values()}

    @contextlib.contextmanager
    def timed(self, step: Step) -> Generator[None, None, None]:
        """Measure how long a batch spends in a step."""
        started = self._clock.monotonic()
        try:
            yield
        finally:
            self._seconds.labels(step).observe(self._clock.monotonic() - started)

    def judged(self, verdicts: Verdicts) -> None:
        """Count what became of a batch that is now in the database."""
        for (partition, outcome), count in verdicts.outcomes.items():
            self._events.labels(outcome).inc(count)
            self._cursor_events.labels(partition.topic, partition.number, outcome).inc(count)
        self._apart.inc(len(verdicts.apart))
        for submitted, rejection in verdicts.rejections:
            self._rejected.labels(self._provider(submitted.origin.topic, rejection.source), rejection.reason).inc()

    def began(self, cursors: Mapping[Partition, Cursor]) -> None:
        """Show the partitions of this copy, and no longer those of before."""
        for gauge in (self._cursor_events, self._next_offset, self._lag):
            gauge.clear()
        for partition, cursor in cursors.items():
            counts = (cursor.recorded, cursor.duplicates, cursor.rejected)
            for outcome, count in zip(Outcome, counts, strict=True):
                self._cursor_events.labels(partition.topic, partition.number, outcome).set(count)
            self.moved(partition, cursor.next_offset)

    def moved(self, partition: Partition, next_offset: int) -> None:
        """Show where a cursor stands."""
        self._next_offset.labels(partition.topic, partition.number).set(next_offset)

    def behind(self, lags: Mapping[Partition, int]) -> None:
        """Show how far partitions are behind."""
        for partition, lag in lags.items():
            self._lag.labels(partition.topic, partition.number).set(lag)

    def breaker(self, topics: Collection[str], opened: Collection[str]) -> None:
        """Show which of the topics of this copy are read no further."""
        self._breaker.clear()
        for topic in topics:
            self._breaker.labels(topic).set(topic in opened)

    def fenced(self) -> None:
        """Count a batch that was dropped because another recorder had moved its cursor."""
        self._fenced.inc()

    def transient(self, dependency: Dependency) -> None:
        """Count a time that a dependency did not answer."""
        self._transient.labels(dependency.value).inc()

    def _provider(self, topic: str, source: str | None) -> str:
        """Return whose rejection it is, as the desk has it: the topic's owner's, else whose source it claims.

        A sender of nonsense must not fill Prometheus with labels.
        """
        owner = provider_of_topic(topic)
        if owner is not None:
            return self._owners.get(owner, UNKNOWN_PROVIDER)
        provider = self._rules.register.by_source.get(source or "")
        return UNKNOWN_PROVIDER if provider is None else provider.code
