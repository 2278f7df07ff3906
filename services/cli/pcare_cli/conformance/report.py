"""The report as a page that stands alone, and as JSON."""

import json
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pcare_cli.conformance.findings import Outcome, Report

MARKS: Final = {Outcome.passed: "✓", Outcome.failed: "✗", Outcome.unproven: "?"}
_TEMPLATES = Path(__file__).with_name("templates")


def html_of(report: Report) -> str:
    """Return the whole page: no script, nothing from elsewhere, readable on paper."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    parts: dict[str, list[object]] = {}
    for result in report.results:
        parts.setdefault(result.part, []).append(result)
    return environment.get_template("report.html").render(report=report, parts=parts, marks=MARKS)


def write(report: Report, stem: Path) -> tuple[Path, Path]:
    """Write `<stem>.html` and `<stem>.json` and return where they are."""
    page, data = stem.with_suffix(".html"), stem.with_suffix(".json")
    page.write_text(html_of(report), encoding="utf-8")
    data.write_text(json.dumps(report.document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return page, data
