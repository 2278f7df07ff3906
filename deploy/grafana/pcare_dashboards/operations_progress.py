"""Of the dashboard for operations: what waits, and what gets on."""

from pcare_dashboards.classic import dashboard
from pcare_dashboards.panels import About, lines, red_from
from pcare_dashboards.queries import over_time


def lag(here: str) -> list[dashboard.Panel]:
    """Return the panels of what waits, for the copies that the matcher `here` names."""
    return [
        lines(
            About(
                title="Not recorded yet, by topic",
                shows="Events between the end of a topic and the recorder's cursor.",
                worry="it grows for minutes, or does not return to 0. A topic that is held back grows on purpose.",
                page="runbooks/PcareLagWithoutProgress.md",
                unit="locale",
                width=8,
            ),
            over_time(f"sum by (topic) (pcare_recorder_lag_events{{{here}}})", "{{topic}}"),
        ),
        lines(
            About(
                title="Not counted yet, by partition",
                shows="Records of the log that the numbers do not hold yet.",
                worry="it grows for minutes.",
                page="aggregator.md",
                unit="locale",
                width=8,
            ),
            over_time(f"max by (partition) (pcare_kpi_partition_lag_events{{{here}}})", "{{partition}}"),
        ),
        lines(
            About(
                title="How old the counts are",
                shows="By partition, how long ago the instant is that its counts speak of; and that of all "
                "numbers together.",
                worry="one is above 30 s: nobody counts that partition, or its owner cannot publish.",
                page="runbooks/PcareKpiStale.md",
                unit="s",
                width=8,
            ),
            over_time(f"max by (partition) (pcare_kpi_partition_age_seconds{{{here}}})", "{{partition}}"),
            over_time("pcare:kpi_age_seconds", "what is shown"),
            thresholds=red_from(30),
        ),
    ]


def progress(here: str, ages: str) -> list[dashboard.Panel]:
    """Return the panels of what gets on; `ages` selects the seconds without progress of every service."""
    return [
        lines(
            About(
                title="Seconds without progress, by copy",
                shows="Since when a copy has not got on although it had work; 0 when all is well.",
                worry="it is above 60 (ingest: 30).",
                page="runbooks/PcareStandsStill.md",
                unit="s",
            ),
            over_time(ages, "{{job}} {{instance}}"),
            thresholds=red_from(60),
        ),
        lines(
            About(
                title="The recorder's cursors, by topic",
                shows="Offsets a second by which the cursors move on in the database.",
                worry="it is 0 for a topic that has lag.",
                page="runbooks/PcareLagWithoutProgress.md",
                unit="cps",
            ),
            over_time(f"sum by (topic) (rate(pcare_recorder_next_offset{{{here}}}[$__rate_interval]))", "{{topic}}"),
        ),
        lines(
            About(
                title="Partitions of the log, by copy",
                shows="How many partitions each copy of the kpi-aggregator counts.",
                worry="a copy has none for minutes, or all lie with one of several.",
                page="runbooks/PcareKpiPartitionWithoutOwner.md",
                unit="none",
                width=8,
            ),
            over_time(f"sum by (instance) (pcare_kpi_partition_owned{{{here}}})", "{{instance}}"),
        ),
        lines(
            About(
                title="Partitions that are not counted",
                shows="Partitions without exactly one owner; and partitions that stand still at a record that "
                "cannot be counted.",
                worry="one is above 0 for a minute. A blocked one needs a corrected program.",
                page="runbooks/PcareKpiBlocked.md",
                unit="none",
                width=8,
            ),
            over_time("count(sum by (partition) (pcare_kpi_partition_owned) != 1)", "not one owner", otherwise=0),
            over_time("count(pcare_kpi_partition_blocked_offset)", "blocked", otherwise=0),
            thresholds=red_from(1),
        ),
        lines(
            About(
                title="Interruptions",
                shows="In an hour: batches held back because a dependency did not answer, batches dropped "
                "because another "
                "recorder was there first, and assignments of partitions to kpi-aggregators.",
                worry="one of them goes on. A few are what a restart costs.",
                page="runbooks/PcareFencedSteadily.md",
                unit="none",
                width=8,
            ),
            over_time(
                f"sum by (dependency) (increase(pcare_recorder_transient_errors_total{{{here}}}[1h]))",
                "{{dependency}} did not answer",
            ),
            over_time(f"sum(increase(pcare_recorder_fenced_total{{{here}}}[1h]))", "dropped"),
            over_time(f"sum(increase(pcare_kpi_rebalances_total{{{here}}}[1h]))", "assignments"),
        ),
    ]
