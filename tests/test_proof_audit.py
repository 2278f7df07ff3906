"""`make proof-audit` in short: 300 events, and every tamper with what was sealed found and named."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from proof_audit.run import prove, table_of
from proof_audit.stage import set_up
from proof_audit.steps import STEPS
from proof_provider.checks import faults
from system import System

LONG = {"replayed and equal", "replay", "the sealer refuses", "erasure"}
"""What tests of the replay, of the sealer and of erasure show."""


@pytest.mark.integration
async def test_whatever_is_done_to_the_record_is_found(system: System, tmp_path: Path) -> None:
    stage = await set_up(system, tmp_path, 300)
    done = await prove(stage, Console(file=io.StringIO()), [step for step in STEPS if step.name not in LONG])
    assert faults(done) == []
    assert table_of(done).row_count == len(STEPS) - len(LONG)
