"""`make proof-faults` in short: with a fixed seed, what takes seconds of each kind of fault, on three brokers."""

import gc
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from faults.run import prove, table_of
from faults.strikes import deck, every_strike

SEED = 815
SHORT = sum(strike.short for strike in every_strike())


def test_the_long_form_meets_everything():
    met = {str(strike) for strike in deck(Random(SEED), 200)}
    assert met == {str(strike) for strike in every_strike()}


@pytest.fixture
def broken_connections_are_let_go() -> Iterator[None]:
    """Collect here what clients leave open when their server is killed: a later test would be blamed for it."""
    yield
    gc.collect()


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.usefixtures("broken_connections_are_let_go")
async def test_everything_adds_up_whatever_is_killed(tmp_path: Path):
    strikes = deck(Random(SEED), SHORT, short=True)
    outcomes = await prove(tmp_path, strikes, seed=SEED, console=Console(width=150, highlight=False))
    assert {outcome.strike for outcome in outcomes} == set(strikes)
    assert [(str(outcome.strike), outcome.faults) for outcome in outcomes if outcome.faults] == []
    assert table_of(outcomes).row_count == SHORT
