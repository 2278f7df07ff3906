"""Stream, SQL and replay over the aggregator's generated cases: whatever can coincide does, to the microsecond.

`make proof-kpis` compares them in the running system; here there is no Kafka, so that many small cases are quick.
"""

import itertools
import random
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backends import Backend
from pcare_audit.replay import Replay
from pcare_kpi_aggregator.years import moment_of
from pcare_recorder import migrate, store
from pcare_recorder.rebuild_rows import event_row
from pcare_schemas.kpis.year_labels import label
from pcare_schemas.log import read_line

sys.path.insert(0, str(Path(__file__).parents[1] / "services" / "kpi-aggregator" / "tests"))

from kpi_folding import CATALOGUES, FOLDS, finished, values_of
from kpi_records import Said, Taken, record
from kpi_strategies import instants, subjects, tight_instants, tight_subjects

pytestmark = pytest.mark.integration

WORLDS, INSTANTS = 600, 6
NEEDED = {  # by the recorder's columns, and by no KPI
    "sp-referral": {"referrer": "gp"},
    "pam-scored": {"score": 50.0, "instrument": "PAM-13", "cut_points": "classic"},
    "care-plan-agreed": {"plan_kind": "frailty"},
    "care-plan-ended": {"reason": "goals_met"},
    "phb-ended": {"reason": "spent"},
    "link-worker-joined": {"employer": "RYX", "wte": 1.0},
}
People = dict[str, list[Said | Taken]]
Numbers = dict[tuple[str, str, str], tuple[float | None, int, int | None]]


def drawn(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    """Return examples of a strategy."""
    examples: list[Any] = []

    @settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def draw(one):
        examples.append(one)

    draw()
    return examples


def people() -> People:
    """Return the subjects of many small worlds, who share no event."""
    told: People = {}
    for number, world in enumerate(drawn(subjects | tight_subjects, WORLDS)):
        for subject, said in world.items():
            form, _, name = subject.partition(":")
            named = [one._replace(id=f"{number}-{name}-{one.id}") for one in said]
            told[f"{form}:{number}-{name}"] = [
                one._replace(data=NEEDED.get(one.kind, {}) | one.data) if isinstance(one, Said) else one
                for one in named
            ]
    return told


def as_numbers(rows: Any) -> Numbers:
    return {
        tuple(place): (None if value is None else float(value), numerator, denominator)
        for *place, value, numerator, denominator in rows
        if numerator or denominator
    }


async def test_stream_sql_and_replay_agree_on_what_may_coincide(backend: Backend):
    told = people()
    lines, offsets = [], itertools.count()
    for subject, said in told.items():
        once = {(type(one), one.source, one.id): one for one in said}
        for one in once.values():
            document = orjson.loads(record(subject, one))
            document["origin"] = f"interventions.submitted/0/{next(offsets)}"
            lines.append(orjson.dumps(document))
    replay = Replay(map(read_line, lines))
    ats = random.Random(7).sample(sorted({*drawn(instants, 60), *drawn(tight_instants, 60)}), INSTANTS)

    name = f"pcare_{uuid4().hex}"
    server = await asyncpg.connect(backend.dsn)
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(f"{backend.dsn.rsplit('/', 1)[0]}/{name}")
    try:
        await migrate.apply(connection)
        await store.add_events(connection, [event_row(line) for line in lines])
        for at, (which, catalogue) in itertools.product(ats, CATALOGUES.items()):
            stream = as_numbers(
                (kpi, area, label(year), *number)
                for (kpi, area, year), number in values_of(finished(FOLDS[which], told, at)).items()
            )
            document = orjson.dumps(catalogue.document()).decode()
            query = "SELECT kpi, borough, year, value, numerator, denominator FROM pcare.kpi_values($1, $2::jsonb)"
            assert as_numbers(await connection.fetch(query, moment_of(at), document)) == stream
            replayed = replay.kpis(catalogue, moment_of(at)).items()
            assert as_numbers((*place, *number) for place, number in replayed) == stream
    finally:
        await connection.close()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()
