"""For an auditor: does everything add up, does the stream say what SQL says, and what did people do by hand."""

from pcare_dashboards import audit_record
from pcare_dashboards.classic import dashboard
from pcare_dashboards.frame import Section, assembled
from pcare_dashboards.panels import (
    NONE_IS_WELL,
    About,
    Column,
    Thresholds,
    bars,
    grid,
    lines,
    number,
    red_below,
    red_from,
)
from pcare_dashboards.queries import as_rows, at_the_end, over_time, rows

DIFFERENT: Thresholds = ((None, "red"), (0, "green"), (1, "red"))
"""Anything but 0 is red, also below it."""

FORTNIGHT, YEAR = 14 * 86400, 365 * 86400


def made(docs: str) -> dashboard.Dashboard:
    """Return the dashboard."""
    return assembled(
        "pcare-audit",
        "Audit: does it add up",
        "Every event accounted for; the stream beside SQL; how far each topic is judged; and what people did by "
        "command.",
        [
            Section("Every event has one outcome", _accounting()),
            Section("The stream says what SQL says", _comparison()),
            Section("The watcher itself, and what runs out", _watcher()),
            *audit_record.sections(),
        ],
        since="now-7d",
        refresh="1m",
        docs=docs,
    )


def _accounting() -> list[dashboard.Panel]:
    return [
        number(
            About(
                title="Not accounted for",
                shows="Records below the cursors, less those that were recorded, duplicates or rejected, as the "
                "watcher counts.",
                worry="it is not 0: an event has no outcome, or an outcome has no event.",
                page="runbooks/PcareEventsUnaccounted.md",
                unit="none",
                width=6,
                height=6,
            ),
            at_the_end("sum(pcare_watch_unaccounted_events)", "events"),
            thresholds=DIFFERENT,
        ),
        number(
            About(
                title="Rows beside cursors",
                shows="Rows in the database less what the cursors say was recorded, and the same of rejections.",
                worry="one is not 0: rows were added or removed by something that is not the recorder.",
                page="audit.md",
                unit="none",
                width=6,
                height=6,
            ),
            rows(
                "SELECT recorded_rows - recorded_by_cursors AS recorded, refused_rows - refused_by_cursors AS rejected "
                "FROM dashboards.rows_and_cursors"
            ),
            thresholds=DIFFERENT,
        ),
        number(
            About(
                title="Outcomes so far",
                shows="What became of all events ever judged, as the cursors say.",
                worry="never by themselves: they are the sums that the others are held against.",
                page="audit.md",
                unit="locale",
                width=12,
                height=6,
            ),
            rows(
                "SELECT recorded_by_cursors AS recorded, duplicates_by_cursors AS duplicates, refused_by_cursors "
                "AS rejected "
                "FROM dashboards.rows_and_cursors"
            ),
        ),
        lines(
            About(
                title="Not accounted for, by topic",
                shows="The same over time. A topic whose records are still being counted is left out.",
                worry="a line leaves 0.",
                page="runbooks/PcareEventsUnaccounted.md",
                unit="none",
            ),
            over_time("pcare_watch_unaccounted_events", "{{topic}}"),
            from_zero=False,
        ),
        lines(
            About(
                title="Accepted by ingest, and what Kafka holds",
                shows="Events a second that ingest answered 202, and by which the topics grow. The second has "
                "Kafka's own "
                "senders in it.",
                worry="topics grow by less than was accepted, for minutes: events that were answered 202 are not "
                "in Kafka.",
                page="runbooks/PcareAcceptedNotInKafka.md",
                unit="cps",
            ),
            over_time('sum(rate(pcare_ingest_events_total{outcome="accepted"}[$__rate_interval]))', "accepted"),
            over_time("sum(rate(pcare_watch_topic_end_offset[$__rate_interval]))", "topics grew"),
        ),
    ]


def _comparison() -> list[dashboard.Panel]:
    return [
        number(
            About(
                title="Numbers that differ",
                shows="Numbers of which stream and SQL said different things for the same instant, at the last "
                "comparison.",
                worry="it is not 0 twice in a row.",
                page="runbooks/PcareKpiDiffers.md",
                unit="none",
                width=4,
                height=6,
            ),
            at_the_end('sum(pcare_watch_kpi_numbers{verdict="differs"})', "differ"),
            thresholds=NONE_IS_WELL,
        ),
        bars(
            About(
                title="The last comparison",
                shows="How many numbers agreed, differed, or moved while they were compared and are compared again.",
                worry="most are undecided for an hour: nothing is being compared.",
                page="runbooks/PcareKpiDiffers.md",
                unit="locale",
                width=8,
                height=6,
            ),
            at_the_end("sum by (verdict) (pcare_watch_kpi_numbers)", "{{verdict}}"),
        ),
        number(
            About(
                title="Compared",
                shows="How long ago stream and SQL were last compared.",
                worry="it is longer than three times the watcher's interval.",
                page="runbooks/PcareWatcherStale.md",
                unit="s",
                width=4,
                height=6,
            ),
            at_the_end("time() - max(pcare_watch_kpi_compared_seconds)", "ago"),
        ),
        grid(
            About(
                title="What differs",
                shows="Each number that differs, and by how much: the stream's less SQL's. One row of 0 where "
                "all agree.",
                worry="a row stays from one comparison to the next.",
                page="runbooks/PcareKpiDiffers.md",
                unit="locale",
                width=8,
                height=6,
            ),
            as_rows("sum by (kpi, borough, year) (pcare_watch_kpi_difference)", otherwise=0),
            columns=[Column("Value", "difference")],
            hidden=["Time"],
        ),
    ]


def _watcher() -> list[dashboard.Panel]:
    return [
        lines(
            About(
                title="How old each look is",
                shows="Seconds since the watcher last succeeded in looking at something, in multiples of how "
                "often it looks.",
                worry="one is above 3: what it watches is not watched. `GET /health/ready` of the watcher says why.",
                page="runbooks/PcareWatcherStale.md",
                unit="none",
                width=8,
            ),
            over_time(
                "pcare_watch_look_age_seconds / on (instance, look) pcare_watch_look_interval_seconds", "{{look}}"
            ),
            thresholds=red_from(3),
        ),
        lines(
            About(
                title="Looks that did not succeed",
                shows="In an hour, by what was looked at.",
                worry="it goes on.",
                page="runbooks/PcareWatcherStale.md",
                unit="none",
                width=8,
            ),
            over_time("sum by (look) (increase(pcare_watch_look_failures_total[1h]))", "{{look}}", otherwise=0),
        ),
        bars(
            About(
                title="Providers that are overdue",
                shows="By how long each is later than it normally is; 0 where none is.",
                worry="it is above half an hour: ask the provider.",
                page="runbooks/PcareProviderSilent.md",
                unit="s",
                width=8,
            ),
            at_the_end("max by (provider) (pcare_watch_provider_overdue_seconds > 0)", "{{provider}}", otherwise=0),
            thresholds=red_from(1800),
        ),
        bars(
            About(
                title="Credentials and certificates that end first",
                shows="The time that is left, of the five that end first; a year where none is known.",
                worry="it is less than two weeks.",
                page="runbooks/PcareCertificateEnding.md",
                unit="s",
                width=8,
            ),
            at_the_end(
                "bottomk(5, label_join("
                '{__name__=~"pcare_watch_(credential|certificate)_ends_seconds"} - time(), '
                '"what", " ", "provider", "credential", "certificate"))',
                "{{what}}",
                otherwise=YEAR,
            ),
            thresholds=red_below(FORTNIGHT),
        ),
        number(
            About(
                title="Age of the pseudonym key",
                shows="Since when the key is in use by which persons are told apart; 0 where it was never changed.",
                worry="it is more than a year.",
                page="runbooks/PcarePseudonymKeyOld.md",
                unit="s",
                width=8,
            ),
            at_the_end("time() - min(pcare_watch_pseudonym_key_began_seconds)", "{{key}}", otherwise=0),
            thresholds=red_from(YEAR),
        ),
        bars(
            About(
                title="Free disk",
                shows="How much is free of each disk that the watcher was told to look at, and of each volume in a "
                "cluster; 100 percent where there is none.",
                worry="it is below 20 percent.",
                page="runbooks/PcareDiskFilling.md",
                unit="percent",
                width=8,
            ),
            at_the_end("100 * pcare:disk_free_bytes / pcare:disk_size_bytes", "{{path}}", otherwise=100),
            thresholds=red_below(20),
        ),
    ]
