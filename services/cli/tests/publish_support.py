"""Files as people have them, and an ingest that keeps what it was sent."""

import asyncio
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from pcare_cli.publishing import judges
from pcare_cli.publishing.building import Builder, Defaults
from pcare_cli.publishing.identity import Identity
from pcare_cli.publishing.mapping import Mapping
from pcare_cli.publishing.pace import Pace
from pcare_cli.publishing.publishing import Plan, Publisher, Told
from pcare_cli.publishing.sending import Judge
from pcare_cli.publishing.showing import Display
from pcare_client import Event, Verdict
from pcare_common.clock import FixedClock
from pcare_schemas.rules import Rules

NHS_NUMBER = "9990000018"
IDENTITY = Identity(bytes(32))
RKE = Defaults("sp-declined", "RKE")
RULES = Rules.load()
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def builder(columns, mapping: dict[str, Any] | None = None, *, kind=None, source="RKE", ignore=False) -> Builder:
    return Builder(columns, Mapping.model_validate(mapping or {}), Defaults(kind, source), IDENTITY, ignore=ignore)


@dataclass
class Ingest:
    """Judges as ingest does, by the same rules, and keeps what it accepted. `fails_at`: which call fails, and how."""

    fails_at: dict[int, BaseException] = field(default_factory=dict)
    calls: int = 0
    accepted: list[str] = field(default_factory=list)
    bodies: dict[str, bytes] = field(default_factory=dict)

    async def judge(self, events: list[Event]) -> list[Verdict]:
        number, self.calls = self.calls, self.calls + 1
        await asyncio.sleep(0)
        verdicts = await judges.offline(RULES, FixedClock(NOW))(events)
        for verdict in verdicts:
            if verdict.accepted:
                self.accepted.append(verdict.event.id)
                assert self.bodies.setdefault(verdict.event.id, verdict.event.body) == verdict.event.body
        if number in self.fails_at:  # as when the answer is lost: the events arrived
            raise self.fails_at[number]
        return verdicts


def publisher(judge: Judge, **plan: Any) -> Publisher:
    made = Plan(**{"mapping": Mapping(), "defaults": RKE, "identity": IDENTITY, "batch_rows": 3, **plan})
    quiet = Console(file=io.StringIO())
    displays: Callable[[str, int], Display] = lambda name, total: Display(name, total, quiet)  # noqa: E731
    return Publisher(made, judge, Pace(None), FixedClock(NOW), asyncio.Event(), displays)


async def publish(file: Path, judge: Judge, **plan: Any) -> Told:
    return await publisher(judge, **plan).publish(file)


def rows(count: int, *, wrong: frozenset[int] = frozenset()) -> str:
    """Return a CSV of so many declined referrals; those whose number is in `wrong` name a borough that is none."""
    lines = ["nhs_number,time,borough,referral_ref"]
    lines += [
        f"{NHS_NUMBER},2024-04-19 10:30,{'E08000001' if number in wrong else 'E09000019'},SP-{number}"
        for number in range(count)
    ]
    return "\n".join(lines) + "\n"


def workbook(file: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """Write a workbook as Excel does. A cell: text, a number, ("date", serial number), ("formula", text, result)."""
    names = list(sheets)
    types = '<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{main}worksheet+xml"/>'
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml."
    package = "http://schemas.openxmlformats.org/package/2006/"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    ns = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    numbers = range(1, len(names) + 1)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}content-types"><Default Extension="rels" ContentType="application/'
            'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{main}sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{main}styles+xml"/>'
            + "".join(types.format(n=n, main=main) for n in numbers)
            + "</Types>",
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}relationships"><Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}relationships">'
            + "".join(
                f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
            )
            + f'<Relationship Id="s" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{ns}" xmlns:r="{office}"><sheets>'
            + "".join(f'<sheet name="{names[n - 1]}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
            + "</sheets></workbook>",
        )
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{ns}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/>'
            "</cellXfs></styleSheet>",
        )
        for n in numbers:
            lines = "".join(_sheet_row(at, line) for at, line in enumerate(sheets[names[n - 1]], start=1))
            archive.writestr(
                f"xl/worksheets/sheet{n}.xml", f'<worksheet xmlns="{ns}"><sheetData>{lines}</sheetData></worksheet>'
            )
    return file


def _sheet_row(number: int, line: list[Any]) -> str:
    cells = "".join(_cell(f"{chr(65 + at)}{number}", value) for at, value in enumerate(line) if value is not None)
    return f'<row r="{number}">{cells}</row>'


def _cell(at: str, value: Any) -> str:
    if isinstance(value, tuple) and value[0] == "date":
        return f'<c r="{at}" s="1"><v>{value[1]}</v></c>'
    if isinstance(value, tuple):
        return f'<c r="{at}" t="str"><f>{value[1]}</f><v>{value[2]}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{at}"><v>{value}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t>{value}</t></is></c>'
