"""Of the dashboard of one organisation: what was refused and why, and how it sends."""

from pcare_dashboards.classic import dashboard
from pcare_dashboards.frame import Section
from pcare_dashboards.panels import About, Column, days, grid, lines, number, red_from
from pcare_dashboards.queries import EVERY_DAY, at_the_end, over_time, rows, rows_over_time
from pcare_schemas.rejections import MEANINGS


def sections(its: str, its_days: str) -> list[Section]:
    """Return the rows; `its` matches its series in Prometheus, `its_days` its rows of the days that are shown."""
    return [
        Section("What was refused, and why", _refused(its, its_days)),
        Section("How it sends", _sending(its)),
    ]


def _refused(its: str, its_days: str) -> list[dashboard.Panel]:
    return [
        days(
            About(
                title="Refused by the recorder, by day and reason",
                shows="Events that reached Kafka and were not recorded. They are kept, and can be sent in again.",
                worry="a reason appears that was not there: its software has changed.",
                page="runbooks/PcareRejectionShare.md",
                unit="locale",
            ),
            rows_over_time(
                "SELECT day::timestamp AT TIME ZONE 'Europe/London' AS \"time\", reason AS metric, events FROM ("
                f"SELECT day, reason, events FROM dashboards.refused_by_day WHERE {its_days} "
                f"UNION ALL SELECT day, 'any', 0 FROM ({EVERY_DAY}) AS every_day"
                ') AS of_day ORDER BY "time"'
            ),
        ),
        lines(
            About(
                title="Refused at the edge, by reason",
                shows="Events in an hour that ingest refused before they reached Kafka. The organisation was "
                "told in the answer.",
                worry="it goes on: nobody there reads the answers.",
                page="rejections.md",
                unit="locale",
            ),
            over_time(
                f"sum by (reason) (increase(pcare_ingest_rejected_total{{{its}}}[1h]))", "{{reason}}", otherwise=0
            ),
            stacked=True,
        ),
        grid(
            About(
                title="Reasons, and what of it was mended",
                shows="Of the days that are shown: how many events for each reason, and of how many the same "
                "event was right "
                "when it was sent again. 0 of each reason that did not occur.",
                worry="few were mended: `pcare rejected list` shows the events, and how to mend them.",
                page="rejections.md",
                unit="locale",
                width=24,
            ),
            rows(
                "SELECT reason, coalesce(sum(events), 0) AS events, coalesce(sum(recorded_since), 0) AS recorded_since "
                f"FROM unnest(ARRAY[{', '.join(repr(str(reason)) for reason in MEANINGS)}]) AS known (reason) "
                f"LEFT JOIN (SELECT * FROM dashboards.refused_by_day WHERE {its_days}) AS refused USING (reason) "
                "GROUP BY reason ORDER BY events DESC, reason"
            ),
            columns=[
                Column("reason", "why", texts={str(reason): meaning.title for reason, meaning in MEANINGS.items()}),
                Column("recorded_since", "mended since"),
            ],
        ),
    ]


def _sending(its: str) -> list[dashboard.Panel]:
    return [
        lines(
            About(
                title="Events judged",
                shows="Events a second, by what became of them; repeats are left out.",
                worry="rejected comes near recorded.",
                page="runbooks/PcareRejectionShare.md",
                unit="cps",
                width=24,
                height=6,
            ),
            over_time(
                f"sum by (outcome) (rate(pcare_watch_provider_events_total{{{its}}}[$__rate_interval]))",
                "{{outcome}}",
                otherwise=0,
            ),
        ),
        lines(
            About(
                title="Sent faster than allowed",
                shows="Events in an hour that were answered 429.",
                worry="it goes on for hours: it could batch, or needs a higher rate (`pcare providers set`).",
                page="providers.md",
                unit="locale",
                width=8,
            ),
            over_time(f"sum(increase(pcare_ingest_limited_events_total{{{its}}}[1h]))", "answered 429", otherwise=0),
        ),
        lines(
            About(
                title="Pseudonyms asked for, and access tokens",
                shows="In an hour.",
                worry="pseudonyms are far more than events: somebody may be trying numbers out. Or a token a "
                "request: its "
                "software does not keep them.",
                page="credentials.md",
                unit="locale",
                width=8,
            ),
            over_time(f"sum(increase(pcare_ingest_pseudonyms_total{{{its}}}[1h]))", "pseudonyms", otherwise=0),
            over_time(f"sum(increase(pcare_ingest_tokens_total{{{its}}}[1h]))", "tokens", otherwise=0),
        ),
        number(
            About(
                title="Uses what is on its way out",
                shows="Events of the time that is shown which use a part of the contract that is announced to end.",
                worry="it is not 0 and the end is near: tell the organisation what to send instead.",
                page="events.md",
                unit="locale",
                width=8,
            ),
            at_the_end(
                f"sum by (what) (increase(pcare_ingest_deprecated_events_total{{{its}}}[$__range]))",
                "{{what}}",
                otherwise=0,
            ),
            thresholds=red_from(1),
        ),
    ]
