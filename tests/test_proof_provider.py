"""`make proof-provider` in short: a provider joins, is refused what it must not, and asks what became of its events."""

import io
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from proof_provider.checks import Checks, faults
from proof_provider.run import prove, table_of
from proof_provider.stage import running_stage
from proof_provider.steps import STEPS

SHORT = {"joining", "receipts", "refusals", "at the end"}


@pytest.mark.integration
async def test_the_short_afternoon_holds(tmp_path: Path):
    async with running_stage(tmp_path) as stage:
        done = await prove(stage, Console(file=io.StringIO()), [step for step in STEPS if step.name in SHORT])
    assert faults(done) == []
    assert table_of(done).row_count == len(SHORT)


def test_what_does_not_hold_is_a_fault_and_so_is_a_step_that_shows_nothing():
    checks = Checks("a step", "its words")
    assert faults([checks]) == ["a step: it was played: "]
    problem = {"content-type": "application/problem+json"}
    refused = httpx.Response(422, json={"reason": "invalid_data"}, headers=problem)
    assert checks.answer("refused", refused, 422, "invalid_data")
    assert faults([checks]) == []
    assert not checks.answer("another reason", refused, 422, "unknown_code")
    assert not checks.answer("another status", refused, 202)
    assert not checks.answer("no problem", httpx.Response(422, json={"reason": "invalid_data"}), 422, "invalid_data")
    assert not checks.equal("two", 1, 2)
    assert len(faults([checks])) == 4
