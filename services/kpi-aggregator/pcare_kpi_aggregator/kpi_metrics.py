"""The worker's Prometheus metrics, made from what it knows at the moment it is asked."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.registry import Collector

from pcare_common.metrics import counter_family, gauge_family, histogram_family
from pcare_kpi_aggregator.owned import Phase
from pcare_kpi_aggregator.standings import Standings
from pcare_kpi_aggregator.worker import KpiWorker
from pcare_kpi_aggregator.years import SECOND
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.year_labels import label


class KpiCollector(Collector):
    """Collects on the loop's thread, where the HTTP server runs. The label sets are bounded by the catalogue."""

    def __init__(
        self,
        worker: KpiWorker,
        catalogue: Catalogue,
        standings: Standings,
        *,
        now: Callable[[], int],
        progress_age: Callable[[], float],
    ) -> None:
        self._worker = worker
        self._catalogue = catalogue
        self._standings = standings
        self._now = now
        self._progress_age = progress_age

    def collect(self) -> Iterable[Metric]:
        """Return all families."""
        yield from self._numbers()
        yield from self._own_partitions()
        yield from self._all_partitions()
        yield from self._worker_itself()

    def _numbers(self) -> Iterable[Metric]:
        answer = self._worker.whole.answer()
        values = gauge_family("pcare_kpi_value")
        targets = gauge_family("pcare_kpi_target")
        trajectories = gauge_family("pcare_kpi_trajectory")
        for value in answer.values:
            labels = [value.kpi, value.area, label(value.year)]
            if value.value is not None:
                values.add_metric(labels, value.value)
            standing = self._standings.of(answer, value)
            if standing.target is not None:
                targets.add_metric(labels, standing.target)
            if standing.trajectory is not None:
                trajectories.add_metric(labels, standing.trajectory)
        complete = gauge_family("pcare_kpi_complete")
        complete.add_metric([], float(answer.complete))
        instant = gauge_family("pcare_kpi_instant_seconds")
        if answer.oldest is not None:
            instant.add_metric([], answer.oldest / SECOND)
        heard = gauge_family("pcare_kpi_log_heard_seconds")
        if answer.complete:
            heard.add_metric([], self._now() / SECOND - self._worker.whole.ends_age)
        info = gauge_family("pcare_kpi_catalogue_info")
        info.add_metric([self._catalogue.version], 1)
        return values, targets, trajectories, complete, instant, heard, info

    def _own_partitions(self) -> Iterable[Metric]:
        owned_family = gauge_family("pcare_kpi_partition_owned")
        ready = gauge_family("pcare_kpi_partition_ready")
        blocked = gauge_family("pcare_kpi_partition_blocked_offset")
        skipped = gauge_family("pcare_kpi_skipped_events")
        for partition, owned in self._worker.ownership.owned.items():
            own = self._worker.ownership.assigned
            owned_family.add_metric([str(partition)], float(own))
            ready.add_metric([str(partition)], float(owned.phase is Phase.READY))
            if owned.blocked_at is not None:
                blocked.add_metric([str(partition)], owned.blocked_at)
        for name, count in self._worker.ownership.skipped().items():
            skipped.add_metric([name], count)
        return owned_family, ready, blocked, skipped

    def _all_partitions(self) -> Iterable[Metric]:
        whole = self._worker.whole
        applied = gauge_family("pcare_kpi_partition_applied_through")
        lag = gauge_family("pcare_kpi_partition_lag_events")
        age = gauge_family("pcare_kpi_partition_age_seconds")
        instant = gauge_family("pcare_kpi_partition_instant_seconds")
        for partition in whole.partitions:
            partial, behind = whole.best.get(partition), whole.lag(partition)
            if partial is not None:
                applied.add_metric([str(partition)], partial.snapshot.applied_through)
                age.add_metric([str(partition)], max(0, self._now() - partial.snapshot.at) / SECOND)
                instant.add_metric([str(partition)], partial.snapshot.at / SECOND)
            if behind is not None:
                lag.add_metric([str(partition)], behind)
        return applied, lag, age, instant

    def _worker_itself(self) -> Iterable[Metric]:
        applied = counter_family("pcare_kpi_applied_events_total")
        delays = self._worker.delays
        applied.add_metric([], self._worker.ownership.progress, exemplar=delays.last)
        seconds = histogram_family("pcare_kpi_counted_seconds")
        seconds.add_metric([], delays.buckets(), delays.sum)
        rebalances = counter_family("pcare_kpi_rebalances_total")
        rebalances.add_metric([], self._worker.rebalances)
        progress = gauge_family("pcare_kpi_progress_age_seconds")
        progress.add_metric([], self._progress_age())
        return applied, seconds, rebalances, progress
