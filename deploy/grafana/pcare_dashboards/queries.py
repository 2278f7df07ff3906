"""What a panel asks: PromQL of Prometheus, SQL of PostgreSQL."""

import re
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.cog.variants import Dataquery

from pcare_dashboards.classic import common, prometheus

PROMETHEUS = common.DataSourceRef(type_val="prometheus", uid="pcare-prometheus")
POSTGRES = common.DataSourceRef(type_val="grafana-postgresql-datasource", uid="pcare-postgres")
"""The data sources, by the uids that provisioning/datasources gives them."""

_ALWAYS_THERE = {
    "pcare_ingest_": "pcare_ingest_progress_age_seconds",
    "pcare_recorder_": "pcare_recorder_progress_age_seconds",
    "pcare_kpi_": "pcare_kpi_progress_age_seconds",
    "pcare_watch_": "pcare_watch_look_age_seconds",
    "pcare:disk_": "pcare_watch_look_age_seconds",
    "pcare:kpi_": "pcare:kpi_age_seconds",
}
"""By how the names of its metrics begin, what a service exports from its start on."""


@dataclass(slots=True)
class Sql(Dataquery):
    """A query of PostgreSQL, which the SDK has no class for: the fields are those of Grafana's own data source."""

    raw_sql: str
    form: Literal["table", "time_series"]
    ref_id: str = "A"
    datasource: common.DataSourceRef = POSTGRES

    def to_json(self) -> dict[str, object]:
        """Return it as it stands in a dashboard."""
        return {
            "datasource": self.datasource,
            "editorMode": "code",
            "format": self.form,
            "rawQuery": True,
            "rawSql": self.raw_sql,
            "refId": self.ref_id,
        }


Query = prometheus.Dataquery | Sql


def over_time(expression: str, legend: str, *, otherwise: float | None = None) -> Query:
    """Return a query of Prometheus over the time that is shown; `legend` names a series by its labels.

    `otherwise` stands in place of no series, so that nothing of something can be told from no answer.
    """
    return _prometheus(expression, legend, otherwise)


def as_buckets(expression: str) -> Query:
    """Return a query over time whose series are the buckets of a histogram, by their label `le`."""
    return _prometheus(expression, "{{le}}", form=prometheus.PromQueryFormat.HEATMAP)


def at_the_end(expression: str, legend: str, *, otherwise: float | None = None) -> Query:
    """Return a query of Prometheus at the end of the time that is shown: a value a series."""
    return _prometheus(expression, legend, otherwise, instant=True)


def as_rows(expression: str, *, otherwise: float | None = None) -> Query:
    """Return the same, as rows of a table: a column a label, and one for the value."""
    return _prometheus(expression, "", otherwise, instant=True, form=prometheus.PromQueryFormat.TABLE)


def _prometheus(
    expression: str,
    legend: str,
    otherwise: float | None = None,
    *,
    instant: bool = False,
    form: prometheus.PromQueryFormat = prometheus.PromQueryFormat.TIME_SERIES,
) -> Query:
    return prometheus.Dataquery(
        datasource=PROMETHEUS,
        editor_mode=prometheus.QueryEditorMode.CODE,
        expr=expression
        if otherwise is None
        else f"{expression} or on () {_in_place_of_nothing(otherwise, legend, expression)}",
        legend_format=legend,
        range_val=not instant,
        instant=instant,
        format_val=form,
    )


def _in_place_of_nothing(value: float, legend: str, expression: str) -> str:
    """Return PromQL for one series of `value`, which a legend that names series by a label calls `none`.

    Only as long as whoever exports what is asked for is scraped: of a service that is gone nothing must look well.
    """
    signs = [sign for metric, sign in _ALWAYS_THERE.items() if metric in expression]
    series = f"{value} + 0 * max({signs[0]})" if signs else f"vector({value})"
    label = re.search(r"{{(\w+)}}", legend)
    return f"({series})" if label is None else f'label_replace({series}, "{label[1]}", "none", "", "")'


def rows(sql: str) -> Query:
    """Return a query of PostgreSQL whose rows are shown as they are."""
    return Sql(sql, "table")


def rows_over_time(sql: str) -> Query:
    """Return a query of PostgreSQL for a graph: columns `time`, a value each, and a text that names a series."""
    return Sql(sql, "time_series")


def milliseconds(instant: str) -> str:
    """Return the SQL that gives an instant as Grafana counts time; null stays null."""
    return f'(extract(epoch FROM {instant}) * 1000)::float8 AS "when"'


SINCE = "($__timeFrom()::timestamptz AT TIME ZONE 'Europe/London')::date"
UNTIL = "($__timeTo()::timestamptz AT TIME ZONE 'Europe/London')::date"
"""The days in London of the time that is shown. `$__timeFilter` of a day would compare it with the day in UTC."""

OF_THE_DAYS = f"day BETWEEN {SINCE} AND {UNTIL}"

EVERY_DAY = f"SELECT day::date AS day FROM generate_series({SINCE}, {UNTIL}, '1 day') AS day"
"""A row for each of them, so that a graph of nothing is a graph of zeros."""
