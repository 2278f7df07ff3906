"""The provenance of a number for people and for machines. Pure."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pcare_audit.portions import Stretch
from pcare_audit.provenance import Provenance
from pcare_cli.accounting import as_number, in_words
from pcare_cli.audit_record import Provider
from pcare_cli.desk.showing import safe
from pcare_cli.explaining import words
from pcare_cli.kpis.reading import AREAS, Row
from pcare_kpi_aggregator import wording
from pcare_schemas.instants import utc, utc_milliseconds
from pcare_schemas.kpis.catalogue import Catalogue, Kpi


class Number(NamedTuple):
    """Which number: a KPI, an area's code, a financial year as it is written."""

    kpi: str
    area: str
    year: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A number with all that it comes from. `row` is what SQL counts, with target and trajectory."""

    number: Number
    kpi: Kpi
    catalogue: Catalogue
    at: dt.datetime
    provenance: Provenance
    row: Row | None
    providers: Mapping[str, Provider]
    stretches: Sequence[Stretch]
    program: Mapping[str, str | None]
    catalogue_sha256: str
    targets_sha256: str
    note: str | None

    @property
    def by_sql(self) -> tuple[float | None, int, int | None]:
        """What SQL counts: the value and what it is made of."""
        if self.row is None:  # nothing was ever counted
            return (0, 0, None) if self.kpi.kind_of_value == "count" else (None, 0, 0)
        return self.row.value, self.row.numerator or 0, self.row.denominator

    @property
    def equal(self) -> bool:
        """Whether replay and SQL count the same, of the same."""
        counted = self.provenance.counted
        value = None if counted.value is None else float(counted.value)
        return (value, counted.numerator, counted.denominator) == self.by_sql


def differs(explained: Explained) -> str:
    """Return how the two ways of counting differ, and what is to be done about it."""
    value, numerator, denominator = explained.by_sql
    return (
        f"Replay counts {in_words(explained.provenance.counted)}, SQL {value} ({numerator} of {denominator}). If the "
        "recorder lags behind, run this again when it has caught up; if they still differ, `pcare audit replay` finds "
        "which events."
    )


def as_text(explained: Explained, *, events: bool) -> str:
    """Return the provenance as lines for a terminal."""
    return "\n".join([*_number(explained), *_made_of(explained), *_read(explained), *_listed(explained, events)])


def as_json(explained: Explained, *, events: bool) -> str:
    """Return the provenance as one JSON document."""
    number, provenance, row = explained.number, explained.provenance, explained.row
    sql = dict(zip(("value", "numerator", "denominator"), explained.by_sql, strict=True))
    counted = provenance.counted
    document: dict[str, Any] = {
        "kpi": number.kpi,
        "title": explained.kpi.title,
        "borough": number.area,
        "borough_name": AREAS[number.area],
        "year": number.year,
        "at": utc(explained.at),
        "rule": {"words": words.in_words(explained.kpi, explained.catalogue), **explained.kpi.rule.model_dump()},
        "replay": {
            "value": None if counted.value is None else as_number(counted.value),
            "numerator": counted.numerator,
            "denominator": counted.denominator,
        },
        "sql": sql,
        "equal": explained.equal,
        "target": None if row is None else row.target,
        "trajectory": None if row is None else row.trajectory,
        "standing": None if row is None else row.words,
        "events": provenance.events,
        "made_of": [
            {"source": source, "provider": _provider(explained, source).code,
             "provider_name": _provider(explained, source).name, "month": month, **share._asdict()}
            for (source, month), share in sorted(provenance.by_provider_and_month.items())
        ],
        "taken_back": provenance.taken_back,
        "of_merged_persons": provenance.moved,
        "late": provenance.late,
        "after_the_year": provenance.after_the_year,
        "offsets": [stretch._asdict() for stretch in explained.stretches],
        "pcare": dict(explained.program),
        "catalogue": {"version": explained.catalogue.version, "sha256": explained.catalogue_sha256},
        "targets_sha256": explained.targets_sha256,
    }  # fmt: skip
    if events:
        document["listed"] = [
            {
                "source": one.source,
                "id": one.id,
                "kind": one.kind,
                "time": utc(one.time),
                "recorded_at": one.recorded_at,
                "origin": one.origin,
                "numerator": one.numerator,
                "denominator": one.denominator,
                "member": one.member,
            }
            for one in provenance.listed
        ]
        document["not_listed"] = provenance.events - len(provenance.listed)
    return json.dumps(document, indent=2, ensure_ascii=False)


def _number(explained: Explained) -> Iterator[str]:
    number, row, kind = explained.number, explained.row, explained.kpi.kind_of_value
    yield f"{number.kpi}: {explained.kpi.title}, {AREAS[number.area]}, {number.year}"
    yield f"  as at {utc_milliseconds(explained.at)}"
    yield ""
    yield f"by replay   {in_words(explained.provenance.counted)}"
    value, numerator, denominator = explained.by_sql
    shown = wording.NOTHING if value is None else f"{value:,g}" if kind != "count" else wording.number(kind, value)
    yield f"by SQL      {shown}" + ("" if denominator is None else f" ({numerator:,} of {denominator:,})")
    yield f"            {'they agree' if explained.equal else 'they DIFFER'}"
    if row is not None and row.target is not None:
        yield f"target      {wording.number(kind, row.target)}"
    if row is not None and row.trajectory is not None:
        yield f"trajectory  {wording.number(kind, row.trajectory)}"
    if row is not None and row.words:
        yield f"            {row.words}"
    if explained.note:
        yield f"            {explained.note}"
    yield ""
    yield "The rule:"
    yield from (f"  {sentence}" for sentence in words.in_words(explained.kpi, explained.catalogue))
    if explained.kpi.words:
        yield f'  The plan\'s words: "{explained.kpi.words}"'


def _made_of(explained: Explained) -> Iterator[str]:
    provenance = explained.provenance
    yield ""
    yield f"Made of {wording.counted(provenance.events, 'event')}:"
    shares = sorted(provenance.by_provider_and_month.items())
    for source, events in sorted(provenance.by_provider().items()):
        yield f"  {_named(explained, source)}: {events:,}"
        months = [f"{month} {share.events:,}" for (whose, month), share in shares if whose == source]
        yield from (f"    {'  '.join(months[first : first + 6])}" for first in range(0, len(months), 6))
    yield f"  {provenance.late:,} were recorded after the day on which they happened had ended in London,"
    yield f"  {provenance.after_the_year:,} of them after its financial year;"
    yield f"  {provenance.moved:,} were first told of a person who was merged into another since."
    yield f"Taken back, so not counted: {provenance.taken_back:,} events of these kinds, borough and year."


def _read(explained: Explained) -> Iterator[str]:
    yield ""
    records = sum(stretch.records for stretch in explained.stretches)
    yield f"Read from interventions.recorded, {records:,} records: offsets, from the first to before the second,"
    parts = [f"{one.partition}: {one.first:,} to {one.end:,}" for one in explained.stretches]
    yield from (f"  {';  '.join(parts[first : first + 4])}" for first in range(0, len(parts), 4))
    commit = explained.program["commit"]
    yield f"pcare {explained.program['version']}{f', commit {commit}' if commit else ''}"
    yield f"catalogue {explained.catalogue.version}, sha256 {explained.catalogue_sha256}"
    yield f"targets sha256 {explained.targets_sha256}"


def _listed(explained: Explained, events: bool) -> Iterator[str]:
    if not events:
        return
    provenance = explained.provenance
    yield ""
    yield "The events (source, id, time, origin; and what each adds):"
    for one in provenance.listed:
        adds = f"+{one.numerator}" if one.denominator is None else f"+{one.numerator} of {one.denominator}"
        member = "" if one.member is None else f" to {one.member}"
        yield f"  {safe(one.source)}  {safe(one.id)}  {utc(one.time)}  {one.origin}  {adds}{member}"
    if more := provenance.events - len(provenance.listed):
        yield f"  {more:,} more are not listed: name a borough."


def _provider(explained: Explained, source: str) -> Provider:
    return explained.providers.get(source, Provider(None, None))


def _named(explained: Explained, source: str) -> str:
    known = _provider(explained, source)
    return safe(str(known) if known.code else source)
