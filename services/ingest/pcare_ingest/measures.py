"""What ingest counts, under the names of `pcare_common.metrics`."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry

from pcare_common import metrics
from pcare_ingest.admission import Admission
from pcare_ingest.callers import ANYONE, Caller
from pcare_ingest.intake import Verdict
from pcare_schemas.register import Register
from pcare_schemas.rejections import Rejection

UNKNOWN_PROVIDER = "unknown"


class Measures:
    """The counters of one process, in a registry of their own. `age` is asked for at each scrape."""

    def __init__(
        self,
        registry: CollectorRegistry,
        register: Callable[[], Register],
        admission: Admission,
        age: Callable[[], float],
    ) -> None:
        self._register = register
        self._requests = metrics.counter("pcare_ingest_requests_total", registry)
        self._events = metrics.counter("pcare_ingest_events_total", registry)
        self._rejected = metrics.counter("pcare_ingest_rejected_total", registry)
        self._limited = metrics.counter("pcare_ingest_limited_events_total", registry)
        self._publish = metrics.histogram("pcare_ingest_publish_seconds", registry)
        self._outcomes = {outcome: self._events.labels(outcome) for outcome in ("accepted", "rejected", "unavailable")}
        self._deprecated = metrics.counter("pcare_ingest_deprecated_events_total", registry)
        self._statuses = {status: self._requests.labels(str(status)) for status in (202, 207, 400, 503)}
        metrics.gauge("pcare_ingest_in_flight_events", registry).set_function(lambda: admission.events)
        metrics.gauge("pcare_ingest_in_flight_bytes", registry).set_function(lambda: admission.bytes)
        metrics.gauge("pcare_ingest_progress_age_seconds", registry).set_function(age)

    def answered(self, status: int) -> None:
        """Count a request to POST /events."""
        counter = self._statuses.get(status)
        (self._requests.labels(str(status)) if counter is None else counter).inc()

    def limited(self, provider: str, events: int) -> None:
        """Count events that were sent faster than their provider may send. `provider` is a code of the register."""
        self._limited.labels(provider).inc(events)

    def judged(self, verdicts: Sequence[Verdict], seconds: float, caller: Caller = ANYONE) -> None:
        """Count the verdicts of one request, which took `seconds` from the first event to the last acknowledgement.

        What is refused of a caller who has proven who they are is theirs, whatever source they claim.
        """
        accepted = sum(one.against is None for one in verdicts)
        rejected = [one for one in verdicts if isinstance(one.against, Rejection)]
        if accepted:
            self._outcomes["accepted"].inc(accepted)
            self._publish.observe(seconds)
        if rejected:
            self._outcomes["rejected"].inc(len(rejected))
        if len(verdicts) > accepted + len(rejected):
            self._outcomes["unavailable"].inc(len(verdicts) - accepted - len(rejected))
        for one in rejected:
            self._count_rejection(one.source, one.against, caller)
        for one in verdicts:
            if one.deprecated:
                self._count_deprecated(one)

    def _count_deprecated(self, verdict: Verdict) -> None:
        for used in verdict.deprecated:
            self._deprecated.labels(self._code_of(verdict.source), used.name).inc()

    def _count_rejection(self, source: str | None, against: object, caller: Caller) -> None:
        reason = against.reason if isinstance(against, Rejection) else ""
        provider = self._code_of(source) if caller.sources is None else caller.name
        self._rejected.labels(provider, reason).inc()

    def _code_of(self, source: str | None) -> str:
        provider = self._register().by_source.get(source or "")
        return UNKNOWN_PROVIDER if provider is None else provider.code


class CheckMeasures:
    """What is counted of requests that are checked and stored nowhere."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = metrics.counter("pcare_ingest_check_requests_total", registry)
        self._events = metrics.counter("pcare_ingest_checked_events_total", registry)
        self._seconds = metrics.histogram("pcare_ingest_check_seconds", registry)

    def answered(self, status: int) -> None:
        """Count a request to POST /events/check."""
        self._requests.labels(str(status)).inc()

    def judged(self, verdicts: Sequence[Verdict], seconds: float, caller: Caller) -> None:  # noqa: ARG002 - theirs to try
        """Count the verdicts of one request, which took `seconds` in all; nothing of it is anybody's."""
        valid = sum(one.against is None for one in verdicts)
        self._events.labels("valid").inc(valid)
        self._events.labels("rejected").inc(len(verdicts) - valid)
        self._seconds.observe(seconds)
