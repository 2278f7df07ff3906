"""A statement as the text that is signed, and as CSV. Pure: the same statement is the same text."""

import csv
import io
from collections.abc import Sequence

from pcare_audit.statements.counts import Counts, in_words
from pcare_audit.statements.statement import Statement

FIRST_LINE = "uk.nhs.ncl.personalised-care/statement"
BETWEEN = "  "
COUNTS = ("accepted", "recorded", "duplicates", "rejected", "repaired", "waiting")


def as_text(statement: Statement) -> str:
    """Return the text that is signed: what a person reads, and nothing else says more."""
    sums = statement.total
    whose = "all providers" if statement.provider is None else f"provider {statement.provider}"
    if statement.provider is not None:
        whose += "".join(f", {line.name}" for line in statement.providers if line.name)[:200]
    lines = [
        FIRST_LINE,
        f"of {whose}",
        f"what arrived {_days(statement)}, by London's clocks",
        f"made {statement.made.at} by pcare {statement.made.release}, act {statement.made.act} of the audit trail",
        "",
        _sum_in_words(sums),
        f"{in_words(sums.repaired)} of the rejected were repaired before this was made",
        "",
        *_table("provider", [(line.of, line.counts) for line in statement.providers], sums),
        *_table("arrived by", [(line.of, line.counts) for line in statement.topics], None),
    ]
    lines += _columns(
        [["kind", "recorded", "duplicates"]]
        + [[one.kind, in_words(one.recorded), in_words(one.duplicates)] for one in statement.kinds]
    )
    lines += _columns(
        [["rejected for", "rejected", "repaired"]]
        + [[one.reason, in_words(one.rejected), in_words(one.repaired)] for one in statement.reasons]
    )
    for title, sentences in (
        ("Drawn from", statement.drawn),
        ("Not known", statement.not_known),
        ("DOES NOT ADD UP", statement.faults()),
    ):
        if sentences:
            lines += [f"{title}:", *(f"- {sentence}" for sentence in sentences), ""]
    return "".join(f"{_printable(line).rstrip()}\n" for line in lines[:-1])


def as_csv(statement: Statement) -> str:
    """Return the same numbers for a spreadsheet, a line each; a cell is empty where there is none to say."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["first", "last", "by", "of", *COUNTS])
    days = [statement.first.isoformat(), statement.last.isoformat()]
    for title, lines in (("provider", statement.providers), ("topic", statement.topics)):
        for line in lines:
            writer.writerow([*days, title, line.of, *line.counts.document().values()])
    for kind in statement.kinds:
        writer.writerow([*days, "kind", kind.kind, None, kind.recorded, kind.duplicates, None, None, None])
    for reason in statement.reasons:
        writer.writerow([*days, "reason", reason.reason, None, None, None, reason.rejected, reason.repaired, None])
    writer.writerow([*days, "total", "", *statement.total.document().values()])
    return out.getvalue()


def _sum_in_words(sums: Counts) -> str:
    return (
        f"{in_words(sums.accepted)} accepted = {in_words(sums.recorded)} recorded + {in_words(sums.duplicates)} "
        f"duplicates + {in_words(sums.rejected)} rejected + {in_words(sums.waiting)} waiting"
    )


def _days(statement: Statement) -> str:
    if statement.first == statement.last:
        return f"on {statement.first}"
    return f"from {statement.first} to {statement.last}, both included"


def _table(title: str, rows: Sequence[tuple[str, Counts]], sums: Counts | None) -> list[str]:
    cells = [[title, *COUNTS]]
    cells += [[name, *map(in_words, counts.document().values())] for name, counts in rows]
    if sums is not None and len(rows) > 1:
        cells.append(["all", *map(in_words, sums.document().values())])
    return _columns(cells)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return aligned lines, numbers to the right, and an empty one; nothing of a table that has no rows."""
    if len(rows) < 2:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        BETWEEN.join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return [*lines, ""]


def _printable(line: str) -> str:
    """Return a line without anything that a note cannot hold: names are given by people."""
    return "".join(character if character.isprintable() else "\ufffd" for character in line)
