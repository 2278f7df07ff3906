"""Every Prometheus metric of the system: its name, labels, meaning and when to worry.

A metric that is not listed here cannot be made, so this file is the documentation and cannot go stale.
`python -m pcare_common.metrics` prints it as the Markdown table of docs/metrics.md.
"""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

LATENCY_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `worry` says to an operator when the value is a reason to act."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    worry: str


_ALL = (
    Metric(
        "pcare_build_info",
        "gauge",
        ("version", "rules"),
        "1, with the release of this copy and, of ingest and the recorder, the version of the rules it judges by.",
        "Copies name different ones for longer than an upgrade or a change of the register takes: `pcare doctor`.",
    ),
    Metric(
        "pcare_ingest_requests_total",
        "counter",
        ("status",),
        "Requests to POST /events, by HTTP status.",
        "503 grows: Kafka does not acknowledge, or too much is in flight.",
    ),
    Metric(
        "pcare_ingest_fhir_requests_total",
        "counter",
        ("status",),
        "Requests to POST /fhir, by HTTP status.",
        "503 grows: Kafka does not acknowledge, or too much is in flight.",
    ),
    Metric(
        "pcare_ingest_fhir_resources_total",
        "counter",
        ("resource", "outcome"),
        "FHIR resources answered, by type (one that is read here, else other) and outcome: accepted, context (others "
        "refer to it), refused, unavailable.",
        "refused grows for one type: a sender's mapping and docs/fhir.md have parted.",
    ),
    Metric(
        "pcare_ingest_events_total",
        "counter",
        ("outcome",),
        "Events answered, by outcome: accepted (acknowledged by Kafka), rejected, unavailable.",
        "unavailable grows: providers are told to send again later.",
    ),
    Metric(
        "pcare_ingest_rejected_total",
        "counter",
        ("provider", "reason"),
        "Events refused at the edge, by reason and provider: who sent them by their credential, else whose source they "
        "claim (of the register, else unknown).",
        "A provider's share jumps: its software changed.",
    ),
    Metric(
        "pcare_ingest_limited_events_total",
        "counter",
        ("provider",),
        "Events answered 429, by provider: sent faster than it may send.",
        "It grows for hours: the provider sends one by one what it could batch, or needs a higher rate.",
    ),
    Metric(
        "pcare_ingest_callers_refused_total",
        "counter",
        ("kind",),
        "Requests whose sender did not prove who they are, by kind of failure, at /oauth2/token too.",
        "It grows: a provider's credential has expired or was mistyped (the log names it), or somebody is trying.",
    ),
    Metric(
        "pcare_ingest_tokens_total",
        "counter",
        ("provider",),
        "Access tokens given at /oauth2/token, by provider.",
        "One a request: the provider's software does not use a token until it expires.",
    ),
    Metric(
        "pcare_ingest_register_age_seconds",
        "gauge",
        (),
        "Seconds since the register and the credentials that ingest goes by were last seen to be current.",
        "Above 60: PostgreSQL is not read. At PCARE_INGEST_REGISTER_STALE everything is answered 503.",
    ),
    Metric(
        "pcare_ingest_deprecated_events_total",
        "counter",
        ("provider", "what"),
        "Accepted events that use what is on its way out, by provider and by what it is.",
        "It still grows as the sunset of that nears: tell that provider.",
    ),
    Metric(
        "pcare_ingest_check_requests_total",
        "counter",
        ("status",),
        "Requests to POST /events/check, by HTTP status. Nothing of them is stored.",
        "500 appears: a fault in ingest; the log says where.",
    ),
    Metric(
        "pcare_ingest_checked_events_total",
        "counter",
        ("outcome",),
        "Events of such requests, by outcome: valid, rejected.",
        "Never: a provider tries things out.",
    ),
    Metric(
        "pcare_ingest_check_seconds",
        "histogram",
        (),
        "Seconds that the checks of such a request took.",
        "The 99th percentile grows to seconds: the process is too busy.",
    ),
    Metric(
        "pcare_ingest_receipts_total",
        "counter",
        ("status",),
        "Requests to GET /events/{source}/{id} and GET /rejections, by HTTP status.",
        "503 grows: PostgreSQL does not answer ingest; the log says why.",
    ),
    Metric(
        "pcare_ingest_pseudonyms_total",
        "counter",
        ("provider",),
        "Pseudonyms given for NHS numbers, by provider.",
        "A provider asks for far more than it sends events about: somebody may be trying numbers out.",
    ),
    Metric(
        "pcare_ingest_publish_seconds",
        "histogram",
        (),
        "Seconds from handing an event or a batch to the producer to the acknowledgement of all its records.",
        "The 99th percentile nears the delivery timeout.",
    ),
    Metric(
        "pcare_ingest_in_flight_events",
        "gauge",
        (),
        "Events handed to the producer and not yet acknowledged.",
        "It stays at its bound: requests are answered 503.",
    ),
    Metric(
        "pcare_ingest_in_flight_bytes",
        "gauge",
        (),
        "Bytes handed to the producer and not yet acknowledged.",
        "It stays at its bound: requests are answered 503.",
    ),
    Metric(
        "pcare_ingest_progress_age_seconds",
        "gauge",
        (),
        "Seconds since which Kafka owes an acknowledgement of events that came; 0 when it owes none.",
        "Above 30, or not scraped: alert. /health/ready says why; docs/operate.md says what to do.",
    ),
    Metric(
        "pcare_recorder_events_total",
        "counter",
        ("outcome",),
        "Events judged since this process started: recorded, duplicate or rejected.",
        "For sums that survive restarts use pcare_recorder_cursor_events.",
    ),
    Metric(
        "pcare_recorder_rejected_total",
        "counter",
        ("provider", "reason"),
        "Events rejected since this process started, by reason and provider: whose own topic it came by, else whose "
        "source it claims (of the register, else unknown).",
        "A provider's share jumps: its software changed.",
    ),
    Metric(
        "pcare_recorder_persons_apart_total",
        "counter",
        (),
        "Events recorded that name one person by two pseudonyms, while these are linked to two subjects.",
        "It grows at all: the key was exchanged without `pcare keys rotate`, or a provider mixes people up. The log "
        "says where; docs/keys.md says what to do.",
    ),
    Metric(
        "pcare_recorder_cursor_events",
        "gauge",
        ("topic", "partition", "outcome"),
        "Events of a partition by outcome, as the database's cursor holds them.",
        "Their sum differs from next offset minus base offset (less control records): something is not accounted for.",
    ),
    Metric(
        "pcare_recorder_next_offset",
        "gauge",
        ("topic", "partition"),
        "The first offset of a partition that is not in the database yet.",
        "It stands still while lag is above zero.",
    ),
    Metric(
        "pcare_recorder_lag_events",
        "gauge",
        ("topic", "partition"),
        "Offsets between the end of a partition and the recorder's cursor.",
        "It grows for minutes.",
    ),
    Metric(
        "pcare_recorder_step_seconds",
        "histogram",
        ("step",),
        "Seconds a batch spends in each step: judge, persist, publish, commit.",
        "persist grows: PostgreSQL is slow; publish grows: Kafka is.",
    ),
    Metric(
        "pcare_recorder_breaker_open",
        "gauge",
        ("topic",),
        "1 while a topic is read no further because most of what it brings would be rejected, else 0.",
        "At once: its events wait until somebody decides. The log of that copy says how.",
    ),
    Metric(
        "pcare_recorder_fenced_total",
        "counter",
        (),
        "Batches dropped because another recorder had moved the cursor.",
        "It grows steadily: two recorders believe they own one partition.",
    ),
    Metric(
        "pcare_recorder_transient_errors_total",
        "counter",
        ("dependency",),
        "Times a batch was held back because postgresql or kafka did not answer.",
        "It grows for minutes.",
    ),
    Metric(
        "pcare_recorder_progress_age_seconds",
        "gauge",
        (),
        "Seconds that it has stood still: a partition with lag did not advance or was not published, a dependency did "
        "not answer, or no partitions were assigned; 0 when all is well.",
        "Above 60, or not scraped: alert. /health/ready says why; docs/operate.md says what to do.",
    ),
    Metric(
        "pcare_kpi_value",
        "gauge",
        ("kpi", "borough", "year"),
        "A KPI's number: borough is a GSS code, NCL, or NCL only; year is a financial year. The whole, on any worker.",
        "It is absent while pcare_kpi_complete is 0: part of a sum is no number.",
    ),
    Metric(
        "pcare_kpi_target",
        "gauge",
        ("kpi", "borough", "year"),
        "The plan's target for a KPI in a financial year, where there is one.",
        "Never: it changes with the targets file only.",
    ),
    Metric(
        "pcare_kpi_trajectory",
        "gauge",
        ("kpi", "borough", "year"),
        "Where a KPI should be by now to reach its target, where there is one; in a closed year the target.",
        "Never: it moves with time only. Compare pcare_kpi_value with it.",
    ),
    Metric(
        "pcare_kpi_complete",
        "gauge",
        (),
        "1 when the counts of every partition are known to this worker, else 0.",
        "It stays 0 for minutes: see the reasons on /health/ready.",
    ),
    Metric(
        "pcare_kpi_instant_seconds",
        "gauge",
        (),
        "The instant that the numbers speak of, in seconds since 1970: that of the partition furthest behind.",
        "It falls behind the clock by more than a minute: a partition is not being counted.",
    ),
    Metric(
        "pcare_kpi_log_heard_seconds",
        "gauge",
        (),
        "When Kafka last said where the log ends, in seconds since 1970: what came later is not in the numbers.",
        "It falls behind the clock by more than a minute: Kafka does not answer this worker.",
    ),
    Metric(
        "pcare_kpi_catalogue_info",
        "gauge",
        ("version",),
        "1, with the version of the KPI catalogue that this worker counts by.",
        "Workers name different versions for longer than an upgrade takes.",
    ),
    Metric(
        "pcare_kpi_partition_owned",
        "gauge",
        ("partition",),
        "1 for each partition of the log that the group has given to this worker.",
        "Over all workers a partition has no owner, or two, for more than a minute.",
    ),
    Metric(
        "pcare_kpi_partition_ready",
        "gauge",
        ("partition",),
        "1 when this worker owns the partition and counts it live, 0 while it reads the log or is blocked.",
        "It stays 0 for minutes.",
    ),
    Metric(
        "pcare_kpi_partition_blocked_offset",
        "gauge",
        ("partition",),
        "The record that the fold fails on; the partition is not counted from there. Absent when all is well.",
        "At once: the number of that partition stands still until the program is corrected.",
    ),
    Metric(
        "pcare_kpi_partition_applied_through",
        "gauge",
        ("partition",),
        "The last offset of the log that the numbers hold, by partition, whoever counted it.",
        "It stands still while lag is above zero.",
    ),
    Metric(
        "pcare_kpi_partition_lag_events",
        "gauge",
        ("partition",),
        "Records of the log that the numbers do not hold yet, by partition.",
        "It grows for minutes.",
    ),
    Metric(
        "pcare_kpi_partition_age_seconds",
        "gauge",
        ("partition",),
        "How long ago the instant is that a partition's counts speak of.",
        "Above 30: nobody counts the partition, or its owner cannot publish.",
    ),
    Metric(
        "pcare_kpi_partition_instant_seconds",
        "gauge",
        ("partition",),
        "The instant that a partition's counts speak of, in seconds since 1970.",
        "It stands still: nobody counts the partition, or its owner cannot publish.",
    ),
    Metric(
        "pcare_kpi_skipped_events",
        "gauge",
        ("type",),
        "Records skipped in this worker's partitions because their type or version is not known here.",
        "Above 0: a newer recorder writes what this program does not count. Upgrade it.",
    ),
    Metric(
        "pcare_kpi_applied_events_total",
        "counter",
        (),
        "Records that this worker has counted since it started, live and from the log.",
        "It stands still while lag is above zero.",
    ),
    Metric(
        "pcare_kpi_counted_seconds",
        "histogram",
        (),
        "Seconds from the broker's time of a submitted event to this worker's counting it live; in a flood, of some "
        "of them. Where tracing is on, its buckets name traces as exemplars.",
        "The 99th percentile grows to minutes: something between ingest and here is behind; see the lags.",
    ),
    Metric(
        "pcare_kpi_rebalances_total",
        "counter",
        (),
        "Assignments of partitions that this worker has been given since it started.",
        "It grows steadily: workers come and go, or one is too slow to keep its session.",
    ),
    Metric(
        "pcare_kpi_progress_age_seconds",
        "gauge",
        (),
        "Seconds since anything was counted while there was something to count, or since Kafka said where the log "
        "ends; 0 when all is well.",
        "Above 60, or not scraped: alert. /health/ready says why; docs/operate.md says what to do.",
    ),
    Metric(
        "pcare_seal_checkpoint_size",
        "gauge",
        (),
        "Leaves of the tree of the last signed checkpoint: what was recorded, and merges.",
        "It does not grow while events are recorded: see pcare_seal_waiting_events.",
    ),
    Metric(
        "pcare_seal_last_checkpoint_timestamp_seconds",
        "gauge",
        (),
        "When the last checkpoint was made. There is one at least every day.",
        "Older than a day: GET /health/ready of the sealer says what is in the way.",
    ),
    Metric(
        "pcare_seal_waiting_events",
        "gauge",
        (),
        "Events that are recorded and not sealed yet, as the sealer last looked.",
        "It grows for some PCARE_SEAL_SECONDS: GET /health/ready of the sealer says what is in the way.",
    ),
    Metric(
        "pcare_seal_look_age_seconds",
        "gauge",
        (),
        "Seconds since the sealer last did all there was to do, or another one did; since its start if it never did.",
        "Above three of its intervals and a minute: GET /health/ready of the sealer says what is in the way.",
    ),
    Metric(
        "pcare_seal_interval_seconds",
        "gauge",
        (),
        "How often the sealer looks for something new.",
        "Never: it is a setting.",
    ),
    Metric(
        "pcare_seal_refused",
        "gauge",
        (),
        "1 while the sealer signs nothing more, because the record contradicts what it signed before.",
        "At once: something recorded was changed. Its log names what, and says what to do.",
    ),
    Metric(
        "pcare_watch_look_age_seconds",
        "gauge",
        ("look",),
        "Seconds since the watcher last succeeded in looking at something; since its start if it never did.",
        "Above three of its intervals and a minute: GET /health/ready of the watcher says what is in the way.",
    ),
    Metric(
        "pcare_watch_look_interval_seconds",
        "gauge",
        ("look",),
        "How often the watcher looks at it.",
        "Never: it is a setting.",
    ),
    Metric(
        "pcare_watch_look_failures_total",
        "counter",
        ("look",),
        "Looks that did not succeed. Each is repeated.",
        "It grows for minutes: see pcare_watch_look_age_seconds.",
    ),
    Metric(
        "pcare_watch_unaccounted_events",
        "gauge",
        ("topic",),
        "Records of a submitted topic below the cursors, less those that are recorded, duplicates or rejected.",
        "Other than 0: an event has no outcome, or one that is none has. docs/runbooks/PcareEventsUnaccounted.md.",
    ),
    Metric(
        "pcare_watch_uncounted_partitions",
        "gauge",
        ("topic",),
        "Partitions of a submitted topic whose records are still being counted because offsets have no outcome.",
        "It stays above 0 for an hour: Kafka does not give the records.",
    ),
    Metric(
        "pcare_watch_topic_end_offset",
        "gauge",
        ("topic",),
        "Where a submitted topic ends in Kafka, summed over its partitions.",
        "It grows by less than ingest accepts: events that were answered 202 are not in Kafka.",
    ),
    Metric(
        "pcare_watch_topic_judged_offset",
        "gauge",
        ("topic",),
        "How far the database's cursors are in a submitted topic, summed over its partitions.",
        "It stands still while lag is above zero.",
    ),
    Metric(
        "pcare_watch_topic_lag_events",
        "gauge",
        ("topic",),
        "Offsets of a submitted topic that are not judged yet, whether or not a recorder has the partition.",
        "It grows for minutes.",
    ),
    Metric(
        "pcare_watch_topic_stuck_seconds",
        "gauge",
        ("topic",),
        "The longest for which a partition of the topic has had something to judge and did not advance.",
        "Above 60, unless the circuit breaker of that topic is open.",
    ),
    Metric(
        "pcare_watch_kpi_difference",
        "gauge",
        ("kpi", "borough", "year"),
        "Streamed number less SQL's, for those that differ at the same instant. Absent where they agree.",
        "At once, if it is found again: docs/runbooks/PcareKpiDiffers.md.",
    ),
    Metric(
        "pcare_watch_kpi_numbers",
        "gauge",
        ("verdict",),
        "Numbers of the last comparison of stream and SQL: agrees, differs, or undecided because it moved meanwhile.",
        "differs is above 0.",
    ),
    Metric(
        "pcare_watch_kpi_compared_seconds",
        "gauge",
        (),
        "When stream and SQL were last compared, in seconds since 1970; 0 before the first time.",
        "It falls behind by more than three of the watcher's intervals.",
    ),
    Metric(
        "pcare_watch_provider_arrival_seconds",
        "gauge",
        ("provider",),
        "When the last event of a provider arrived, recorded or rejected, in seconds since 1970; of the last 15 days.",
        "pcare_watch_provider_overdue_seconds tells.",
    ),
    Metric(
        "pcare_watch_provider_overdue_seconds",
        "gauge",
        ("provider",),
        "For how long a provider with an expected hour has been overdue; 0 when it is not.",
        "Above 0 for half an hour: ask the provider. docs/runbooks/PcareProviderSilent.md.",
    ),
    Metric(
        "pcare_watch_provider_events_total",
        "counter",
        ("provider", "outcome"),
        "Events of a provider since the watcher began, by outcome: recorded or rejected. Duplicates are not counted.",
        "The share of rejected jumps: the provider's software changed.",
    ),
    Metric(
        "pcare_watch_pseudonym_key_began_seconds",
        "gauge",
        ("key",),
        "Since when the pseudonym key has been in use by which persons are told apart, in seconds since 1970.",
        "More than a year ago: change it, docs/keys.md.",
    ),
    Metric(
        "pcare_watch_credential_made_seconds",
        "gauge",
        ("provider", "credential"),
        "When a credential of a provider that is not revoked was made, in seconds since 1970.",
        "More than two years ago: let the provider change it.",
    ),
    Metric(
        "pcare_watch_credential_ends_seconds",
        "gauge",
        ("provider", "credential"),
        "When a credential of a provider ends, in seconds since 1970. Gone a week after that.",
        "Within two weeks: the provider needs another.",
    ),
    Metric(
        "pcare_watch_certificate_ends_seconds",
        "gauge",
        ("certificate",),
        "When a certificate ends, in seconds since 1970; of a file with several, the first of them to end.",
        "Within two weeks: renew it.",
    ),
    Metric(
        "pcare_watch_disk_free_bytes",
        "gauge",
        ("path",),
        "Bytes that are free on the file system of a directory.",
        "Less than a fifth of its size.",
    ),
    Metric(
        "pcare_watch_disk_size_bytes",
        "gauge",
        ("path",),
        "Bytes that the file system of a directory has.",
        "Never.",
    ),
    Metric(
        "pcare_tracing_spans_total",
        "counter",
        ("outcome",),
        "Spans of this process, by outcome: exported, failed (the collector did not take them), dropped (too many "
        "waited). Absent while tracing is off.",
        "failed or dropped grows: traces have holes, the events are safe. See docs/tracing.md.",
    ),
)

CATALOGUE: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def counter(name: str, registry: CollectorRegistry) -> Counter:
    """Return a new counter of the catalogue. Raises KeyError for a name that is not in it."""
    metric = _of_kind(name, "counter")
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def gauge(name: str, registry: CollectorRegistry) -> Gauge:
    """Return a new gauge of the catalogue. Raises KeyError for a name that is not in it."""
    metric = _of_kind(name, "gauge")
    return Gauge(metric.name, metric.help, metric.labels, registry=registry)


def histogram(name: str, registry: CollectorRegistry) -> Histogram:
    """Return a new histogram of the catalogue, in seconds. Raises KeyError for a name that is not in it."""
    metric = _of_kind(name, "histogram")
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=LATENCY_BUCKETS_SECONDS)


def gauge_family(name: str) -> GaugeMetricFamily:
    """Return an empty family for a custom collector, which fills it from a snapshot at each scrape."""
    metric = _of_kind(name, "gauge")
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def counter_family(name: str) -> CounterMetricFamily:
    """Return an empty family for a custom collector, which fills it with what it has counted so far."""
    metric = _of_kind(name, "counter")
    return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)


def histogram_family(name: str) -> HistogramMetricFamily:
    """Return an empty family for a custom collector, which fills it with what it has observed so far."""
    metric = _of_kind(name, "histogram")
    return HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)


def _of_kind(name: str, kind: str) -> Metric:
    metric = CATALOGUE[name]
    if metric.kind != kind:
        raise KeyError(f"{name} is a {metric.kind}, not a {kind}")
    return metric


def as_markdown() -> str:
    """Return the catalogue as a Markdown page for operators."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} "
        f"| {metric.help} | {metric.worry} |"
        for metric in _ALL
    ]
    head = [
        "# Metrics",
        "",
        "Generated from `services/common/pcare_common/metrics.py` by `make generate`; a test fails when it is stale.",
        "",
        "| name | kind | labels | what it says | when to worry |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_markdown())
