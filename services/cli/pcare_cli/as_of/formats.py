"""The answer for machines: JSON, and CSV with columns that stay as they are."""

import csv
import io
import json
from typing import Any

from pcare_audit.changes import Cause
from pcare_audit.sums import Counted
from pcare_cli.accounting import as_number
from pcare_cli.as_of import showing
from pcare_cli.as_of.counting import Answer, Question
from pcare_cli.as_of.showing import Scope
from pcare_cli.kpis.reading import AREAS
from pcare_schemas.instants import utc

COLUMNS = (
    "at",
    "known_at",
    "year",
    "kpi",
    "borough",
    "borough_name",
    "value_then",
    "numerator_then",
    "denominator_then",
    "value_now",
    "numerator_now",
    "denominator_now",
)
"""The columns of CSV, documented in docs/as-of.md. New ones come after these."""


def as_json(scope: Scope, question: Question, answer: Answer) -> str:
    """Return the answer as one JSON document."""
    changes = answer.changes
    document: dict[str, Any] = {
        "at": utc(question.at),
        "known_at": utc(question.known_at),
        "now": utc(question.now),
        "catalogue": {"version": scope.version, "sha256": scope.catalogue_sha256},
        "offsets": [stretch._asdict() for stretch in answer.stretches],
        "kpis": [_cell(answer, cell) for cell in showing.cells(scope, answer)],
        "meanwhile": [{**_cause(answer, cause), "events": number} for cause, number in changes.meanwhile.items()],
        "notes": list(answer.notes),
        "troubles": list(answer.troubles),
        "equal": not answer.troubles,
    }
    if scope.events:
        document["events"] = [
            {
                "source": told.line.source,
                "id": told.line.id if told.cause.source is not None else None,  # of a merge it is a subject
                "time": told.line.time,
                "recorded_at": told.line.recordedat,
                "origin": told.line.origin,
                **_cause(answer, told.cause),
                "act": answer.repairs.redriven.get((told.line.source, told.line.id)),
                "moved": [
                    {
                        **dict(zip(("kpi", "borough", "year"), effect.cell, strict=True)),
                        "numerator": effect.numerator,
                        "denominator": effect.denominator,
                    }
                    for effect in told.effects
                ],
            }
            for told in showing.in_order(answer)
        ]
        document["moves_not_listed"] = changes.not_listed
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_csv(scope: Scope, question: Question, answer: Answer) -> str:
    """Return the numbers as CSV (RFC 4180) with a line of names; nothing is none."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for cell in showing.cells(scope, answer):
        kpi, area, year = cell
        numbers = [
            part for one in showing.counted_of(answer, cell) for part in (one.value, one.numerator, one.denominator)
        ]
        writer.writerow(
            [
                utc(question.at),
                utc(question.known_at),
                year,
                kpi,
                area,
                AREAS[area],
                *("" if n is None else n for n in numbers),
            ]
        )
    return file.getvalue()


def _cell(answer: Answer, cell: tuple[str, str, str]) -> dict[str, Any]:
    kpi, area, year = cell
    then, now = showing.counted_of(answer, cell)
    rest = answer.changes.rest(cell)
    return {
        "kpi": kpi,
        "borough": area,
        "borough_name": AREAS[area],
        "year": year,
        "then": _counted(then),
        "now": _counted(now),
        "changed_by": [
            {**_cause(answer, cause), "numerator": numerator, "denominator": denominator, "events": events}
            for cause, numerator, denominator, events in showing.causes_of(answer, cell)
        ],
        "unaccounted": {"numerator": rest[0], "denominator": rest[1]},
    }


def _counted(counted: Counted) -> dict[str, Any]:
    return {
        "value": None if counted.value is None else as_number(counted.value),
        "numerator": counted.numerator,
        "denominator": counted.denominator,
    }


def _cause(answer: Answer, cause: Cause) -> dict[str, Any]:
    provider = None if cause.source is None else answer.providers.get(cause.source)
    return {
        "sort": cause.sort,
        "words": showing.WORDS[cause.sort],
        "provider": None if provider is None else provider.code,
        "provider_name": None if provider is None else provider.name,
    }
