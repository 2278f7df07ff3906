"""The rows as a table for a person, with what to do below it; or as JSON. Pure but for the console."""

import datetime as dt
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pcare_cli.doctor.findings import Diagnosis, Finding, Level, worst_first

_STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.WRONG: "bold red", Level.UNSEEN: "dim"}


def show(console: Console, diagnosis: Diagnosis) -> None:
    """Print the table, then what is to be done, the worst first, then the verdict."""
    table = Table(show_lines=False, expand=False)
    for name in ("area", "check", "", "seen"):
        table.add_column(name, overflow="fold")
    area = ""
    for one in diagnosis.findings:
        if one.area != area:
            table.add_section()
        table.add_row(one.area if one.area != area else "", Text(one.check), _level(one), Text(one.saw))
        area = one.area
    console.print(table)
    for number, one in enumerate(worst_first(diagnosis.findings), start=1):
        _what_to_do(console, number, one)
    unseen = [one for one in diagnosis.findings if one.level is Level.UNSEEN and one.do]
    if unseen:
        console.print(Text("\nNot looked at, and what would let it:", style="dim"))
        for words in dict.fromkeys(f"  {one.area}, {one.check}: {one.do}" for one in unseen):
            console.print(Text(words, style="dim"))
    style = _STYLES[Level.WRONG] if diagnosis.status else _STYLES[Level.OK]
    console.print(Text(f"\n{diagnosis.verdict}", style=style))


def _what_to_do(console: Console, number: int, one: Finding) -> None:
    console.print(Text.assemble(f"\n{number}. ", _level(one), f"  {one.area}: {one.saw}  [{one.kind}]"))
    console.print(Text(f"   {one.do}"))
    for line in one.command.splitlines():
        console.print(Text(f"       {line}", style="bold"), soft_wrap=True)  # to be copied whole


def _level(one: Finding) -> Text:
    return Text(str(one.level), _STYLES[one.level])


def document(diagnosis: Diagnosis, instant: dt.datetime) -> dict[str, Any]:
    """Return the same as JSON values."""
    return {
        "instant": instant.isoformat(),
        "status": diagnosis.status,
        "verdict": diagnosis.verdict,
        "seconds": round(diagnosis.seconds, 1),
        "counts": {str(level): diagnosis.count(level) for level in Level},
        "checks": [
            {
                "area": one.area,
                "check": one.check,
                "level": str(one.level),
                "finding": one.kind,
                "saw": one.saw,
                "do": one.do or None,
                "commands": one.command.splitlines(),
                "failed": one.failed,
            }
            for one in diagnosis.findings
        ],
    }
