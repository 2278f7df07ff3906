"""Stream, SQL and replay over the aggregator's generated cases: whatever can coincide does, to the microsecond.

`make proof-kpis` compares them in the running system; here there is no Kafka, so that many small cases are quick.
"""

import itertools
import random
import sys
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backends import Backend
from pcare_audit.replay import Replay
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.partition import PartitionState
from pcare_kpi_aggregator.years import moment_of
from pcare_recorder import merges, migrate, store
from pcare_recorder.merges import Merge
from pcare_recorder.partitioner import partition_of
from pcare_recorder.rebuild_rows import event_row
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.year_labels import label
from pcare_schemas.log import read_line
from pcare_schemas.recorded import subjects_merged_text
from pcare_schemas.topics import RECORDED

sys.path.insert(0, str(Path(__file__).parents[1] / "services" / "kpi-aggregator" / "tests"))

from kpi_folding import CATALOGUES, FOLDS, finished, values_of, values_of_states
from kpi_oracle import Values
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


def log_of(told: People) -> list[bytes]:
    """Return the log in which so much is said, each event once."""
    lines, offsets = [], itertools.count()
    for subject, said in told.items():
        once = {(type(one), one.source, one.id): one for one in said}
        for one in once.values():
            document = orjson.loads(record(subject, one))
            document["origin"] = f"interventions.submitted/0/{next(offsets)}"
            lines.append(orjson.dumps(document))
    return lines


async def by_sql(connection: asyncpg.Connection, catalogue: Catalogue, at: int) -> Numbers:
    document = orjson.dumps(catalogue.document()).decode()
    query = "SELECT kpi, borough, year, value, numerator, denominator FROM pcare.kpi_values($1, $2::jsonb)"
    return as_numbers(await connection.fetch(query, moment_of(at), document))


def by_replay(replay: Replay, catalogue: Catalogue, at: int) -> Numbers:
    return as_numbers((*place, *number) for place, number in replay.kpis(catalogue, moment_of(at)).items())


def by_stream(values: Values) -> Numbers:
    return as_numbers((kpi, area, label(year), *number) for (kpi, area, year), number in values.items())


@pytest.fixture
async def connection(backend: Backend) -> AsyncIterator[asyncpg.Connection]:
    """Make a database at the present schema, and drop it afterwards."""
    name = f"pcare_{uuid4().hex}"
    server = await asyncpg.connect(backend.dsn)
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(f"{backend.dsn.rsplit('/', 1)[0]}/{name}")
    try:
        await migrate.apply(connection)
        yield connection
    finally:
        await connection.close()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def test_stream_sql_and_replay_agree_on_what_may_coincide(connection: asyncpg.Connection):
    told = people()
    lines = log_of(told)
    replay = Replay(map(read_line, lines))
    ats = random.Random(7).sample(sorted({*drawn(instants, 60), *drawn(tight_instants, 60)}), INSTANTS)
    await store.add_events(connection, [event_row(line) for line in lines])
    for at, (which, catalogue) in itertools.product(ats, CATALOGUES.items()):
        stream = by_stream(values_of(finished(FOLDS[which], told, at)))
        assert await by_sql(connection, catalogue, at) == stream
        assert by_replay(replay, catalogue, at) == stream


async def test_they_agree_on_people_who_turned_out_to_be_one(connection: asyncpg.Connection):
    """Every third person was a second one before, every ninth a third; the log is read in disorder, with repeats."""
    chance = random.Random(8)
    told = {_by_uuid(subject): said for subject, said in people().items()}
    log = log_of(told)
    await store.add_events(connection, [event_row(line) for line in log])
    persons = [UUID(subject[7:]) for subject in told if subject.startswith("person:")]
    chance.shuffle(persons)
    for number, (first, second, third) in enumerate(zip(persons[::3], persons[1::3], persons[2::3], strict=False)):
        chain = [(first, second), (second, third)] if number % 3 == 0 else [(first, second)]
        for gone, kept in chain:
            log += await merged(connection, gone, kept)
            told[f"person:{kept}"] = [*told[f"person:{kept}"], *told.pop(f"person:{gone}")]
    log += chance.choices(log, k=len(log) // 3)
    chance.shuffle(log)
    replay = Replay(map(read_line, log))
    ats = chance.sample(sorted({*drawn(instants, 60), *drawn(tight_instants, 60)}), 3)
    for at, (which, catalogue) in itertools.product(ats, CATALOGUES.items()):
        truth = by_stream(values_of(finished(FOLDS[which], told, at)))
        assert by_stream(streamed(FOLDS[which], log, at)) == truth
        assert await by_sql(connection, catalogue, at) == truth
        assert by_replay(replay, catalogue, at) == truth


async def merged(connection: asyncpg.Connection, gone: UUID, kept: UUID) -> list[bytes]:
    """Make one person of two subjects as the command does; return what the recorder then publishes."""
    async with connection.transaction():
        await merges.alone(connection)
        moved = (await merges.move(connection, {gone: kept}))[gone]
        at = datetime(2025, 11, 1, tzinfo=UTC)
        text = subjects_merged_text(f"person:{gone}", f"person:{kept}", merged_at=at, act=1, rules_version="1-abc")
        await merges.add(connection, Merge(gone, kept, text.decode(), moved), at)
    (merge,) = [one for one in await merges.pending(connection) if one.gone == gone]
    published = [merges.merge_message(merge, RECORDED)]
    async for messages in merges.event_messages(connection, merge):
        published += messages
    await merges.published(connection, merge)
    assert len(published) == 1 + len(moved)
    return [message.value for message in published]


def streamed(fold: Fold, log: Iterable[bytes], at: int) -> Values:
    """Give each record of the log to the partition of its key, as Kafka would, and return what they come to."""
    states = [PartitionState(fold, fold.decoder()) for _ in range(12)]
    for offset, value in enumerate(log):
        states[partition_of(read_line(value).subject.encode(), 12)].apply(offset, value, 1)
    for state in states:
        state.settle(at, thorough=True)
    return values_of_states(fold, states, at)


def _by_uuid(subject: str) -> str:
    return f"person:{uuid5(NAMESPACE_OID, subject)}" if subject.startswith("person:") else subject
