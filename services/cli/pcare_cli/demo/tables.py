"""The tables at the end of a run: the accounting by partition, and the KPIs of stream, SQL and replay. Pure."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from pcare_cli.accounting import Accounting, KpiRow, PartitionAccount, as_number, in_words
from pcare_schemas.code_lists import built_in

NCL = "NCL"


def accounting(sums: Accounting) -> Table:
    """Return a row a topic, and the sum: what Kafka holds against what became of it."""
    table = Table(
        title="Accounting: submitted (counted in Kafka) = recorded + duplicates + rejected", title_justify="left"
    )
    table.add_column("topic")
    for name in ("submitted", "recorded", "duplicates", "rejected", ""):
        table.add_column(name, justify="right")
    for topic in sorted({one.cursor.topic for one in sums.partitions}):
        _add(table, topic, [one for one in sums.partitions if one.cursor.topic == topic])
    _add(table, "all", sums.partitions)
    table.caption = (
        f"{sums.accepted} events were accepted; {len(sums.lost)} of them are neither recorded nor rejected; "
        f"{sums.unanswered} were never answered."
    )
    return table


def _add(table: Table, name: str, partitions: Sequence[PartitionAccount]) -> None:
    part = Accounting(tuple(partitions))
    numbers = [f"{part.total(outcome):,}" for outcome in ("submitted", "recorded", "duplicates", "rejected")]
    table.add_row(name, *numbers, "exact" if part.exact else Text("NOT EXACT", "bold red"))


def comparison(rows: Sequence[KpiRow]) -> Table:
    """Return a row a KPI and year, a column a borough; a number that differs shows all three."""
    names = {code: entry.name for code, entry in built_in()["boroughs"].codes.items()}
    table = Table(
        title="KPIs, counted three times; where they differ: streamed / by SQL / by replay", title_justify="left"
    )
    areas = [*sorted({row.borough for row in rows} - {NCL}), NCL]
    table.add_column("KPI")
    table.add_column("year")
    for area in areas:
        table.add_column(names.get(area, area), justify="right")
    cells = {(row.kpi, row.year, row.borough): _cell(row) for row in rows}
    shares = {row.kpi for row in rows if row.stream.denominator is not None}
    for kpi, year in dict.fromkeys((row.kpi, row.year) for row in rows):
        nothing = Text("-" if kpi in shares else "0")
        table.add_row(kpi, year, *(cells.get((kpi, year, area), nothing) for area in areas))
    return table


def _cell(row: KpiRow) -> Text:
    if row.exact:
        return Text("-" if row.stream.value is None else f"{as_number(row.stream.value):,}")
    return Text(" / ".join(in_words(one) for one in (row.stream, row.sql, row.replay)), "bold red")
