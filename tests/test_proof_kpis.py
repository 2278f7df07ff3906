"""`make proof-kpis` in short: all scenarios worked out by hand at once, a random history, and a crash."""

import asyncio
import datetime as dt

import pytest

from pcare_schemas.kpis.catalogue import load
from proof.by_hand import Hand
from proof.histories import difficult_times, random_history
from proof.playing import Outcome
from proof.run import stage_of, table_of
from proof.scenarios import by_hand
from proof.under_way import play_another_catalogue
from system import System

pytestmark = pytest.mark.integration


async def test_stream_sql_replay_and_hand_agree_on_every_scenario(system: System):
    now = dt.datetime.now(dt.UTC)
    scenarios, expected = by_hand(now), Hand(0)
    for scenario in scenarios:
        expected.add(scenario.hand)
    async with stage_of(system) as stage:
        together = Outcome("all", "Every scenario that is worked out by hand.")
        for scenario in scenarios:
            for batch in scenario.batches:
                await stage.send(batch)
        await stage.settled()
        rows = await stage.compare(together, expected)
        assert together.agrees, together.faults
        assert {row.kpi for row in rows} == set(load().ids)
        await stage.compare_at(together, [dt.datetime.fromisoformat(at) for one in scenarios for at in one.moments])
        assert together.agrees, together.faults

        history = Outcome("history", "A random history, and an aggregator that is killed meanwhile.")
        aggregator = system.one("kpi-aggregator")
        sending = asyncio.create_task(stage.send(random_history(5, 2_000, now)))
        await asyncio.sleep(0.5)
        aggregator.kill()
        aggregator.start()
        await aggregator.ready()
        await sending
        await stage.settled()
        await stage.compare(history)
        await stage.compare_at(history, difficult_times(now)[-12:-8])
        assert history.agrees, history.faults
        assert table_of([together, history]).row_count == 2

        another = await play_another_catalogue(stage)
        assert another.agrees, another.faults

        await system.fetch("DELETE FROM pcare.interventions WHERE kind = 'sdm-conversation'")
        lacking = Outcome("lacking", "Rows are gone.")
        await stage.compare(lacking)
        assert not lacking.agrees
