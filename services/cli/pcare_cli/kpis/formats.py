"""A reading for machines: JSON, and CSV with columns that stay as they are."""

import csv
import io
import json
from typing import Any

from pcare_cli.kpis.reading import AREAS, Reading, Row, Shown
from pcare_kpi_aggregator.years import iso
from pcare_schemas.kpis.disclosure import SUPPRESSED

COLUMNS = (
    "instant",
    "year",
    "component",
    "kpi",
    "title",
    "unit",
    "borough",
    "borough_name",
    "value",
    "numerator",
    "denominator",
    "target",
    "trajectory",
    "gap",
    "forecast",
    "words",
)
"""The columns of CSV, documented in docs/programme-lead.md. New ones come after these."""


def as_json(reading: Reading) -> str:
    """Return the reading as one JSON document; a suppressed value is null, with `suppressed: true` beside it."""
    kpis = {kpi.id: kpi for kpi in reading.kpis}
    document = {
        "instant": iso(reading.at),
        "known_at": None if reading.known_at is None else iso(reading.known_at),
        "catalogue": reading.version,
        "published": reading.published,
        "notes": list(reading.notes),
        "kpis": [_entry(row, kpis[row.kpi]) | {"suppressed": row.suppressed} for row in reading.rows],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_csv(reading: Reading) -> str:
    """Return the reading as CSV (RFC 4180) with a line of names; `*` is a suppressed value, nothing is none."""
    kpis = {kpi.id: kpi for kpi in reading.kpis}
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    for row in reading.rows:
        entry = {"instant": iso(reading.at), **_entry(row, kpis[row.kpi])}
        if row.suppressed:
            entry["value"] = SUPPRESSED
        writer.writerow(entry)
    return file.getvalue()


def _entry(row: Row, kpi: Shown) -> dict[str, Any]:
    return {
        "year": row.year,
        "component": kpi.component,
        "kpi": row.kpi,
        "title": kpi.title,
        "unit": kpi.unit,
        "borough": row.area,
        "borough_name": AREAS[row.area],
        "value": row.value,
        "numerator": row.numerator,
        "denominator": row.denominator,
        "target": row.target,
        "trajectory": row.trajectory,
        "gap": row.gap,
        "forecast": row.forecast,
        "words": row.words,
    }
