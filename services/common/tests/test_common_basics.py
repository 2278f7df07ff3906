"""Clock, backoff, shutdown, stacks and health."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from pcare_common import backoff, shutdown, stacks
from pcare_common.clock import FixedClock, SystemClock
from pcare_common.health import Health, always_well


def test_the_system_clock_is_aware_utc_and_never_goes_back():
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_a_fixed_clock_moves_only_when_told():
    clock = FixedClock(datetime(2024, 4, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now() == clock.now() == datetime(2024, 4, 1, tzinfo=UTC)
    clock.advance(timedelta(minutes=2))
    assert clock.now() == datetime(2024, 4, 1, 0, 2, tzinfo=UTC)
    assert clock.monotonic() == 120


@given(st.floats(0.01, 1), st.floats(1, 60))
def test_waits_grow_to_a_bound_and_are_never_zero(first, longest):
    waits = list(islice(backoff.delays(first, longest), 20))
    assert all(0 < wait <= longest for wait in waits)
    assert waits[0] <= first
    assert waits[-1] >= longest / 2


async def test_a_signal_sets_the_stop_event():
    stop = shutdown.stop_on_signals()
    assert not stop.is_set()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(stop.wait(), 5)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(signum)


def test_stacks_name_each_thread_and_show_no_values():
    secret = "a value that must not be shown"
    dumped = stacks.dump()
    assert any(name.startswith("MainThread") for name in dumped)
    text = str(dumped)
    assert "test_stacks_name_each_thread" in text
    assert secret not in text


def test_health_is_ok_only_without_reasons():
    assert always_well().ok
    assert not Health(("PostgreSQL does not answer",)).ok
