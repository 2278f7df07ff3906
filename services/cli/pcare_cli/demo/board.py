"""The table that the demo shows: KPIs by borough against target. Pure: rows in, something to print out."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pcare_cli.demo.layout import Layout
from pcare_cli.demo.observing import Snapshot
from pcare_schemas.code_lists import built_in

NCL = "NCL"
BOROUGHS = built_in()["boroughs"].codes


def kpi_table(kpis: Sequence[Mapping[str, Any]]) -> Table:
    """Return the KPIs of the latest financial year, a row each: boroughs, the whole, the target of the whole."""
    year = max((row["year"] for row in kpis), default="")
    table = Table(title=f"Key performance indicators {year}", title_justify="left", header_style="bold")
    values = {(row["kpi"], row["borough"]): row for row in kpis if row["year"] == year}
    names = {row["borough"]: row.get("borough_name") or row["borough"] for row in kpis if row["borough"] in BOROUGHS}
    table.add_column("KPI")
    for name in names.values():
        table.add_column(name, justify="right")
    for name in (NCL, "target", ""):
        table.add_column(name, justify="right")
    for kpi in dict.fromkeys(row["kpi"] for row in kpis):
        whole = values.get((kpi, NCL), {})
        value, target = whole.get("value", 0), whole.get("target")
        cells = [_number(values.get((kpi, borough), {}).get("value", 0)) for borough in names]
        table.add_row(kpi, *cells, Text(_number(value), "bold"), _number(target), _share(value, target))
    return table


def status_line(now: Snapshot, events_a_second: float) -> Text:
    """Return one line: how fast, how many, how far behind."""
    behind = "" if now.complete else "   counting from the log ..."
    return Text(
        f"{events_a_second:,.0f} events a second   {now.recorded:,} recorded   {now.duplicates:,} duplicates   "
        f"{now.rejected:,} rejected   {now.refused:,} refused at the edge   lag {now.lag:,}{behind}"
    )


def addresses(layout: Layout) -> str:
    """Return where to look, a line each."""
    return "\n".join(
        (
            f"  Send events     {layout.ingest}/events   (documentation: {layout.ingest}/docs)",
            f"  KPIs            {layout.aggregator}/kpis",
            f"  Metrics         {layout.ingest}/metrics  {layout.recorder}/metrics  {layout.aggregator}/metrics",
            f"  Data and logs   {layout.directory}",
        )
    )


def board(layout: Layout, now: Snapshot, events_a_second: float) -> RenderableType:
    """Return everything that the live display shows."""
    foot = Text(f"{addresses(layout)}\nCtrl-C stops everything; `make demo` goes on with these data.", "dim")
    return Group(kpi_table(now.kpis), status_line(now, events_a_second), Text(""), foot)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,.1f}" if isinstance(value, float) and value != int(value) else f"{int(value):,}"


def _share(value: Any, target: Any) -> str:
    return f"{100 * value / target:.0f} %" if target else ""
