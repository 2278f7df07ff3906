"""For whoever operates the system: flow, lag, latency, rejections, saturation and progress, by copy of a service."""

from pcare_dashboards import operations_inside, operations_progress
from pcare_dashboards.classic import dashboard
from pcare_dashboards.frame import Section, assembled, from_prometheus, page_link
from pcare_dashboards.panels import (
    GREEN,
    NONE_IS_WELL,
    RED,
    About,
    Column,
    grid,
    lines,
    number,
    red_below,
    red_from,
    states,
)
from pcare_dashboards.queries import as_rows, at_the_end, over_time

SERVICES = 'job=~"ingest|recorder|kpi-aggregator|watch"'
HERE = 'instance=~"$instance"'
PROGRESS = f'{{__name__=~"pcare_(ingest|recorder|kpi)_progress_age_seconds", {HERE}}}'


def made(docs: str) -> dashboard.Dashboard:
    """Return the dashboard."""
    return assembled(
        "pcare-operations",
        "Operations: is it well, and what is slow",
        "Every copy of every service. Begin at the top: what is red there has a page that says what to do.",
        [
            Section("Is it well", _well()),
            Section("Flow", _flow()),
            Section("Lag", operations_progress.lag(HERE)),
            *operations_inside.sections(HERE),
            Section("Progress", operations_progress.progress(HERE, PROGRESS)),
        ],
        variables=[from_prometheus("instance", "Copies", f"label_values(up{{{SERVICES}}}, instance)", several=True)],
        docs=docs,
    )


def _well() -> list[dashboard.Panel]:
    return [
        number(
            About(
                title="Copies that answer",
                shows="How many copies of each service Prometheus reaches.",
                worry="a service has fewer than you run. One that does not answer is gone, or stuck and about to "
                "end itself.",
                page="runbooks/PcareNotScraped.md",
                unit="none",
                width=6,
                height=5,
            ),
            at_the_end(f"sum by (job) (up{{{SERVICES}, {HERE}}})", "{{job}}"),
            thresholds=red_below(1),
        ),
        number(
            About(
                title="Longest without progress",
                shows="By service, the seconds since its slowest copy got on although it had work. 0 is well.",
                worry="it is above 60. `GET /health/ready` there says why in words.",
                page="runbooks/PcareStandsStill.md",
                unit="s",
                width=6,
                height=5,
            ),
            at_the_end(f"max by (job) ({PROGRESS})", "{{job}}"),
            thresholds=red_from(60),
        ),
        number(
            About(
                title="Alerts that fire",
                shows="How many alerts fire at this moment.",
                worry="it is not 0. The table below names them.",
                page="alerts.md",
                unit="none",
                width=4,
                height=5,
            ),
            at_the_end('count(ALERTS{alertstate="firing"})', "firing", otherwise=0),
            thresholds=NONE_IS_WELL,
        ),
        number(
            About(
                title="Topics held back",
                shows="Topics that the recorder reads no further, because most of what they bring would be rejected.",
                worry="it is not 0: those events wait until a person decides.",
                page="runbooks/PcareBreakerOpen.md",
                unit="none",
                width=4,
                height=5,
            ),
            at_the_end(f"count(max by (topic) (pcare_recorder_breaker_open{{{HERE}}}) == 1)", "held back", otherwise=0),
            thresholds=NONE_IS_WELL,
        ),
        number(
            About(
                title="Events not recorded yet",
                shows="Events in Kafka that the recorder has not judged.",
                worry="it grows for minutes.",
                page="runbooks/PcareLagGrows.md",
                unit="locale",
                width=4,
                height=5,
            ),
            at_the_end(f"sum(pcare_recorder_lag_events{{{HERE}}})", "waiting"),
        ),
        grid(
            About(
                title="Which alerts fire",
                shows="Each alert that fires, and whom it is about; its name leads to its runbook. "
                "One row of 0 where none does.",
                worry="a row says `page`. A `ticket` can wait until the morning.",
                page="alerts.md",
                unit="none",
                width=12,
                height=7,
            ),
            as_rows(
                'count by (alertname, severity, job, instance, topic, provider) (ALERTS{alertstate="firing"})',
                otherwise=0,
            ),
            columns=[
                Column("alertname", "alert", link=page_link("runbooks/${__value.text}.md")),
                Column("Value", "how many"),
            ],
            hidden=["Time"],
        ),
        states(
            About(
                title="Copies over time",
                shows="Each copy: whether Prometheus reached it.",
                worry="one comes and goes: the last line of its log says why it ended.",
                page="runbooks/PcareNotScraped.md",
                unit="none",
                width=12,
                height=7,
            ),
            over_time(f"up{{{SERVICES}, {HERE}}}", "{{job}} {{instance}}"),
            {"0": ("away", RED), "1": ("answers", GREEN)},
        ),
    ]


def _flow() -> list[dashboard.Panel]:
    return [
        lines(
            About(
                title="Events answered by ingest",
                shows="Events a second, by what was answered: accepted is safe in Kafka; rejected will not be "
                "recorded.",
                worry="unavailable grows (Kafka does not acknowledge), or rejected overtakes accepted.",
                page="operate.md",
                unit="cps",
            ),
            over_time(f"sum by (outcome) (rate(pcare_ingest_events_total{{{HERE}}}[$__rate_interval]))", "{{outcome}}"),
        ),
        lines(
            About(
                title="Events judged by the recorder",
                shows="Events a second, by what became of them. It follows the graph beside it, with Kafka's own "
                "senders added.",
                worry="it stays below what ingest accepts: events wait.",
                page="runbooks/PcareRecorderSaturated.md",
                unit="cps",
            ),
            over_time(
                f"sum by (outcome) (rate(pcare_recorder_events_total{{{HERE}}}[$__rate_interval]))", "{{outcome}}"
            ),
        ),
        lines(
            About(
                title="Requests to ingest, by answer",
                shows="Requests a second to POST /events, by HTTP status.",
                worry="503 grows: Kafka does not acknowledge, or too much is in hand.",
                page="runbooks/PcareIngestSlow.md",
                unit="reqps",
                width=8,
            ),
            over_time(f"sum by (status) (rate(pcare_ingest_requests_total{{{HERE}}}[$__rate_interval]))", "{{status}}"),
        ),
        lines(
            About(
                title="FHIR resources answered",
                shows="Resources a second at POST /fhir, by outcome.",
                worry="refused grows: a sender's mapping and the page have parted.",
                page="fhir.md",
                unit="cps",
                width=8,
            ),
            over_time(
                f"sum by (outcome) (rate(pcare_ingest_fhir_resources_total{{{HERE}}}[$__rate_interval]))",
                "{{outcome}}",
                otherwise=0,
            ),
        ),
        lines(
            About(
                title="Events counted by the kpi-aggregator",
                shows="Records of the log a second that each copy counts, live and while it reads the log again.",
                worry="it stands at 0 while the lag below is above 0.",
                page="aggregator.md",
                unit="cps",
                width=8,
            ),
            over_time(
                f"sum by (instance) (rate(pcare_kpi_applied_events_total{{{HERE}}}[$__rate_interval]))", "{{instance}}"
            ),
        ),
    ]
