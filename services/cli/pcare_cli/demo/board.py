"""What the demo shows while it runs: the KPIs, how fast and how far behind, and where to look. Pure."""

from rich.console import Group, RenderableType
from rich.text import Text

from pcare_cli.demo.layout import Layout
from pcare_cli.demo.observing import Snapshot
from pcare_cli.kpis.reading import Reading, ReadingError, select
from pcare_cli.kpis.table import kpi_lines


def status_line(now: Snapshot, events_a_second: float) -> Text:
    """Return one line: how fast, how many, how far behind."""
    behind = "" if now.reading is not None else "   counting from the log ..."
    return Text(
        f"{events_a_second:,.0f} events a second   {now.recorded:,} recorded   {now.duplicates:,} duplicates   "
        f"{now.rejected:,} rejected   {now.refused:,} refused at the edge   lag {now.lag:,}{behind}"
    )


def addresses(layout: Layout) -> str:
    """Return where to look, a line each; the KPI board first."""
    return "\n".join(
        (
            f"  KPI board       {layout.aggregator}/   (as JSON: {layout.aggregator}/kpis)",
            f"  Send events     {layout.ingest}/events   (documentation: {layout.ingest}/docs)",
            f"  Metrics         {layout.ingest}/metrics  {layout.recorder}/metrics  {layout.aggregator}/metrics",
            f"  Data and logs   {layout.directory}",
        )
    )


def board(layout: Layout, now: Snapshot, events_a_second: float, width: int) -> RenderableType:
    """Return everything that the live display shows, on a terminal of this width."""
    foot = Text(f"{addresses(layout)}\nCtrl-C stops everything; `make demo` goes on with these data.", "dim")
    return Group(status_line(now, events_a_second), Text(""), _kpis(now.reading, width), Text(""), foot)


def _kpis(reading: Reading | None, width: int) -> RenderableType:
    if reading is None:
        return Text("The KPIs are shown once the counts of all partitions are known.")
    try:
        latest = select(reading, None, ())
    except ReadingError as error:
        return Text(str(error))
    return kpi_lines(latest, latest.years[-1], width)
