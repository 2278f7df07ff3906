"""Of the dashboard for operations: latency, rejections and saturation."""

from pcare_dashboards.classic import dashboard
from pcare_dashboards.frame import Section
from pcare_dashboards.panels import About, lines, red_from, spread
from pcare_dashboards.queries import Query, as_buckets, over_time

NOBODY_WAITS = 0.5
"""Seconds: what a sender may wait for an acknowledgement without wondering."""


def sections(here: str) -> list[Section]:
    """Return the rows, for the copies that the matcher `here` names."""
    return [
        Section("Latency", _latency(here)),
        Section("Rejections", _rejections(here)),
        Section("Saturation", _saturation(here)),
    ]


def _quantiles(metric: str, here: str) -> list[Query]:
    return [
        over_time(
            f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{{here}}}[$__rate_interval])))",
            f"{share * 100:g} of 100",
        )
        for share in (0.5, 0.95, 0.99)
    ]


def _latency(here: str) -> list[dashboard.Panel]:
    return [
        lines(
            About(
                title="Until Kafka has acknowledged",
                shows="Seconds from handing events to the producer to the acknowledgement of all: what a sender "
                "waits for.",
                worry="99 of 100 near 8 s: what is later is answered 503.",
                page="runbooks/PcareIngestSlow.md",
                unit="s",
                width=8,
            ),
            *_quantiles("pcare_ingest_publish_seconds", here),
            thresholds=red_from(NOBODY_WAITS),
        ),
        spread(
            About(
                title="Until Kafka has acknowledged: how it is spread",
                shows="How many requests took how long.",
                worry="a second band appears far above the first: one broker or disk is slow.",
                page="runbooks/PcareIngestSlow.md",
                unit="s",
                width=8,
            ),
            as_buckets(f"sum by (le) (increase(pcare_ingest_publish_seconds_bucket{{{here}}}[$__rate_interval]))"),
        ),
        lines(
            About(
                title="A batch of the recorder, by step",
                shows="Seconds within which 95 of 100 batches pass each step.",
                worry="persist grows: PostgreSQL is slow; publish grows: Kafka is.",
                page="runbooks/PcareRecorderSaturated.md",
                unit="s",
                width=8,
            ),
            over_time(
                "histogram_quantile(0.95, sum by (step, le) "
                f"(rate(pcare_recorder_step_seconds_bucket{{{here}}}[$__rate_interval])))",
                "{{step}}",
            ),
        ),
    ]


def _rejections(here: str) -> list[dashboard.Panel]:
    return [
        lines(
            About(
                title="Refused at the edge, by reason",
                shows="Events in ten minutes that ingest refused. They are stored nowhere; the sender was told.",
                worry="one reason jumps: a provider's software has changed.",
                page="rejections.md",
                unit="locale",
                width=8,
            ),
            over_time(
                f"sum by (reason) (increase(pcare_ingest_rejected_total{{{here}}}[10m]))", "{{reason}}", otherwise=0
            ),
            stacked=True,
        ),
        lines(
            About(
                title="Rejected by the recorder, by reason",
                shows="Events in ten minutes that are kept on the desk of rejected events.",
                worry="it is above 0 and grows: somebody has to look (`pcare rejected`).",
                page="rejections.md",
                unit="locale",
                width=8,
            ),
            over_time(
                f"sum by (reason) (increase(pcare_recorder_rejected_total{{{here}}}[10m]))", "{{reason}}", otherwise=0
            ),
            stacked=True,
        ),
        lines(
            About(
                title="Share of rejected events",
                shows="Of all events in ten minutes, how many of a hundred were refused: at the edge, and by the "
                "recorder.",
                worry="it is above 5 percent. Which provider it is, the graphs below say.",
                page="runbooks/PcareRejectionShare.md",
                unit="percent",
                width=8,
            ),
            over_time(_share("pcare_ingest_events_total", here), "at the edge"),
            over_time(_share("pcare_recorder_events_total", here), "by the recorder"),
            thresholds=red_from(5),
        ),
        lines(
            About(
                title="Share of rejected events, by provider",
                shows="Of what reached the recorder in an hour, how many of a hundred of each provider's "
                "events were rejected.",
                worry="one is above 5 percent: its software has changed. Its own dashboard says why.",
                page="runbooks/PcareRejectionShare.md",
                unit="percent",
                width=12,
            ),
            over_time(
                '100 * sum by (provider) (increase(pcare_watch_provider_events_total{outcome="rejected"}[1h])) '
                "/ (sum by (provider) (increase(pcare_watch_provider_events_total[1h])) > 0)",
                "{{provider}}",
                otherwise=0,
            ),
            thresholds=red_from(5),
        ),
        lines(
            About(
                title="Refused or rejected, by provider",
                shows="Events in ten minutes by whose they are: `unknown` are of nobody that the register knows.",
                worry="a provider's share jumps. Its own dashboard says why.",
                page="runbooks/PcareRejectionShare.md",
                unit="locale",
                width=12,
            ),
            over_time(
                "sum by (provider) (increase("
                f'{{__name__=~"pcare_ingest_rejected_total|pcare_recorder_rejected_total", {here}}}[10m]))',
                "{{provider}}",
                otherwise=0,
            ),
            stacked=True,
        ),
        lines(
            About(
                title="Callers who did not prove who they are",
                shows="Requests in ten minutes, by what was wrong.",
                worry="it grows: a credential has expired or was mistyped (the log names it), or somebody is trying.",
                page="credentials.md",
                unit="locale",
                width=12,
            ),
            over_time(
                f"sum by (kind) (increase(pcare_ingest_callers_refused_total{{{here}}}[10m]))", "{{kind}}", otherwise=0
            ),
        ),
        lines(
            About(
                title="Sent faster than allowed, by provider",
                shows="Events in ten minutes that were answered 429.",
                worry="it goes on for hours: batches instead of single events, or a higher rate (`pcare providers`).",
                page="providers.md",
                unit="locale",
                width=12,
            ),
            over_time(
                f"sum by (provider) (increase(pcare_ingest_limited_events_total{{{here}}}[10m]))",
                "{{provider}}",
                otherwise=0,
            ),
        ),
    ]


def _share(metric: str, here: str) -> str:
    """Return the rejected of all; 0 where there is nothing."""
    rejected = f'sum(increase({metric}{{outcome="rejected", {here}}}[10m]))'
    return f"100 * ({rejected} or vector(0)) / clamp_min(sum(increase({metric}{{{here}}}[10m])), 1)"


def _saturation(here: str) -> list[dashboard.Panel]:
    return [
        lines(
            About(
                title="Events in hand, by copy of ingest",
                shows="Events that are being checked or wait for Kafka.",
                worry="it stays at PCARE_INGEST_MAX_EVENTS_IN_HAND (20,000): requests are answered 503. Run more "
                "copies.",
                page="runbooks/PcareIngestSlow.md",
                unit="locale",
                width=8,
            ),
            over_time(f"pcare_ingest_in_flight_events{{{here}}}", "{{instance}}"),
        ),
        lines(
            About(
                title="Bytes in hand, by copy of ingest",
                shows="The same in bytes.",
                worry="it stays at PCARE_INGEST_MAX_BYTES_IN_HAND (64 MiB): requests are answered 503.",
                page="runbooks/PcareIngestSlow.md",
                unit="bytes",
                width=8,
            ),
            over_time(f"pcare_ingest_in_flight_bytes{{{here}}}", "{{instance}}"),
        ),
        lines(
            About(
                title="How old ingest's register is",
                shows="Seconds since register and credentials were last seen to be current; 0 where ingest has "
                "no database.",
                worry="it is above 60: PostgreSQL is not read. At PCARE_INGEST_REGISTER_STALE nobody is let in.",
                page="operate.md",
                unit="s",
                width=8,
            ),
            over_time(f"max by (instance) (pcare_ingest_register_age_seconds{{{here}}})", "{{instance}}", otherwise=0),
            thresholds=red_from(60),
        ),
        lines(
            About(
                title="Processor, by copy",
                shows="How much of one processor a copy uses.",
                worry="it stays at 100 percent: a copy uses one processor at most. Run more copies.",
                page="operate.md",
                unit="percentunit",
                width=8,
            ),
            over_time(f"rate(process_cpu_seconds_total{{{here}}}[$__rate_interval])", "{{job}} {{instance}}"),
        ),
        lines(
            About(
                title="Memory, by copy",
                shows="Resident memory.",
                worry="it nears the limit that the copy was given, or grows for days at the same load.",
                page="operate.md",
                unit="bytes",
                width=8,
            ),
            over_time(f"process_resident_memory_bytes{{{here}}}", "{{job}} {{instance}}"),
        ),
        lines(
            About(
                title="Open files and connections, by copy",
                shows="In percent of what the process may open.",
                worry="it is above 80 percent.",
                page="operate.md",
                unit="percent",
                width=8,
            ),
            over_time(f"100 * process_open_fds{{{here}}} / process_max_fds{{{here}}}", "{{job}} {{instance}}"),
            thresholds=red_from(80),
        ),
    ]
