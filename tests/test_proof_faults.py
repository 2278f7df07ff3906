"""`make proof-faults` in short: with a fixed seed, what takes seconds of each kind of fault."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from faults.strikes import deck, every_strike

SEED = 815
SHORT = sum(strike.short for strike in every_strike())
SECONDS = 1_800
PROOF = Path(__file__).parent / "faults" / "run.py"


def test_the_long_form_meets_everything():
    met = {str(strike) for strike in deck(Random(SEED), 200)}
    assert met == {str(strike) for strike in every_strike()}


@pytest.mark.integration
@pytest.mark.timeout(SECONDS + 60)
def test_everything_adds_up_whatever_is_killed():
    """In a process of its own: what clients leave open when their servers are killed must not reach other tests."""
    command = [sys.executable, str(PROOF), "--short", "--rounds", str(SHORT), "--seed", str(SEED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert f"exact: {SHORT} of {SHORT} rounds" in done.stdout
