"""What is counted of POST /fhir, under the names of `pcare_common.metrics`."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from pcare_common import metrics
from pcare_ingest.callers import Caller
from pcare_ingest.fhir.bundle import Held
from pcare_ingest.fhir.mapping import Mapping
from pcare_ingest.fhir.outcomes import Result
from pcare_ingest.fhir.taking import Resources
from pcare_ingest.intake import Verdict
from pcare_ingest.measures import Measures

OTHER = "other"


class FhirMeasures:
    """The counters of FHIR; the events that come of it are counted with all others, by `measures`."""

    def __init__(self, registry: CollectorRegistry, mapping: Mapping, measures: Measures) -> None:
        self._requests = metrics.counter("pcare_ingest_fhir_requests_total", registry)
        self._resources = metrics.counter("pcare_ingest_fhir_resources_total", registry)
        self._types = frozenset(mapping.resources) | frozenset(mapping.context)
        self._measures = measures

    def answered(self, status: int) -> None:
        """Count a request."""
        self._requests.labels(str(status)).inc()

    def judged(self, verdicts: Sequence[Verdict], seconds: float, caller: Caller) -> None:
        """Count the events of a request of `caller`."""
        self._measures.judged(verdicts, seconds, caller)

    def resources(self, resources: Resources, results: Sequence[Result]) -> None:
        """Count the resources of a request by what became of each."""
        for held, result in zip(resources.read, results, strict=True):
            known = isinstance(held, Held) and held.type in self._types
            self._resources.labels(held.type if known and isinstance(held, Held) else OTHER, _word(result)).inc()


def _word(result: Result) -> str:
    if result.status >= 500:
        return "unavailable"
    if result.status >= 400:
        return "refused"
    return "accepted" if result.accepted else "context"
