"""One organisation: what arrived, what was refused and why, when it was last heard of, what it should change."""

from pcare_dashboards import provider_refused
from pcare_dashboards.classic import dashboard
from pcare_dashboards.frame import Section, assembled, from_postgres
from pcare_dashboards.panels import About, Column, days, grid, lines, moment, number, red_from
from pcare_dashboards.queries import OF_THE_DAYS, SINCE, UNTIL, at_the_end, milliseconds, rows, rows_over_time

ITS = "provider = ${provider:sqlstring}"
"""Of a view; quoted by Grafana, so that a name cannot end the text."""

OF_ITS_DAYS = f"{ITS} AND {OF_THE_DAYS}"
OF_ITS = 'provider="$provider"'


def made(docs: str) -> dashboard.Dashboard:
    """Return the dashboard."""
    return assembled(
        "pcare-provider",
        "Provider: one organisation",
        "What one organisation sent and what became of it: to talk with it about. Days and months are London's.",
        [
            Section("$provider", _now()),
            Section("What arrived", _arrived()),
            *provider_refused.sections(OF_ITS, OF_ITS_DAYS),
        ],
        variables=[
            from_postgres(
                "provider",
                "Organisation",
                "SELECT name || ' (' || provider || ')' AS __text, provider AS __value FROM dashboards.providers "
                "ORDER BY 1",
            )
        ],
        since="now-30d",
        refresh="1m",
        docs=docs,
    )


def _now() -> list[dashboard.Panel]:
    return [
        moment(
            About(
                title="Last event recorded",
                shows="How long ago its last event that was recorded arrived.",
                worry="it is longer ago than usual for it. Ask whether it still sends; look at refusals first.",
                page="runbooks/PcareProviderSilent.md",
                unit="dateTimeFromNow",
                width=4,
                height=4,
            ),
            rows(f"SELECT {milliseconds('recorded_at')} FROM dashboards.last_heard WHERE {ITS}"),
        ),
        moment(
            About(
                title="Last event refused",
                shows="How long ago its last event that the recorder refused arrived.",
                worry="it is more recent than the last one recorded: it may be that nothing gets through.",
                page="rejections.md",
                unit="dateTimeFromNow",
                width=4,
                height=4,
            ),
            rows(f"SELECT {milliseconds('refused_at')} FROM dashboards.last_heard WHERE {ITS}"),
        ),
        number(
            About(
                title="Overdue",
                shows="For how long it has been later than the hour by which it normally sends; 0 where no "
                "hour is expected.",
                worry="it is above half an hour: ask the organisation.",
                page="runbooks/PcareProviderSilent.md",
                unit="s",
                width=4,
                height=4,
            ),
            at_the_end(f"max(pcare_watch_provider_overdue_seconds{{{OF_ITS}}})", "overdue", otherwise=0),
            thresholds=red_from(1800),
        ),
        number(
            About(
                title="Recorded",
                shows="Events of the days that are shown.",
                worry="it is 0, or far from what the organisation says it sent.",
                page="providers.md",
                unit="locale",
                width=4,
                height=4,
            ),
            rows(f"SELECT coalesce(sum(events), 0) AS recorded FROM dashboards.recorded_by_day WHERE {OF_ITS_DAYS}"),
        ),
        number(
            About(
                title="Refused by the recorder",
                shows="Events of the days that are shown which are on the desk of rejected events.",
                worry="it is above 0: each stands below with its reason.",
                page="rejections.md",
                unit="locale",
                width=4,
                height=4,
            ),
            rows(f"SELECT coalesce(sum(events), 0) AS refused FROM dashboards.refused_by_day WHERE {OF_ITS_DAYS}"),
            thresholds=red_from(1),
        ),
        number(
            About(
                title="Credentials end in",
                shows="The time until the last of its credentials expires; 0 where it has none that would.",
                worry="it is less than two weeks, and not 0: the organisation needs a new one by then.",
                page="runbooks/PcareCredentialEnding.md",
                unit="s",
                width=4,
                height=4,
            ),
            rows(
                "SELECT greatest(coalesce(extract(epoch FROM max(expires_at) - now()), 0), 0)::float8 AS seconds "
                f"FROM dashboards.credentials WHERE {ITS} AND revoked_at IS NULL"
            ),
        ),
        grid(
            About(
                title="As registered",
                shows="Its entry in the register of providers.",
                worry="an end is near, or it is not what was agreed: `pcare providers set`.",
                page="providers.md",
                unit="none",
                width=24,
                height=4,
            ),
            rows(
                "SELECT name, kind, CASE WHEN by_command THEN 'pcare providers' ELSE 'a file' END AS registered_by, "
                "valid_from, valid_to, kinds_allowed, events_per_second "
                f"FROM dashboards.providers WHERE {ITS}"
            ),
            columns=[
                Column("registered_by", "registered by"),
                Column("valid_from", "from", instead_of_null="always"),
                Column("valid_to", "until", instead_of_null="open"),
                Column("kinds_allowed", "kinds it may send", instead_of_null="all"),
                Column("events_per_second", "events a second", instead_of_null="as every provider"),
            ],
        ),
    ]


def _arrived() -> list[dashboard.Panel]:
    return [
        days(
            About(
                title="Events recorded, by day",
                shows="By the day on which they arrived.",
                worry="a day is missing on which it usually sends, or is many times higher than the others.",
                page="runbooks/PcareProviderSilent.md",
                unit="locale",
            ),
            rows_over_time(
                f'SELECT "time", events AS recorded FROM dashboards.recorded_by_day WHERE {OF_ITS_DAYS} ORDER BY "time"'
            ),
        ),
        lines(
            About(
                title="How late events arrive",
                shows="From when it happened to when it arrived, by day of arrival: the middle event, and the "
                "one that 95 of "
                "100 were faster than. Days with fewer than eight events are left out.",
                worry="it is days where it was minutes: late events move numbers that were read before.",
                page="analyse.md",
                unit="s",
            ),
            rows_over_time(
                'SELECT "time", median_seconds AS "the middle one", slowest_seconds AS "95 of 100" '
                f'FROM dashboards.delay_by_day WHERE {OF_ITS_DAYS} ORDER BY "time"'
            ),
        ),
        grid(
            About(
                title="Events recorded, by kind and month in which they happened",
                shows="Rounded to the nearest 5, and 1 to 7 not told, because they count what happened to people.",
                worry="a kind is missing that was agreed, or one is there that was not.",
                page="events.md",
                unit="locale",
                width=24,
            ),
            rows(
                "SELECT to_char(month, 'YYYY-MM') AS month, kind, events FROM dashboards.kinds_by_month "
                f"WHERE {ITS} AND month BETWEEN date_trunc('month', {SINCE}) AND {UNTIL} ORDER BY month DESC, kind"
            ),
            columns=[Column("events", instead_of_null="1 to 7")],
        ),
    ]
