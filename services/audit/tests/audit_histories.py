"""Logs in which people are merged while their events come in, made for a test."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from audit_lines import london

from pcare_audit.knowledge import merged_by
from pcare_schemas.instants import utc_milliseconds
from pcare_schemas.kpis.catalogue import load
from pcare_schemas.log import LogLine, read_line
from pcare_schemas.recorded import subjects_merged_text
from pcare_schemas.rules import Rules
from proof.histories import random_history
from proof.lines import lines_of

CATALOGUES = {"plan": load(), "another": load(Path(__file__).parents[3] / "tests" / "proof" / "another_catalogue.yaml")}
FIRST = datetime(2024, 5, 1, tzinfo=UTC)
AT = london("2024-06-01")


def told_at(one: LogLine, minute: int) -> LogLine:
    """Return a line as recorded so many minutes after the first."""
    when = utc_milliseconds(FIRST + timedelta(minutes=minute))
    return msgspec.structs.replace(one, recordedat=when, origin=f"interventions.submitted/{minute % 3}/{minute}")


def minute(number: int) -> datetime:
    return FIRST + timedelta(minutes=number)


def merge(gone: str, kept: str, number: int) -> LogLine:
    return read_line(subjects_merged_text(gone, kept, merged_at=minute(number), act=number, rules_version="1-test"))


def history(seed: int, events: int = 90) -> list[LogLine]:
    """Return a log in which people are merged while their events come in, in chains too, and what was moved twice."""
    chance = random.Random(seed)
    lines = [
        told_at(one, number) for number, one in enumerate(lines_of(random_history(seed, events, AT), AT, Rules.load()))
    ]
    people = sorted({one.subject for one in lines if one.subject.startswith("person:")})
    merges = [
        merge(gone, chance.choice(people[:index]), chance.randrange(len(lines)))
        for index, gone in enumerate(people)
        if index and chance.random() < 0.5
    ]
    merged = merged_by(merges)
    for one in merges:
        lines += [
            msgspec.structs.replace(other, subject=one.data["kept"])
            for other in lines
            if other.subject == one.data["gone"] and other.recordedat < one.recordedat
        ]
    lines = [  # who is merged already is told of by the other name
        one
        for one in lines
        if not any(m.data["gone"] == one.subject and m.recordedat <= one.recordedat for m in merges)
    ] + merges
    chance.shuffle(lines)
    assert merged
    return lines
