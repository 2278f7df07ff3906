"""Of the dashboard for auditors: how far each topic is judged, and what people did by command."""

from pcare_dashboards.classic import dashboard
from pcare_dashboards.frame import Section
from pcare_dashboards.panels import NONE_IS_WELL, PLAIN, About, Column, days, grid, lines, moment, number
from pcare_dashboards.queries import EVERY_DAY, OF_THE_DAYS, as_rows, milliseconds, over_time, rows, rows_over_time


def sections() -> list[Section]:
    """Return the rows."""
    return [Section("Cursors", _cursors()), Section("What people did", _acts())]


def _cursors() -> list[dashboard.Panel]:
    return [
        grid(
            About(
                title="How far each partition is judged",
                shows="Everything below `next offset` is in the database. `other` were no events: marks of "
                "transactions, and gaps "
                "that somebody accepted.",
                worry="`other` grows without a gap that somebody accepted, and without senders that use transactions.",
                page="audit.md",
                unit="locale",
                width=14,
                height=10,
            ),
            rows("SELECT * FROM dashboards.cursors ORDER BY topic, partition"),
            columns=[Column("base_offset", "base offset"), Column("next_offset", "next offset")],
        ),
        lines(
            About(
                title="Not judged yet, by topic",
                shows="Offsets below the end of a topic that have no outcome yet, whether or not a recorder reads it.",
                worry="it grows for minutes.",
                page="runbooks/PcareLagWithoutProgress.md",
                unit="locale",
                width=10,
                height=10,
            ),
            over_time("pcare_watch_topic_lag_events", "{{topic}}"),
        ),
    ]


def _acts() -> list[dashboard.Panel]:
    return [
        moment(
            About(
                title="Last act",
                shows="How long ago somebody last changed something by command.",
                worry="nobody knows of it.",
                page="rejections.md",
                unit="dateTimeFromNow",
                width=4,
                height=5,
            ),
            rows(f"SELECT {milliseconds('max(at)')} FROM dashboards.acts"),
        ),
        number(
            About(
                title="Lost, or not finished",
                shows="Offsets that retention deleted before they were judged; redrives that may not have been "
                "sent; merges of "
                "persons that are not on the topics yet.",
                worry="offsets were lost at all; or one of the others stays.",
                page="rejections.md",
                unit="locale",
                width=10,
                height=5,
            ),
            rows(
                'SELECT offsets_lost AS "offsets lost", redrives_interrupted AS "redrives in doubt", '
                'merges_unpublished AS "merges to publish" FROM dashboards.by_hand'
            ),
            thresholds=NONE_IS_WELL,
        ),
        number(
            About(
                title="Decisions about events",
                shows="Rejected events that were sent in again, and releases of a circuit breaker, since the "
                "beginning.",
                worry="they become a habit: what is mended by hand should be mended at its source.",
                page="rejections.md",
                unit="locale",
                width=10,
                height=5,
            ),
            rows('SELECT redrives AS "sent in again", breaker_releases AS "releases" FROM dashboards.by_hand'),
            thresholds=PLAIN,
        ),
        days(
            About(
                title="Acts, by day",
                shows="What people did by command, and what providers asked of ingest for the audit trail; 0 on "
                "other days.",
                worry="something stands here that nobody of you did.",
                page="rejections.md",
                unit="locale",
            ),
            rows_over_time(
                "SELECT day::timestamp AT TIME ZONE 'Europe/London' AS \"time\", what AS metric, sum(acts) AS acts "
                "FROM ("
                f"SELECT day, what, 1 AS acts FROM dashboards.acts WHERE {OF_THE_DAYS} "
                f"UNION ALL SELECT day, 'any', 0 FROM ({EVERY_DAY}) AS every_day"
                ') AS of_day GROUP BY day, what ORDER BY "time"'
            ),
        ),
        grid(
            About(
                title="The latest acts",
                shows="Who they said they were, and why, is in the audit trail itself: `pcare.acts`, by this number.",
                worry="a login stands here that should not.",
                page="rejections.md",
                unit="none",
                width=12,
            ),
            rows("SELECT number, at, what, login FROM dashboards.acts ORDER BY number DESC LIMIT 100"),
        ),
        grid(
            About(
                title="The schema of the database",
                shows="When each change to the schema was applied.",
                worry="one is missing that the release has: `pcare migrate`.",
                page="operate.md",
                unit="none",
                width=12,
            ),
            rows("SELECT number, name, applied_at FROM dashboards.migrations ORDER BY number DESC"),
        ),
        grid(
            About(
                title="The catalogue that is counted by",
                shows="The version of the KPI catalogue behind all numbers.",
                worry="there are two for longer than an upgrade takes.",
                page="kpis.md",
                unit="none",
                width=12,
            ),
            as_rows("pcare:kpi_catalogue_info"),
            columns=[Column("version")],
            hidden=["Time", "Value", "__name__"],
        ),
    ]
