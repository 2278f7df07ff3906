"""What the command prints: how far it is, and what was found."""

from collections.abc import Iterator, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from pcare_audit.replaying.result import Difference, KpiLine, Result
from pcare_cli.accounting import in_words
from pcare_cli.desk.showing import safe

SHOWN = 50
"""Differences that are printed; the file has more."""


class Progress:
    """A bar on standard error, where somebody looks; else nothing but the remarks."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, words: str) -> None:
        """Print a remark."""
        self._console.print(words, highlight=False)

    def begin(self, what: str, total: int) -> None:
        """Begin a bar of so many things."""
        self._task = self._bars.add_task(what, total=total)

    def step(self, number: int) -> None:
        """Move the bar by so many."""
        if self._task is not None:
            self._bars.update(self._task, advance=number)


def lines(result: Result) -> Iterator[str]:
    """Give the result line by line; the last says in one word whether all is equal."""
    counts = result.counts
    yield (
        f"{counts['submitted']:,} submitted records, {counts['log_records']:,} records of the log, "
        f"{counts['rows']:,} rows, {counts['rejections']:,} rejections were compared."
    )
    for check in result.checks:
        mark = "equal  " if not check.differences else "DIFFERS"
        differing = f", {check.differences:,} differ" if check.differences else ""
        yield f"{mark}  {check.check:<11} {check.compared:>12,} compared{differing}. {check.words}"
    for difference in result.differences[:SHOWN]:
        yield _difference(difference)
    if result.differences_total > SHOWN:
        yield f"{result.differences_total - SHOWN:,} more differences; --json writes down the first 1,000."
    yield from (f"LEFT OUT  {words}" for words in result.left_out)
    yield from (f"TROUBLE   {safe(words)}" for words in result.troubles)
    if result.kpis is None:
        yield f"KPIs were not compared: {result.kpis_why_not}."
    else:
        yield _kpis(result.kpis.rows, result.kpis.instant.isoformat(), result.kpis_why_not)
    yield "equal" if result.equal else f"NOT EQUAL: {_why(result)}"


def _difference(one: Difference) -> str:
    where = [f"at {safe(one.place)}"] if one.place else []
    where += [f"event {safe(one.event.id)} of {safe(one.event.source)}"] if one.event else []
    where += [safe(one.field)] if one.field else []
    values = f" Expected {safe(one.expected)}; found {safe(one.found or '')}." if one.expected is not None else ""
    return f"DIFFERENCE  {one.kind}  {', '.join(where)}: {one.words}{values}"


def _kpis(rows: Sequence[KpiLine], instant: str, why_not: str | None) -> str:
    ways = "replay and SQL" if why_not else "replay, SQL and the running aggregator"
    unlike = [row for row in rows if not row.exact]
    if not unlike:
        return f"{len(rows):,} KPI values agree between {ways}, at {instant}." + (f" {why_not}." if why_not else "")
    one = unlike[0]
    stream = "not asked" if one.stream is None else in_words(one.stream)
    return (
        f"{len(unlike):,} of {len(rows):,} KPI values differ, such as {one.kpi} {one.borough} {one.year}: "
        f"{in_words(one.replay)} by replay, {in_words(one.sql)} by SQL, {stream} streamed."
    )


def _why(result: Result) -> str:
    found = [f"{result.differences_total:,} differences"] if result.differences_total else []
    return ", ".join([*found, *([f"{len(result.troubles)} troubles"] if result.troubles else [])])
