"""What ends the process, what keeps it from ending for ever, and what tells how it is."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from pcare_common.clock import FixedClock
from pcare_kpi_aggregator.crash_ledger import CrashLedger
from pcare_kpi_aggregator.watchdog import LoopWatchdog, ProgressWatchdog


class LeftError(Exception):
    pass


def leave(reason, **_details):
    raise LeftError(reason)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2025, 3, 31, 12, tzinfo=UTC))


def test_a_loop_that_turns_is_left_alone(clock):
    dog = LoopWatchdog(limit_seconds=5, clock=clock, leave=leave)
    for _ in range(10):
        clock.advance(timedelta(seconds=4.9))
        dog.beat()
    assert dog.silence == 0


def test_a_loop_that_stood_still_ends_the_process_when_it_wakes(clock):
    dog = LoopWatchdog(limit_seconds=5, clock=clock, leave=leave)
    clock.advance(timedelta(seconds=5.1))
    with pytest.raises(LeftError, match="stood still"):
        dog.beat()


def test_a_loop_that_never_wakes_is_seen_from_the_thread(clock):
    seen = threading.Event()

    dog = LoopWatchdog(limit_seconds=5, clock=clock, leave=lambda *_reason, **_details: seen.set())
    dog.start()
    clock.advance(timedelta(seconds=6))
    assert seen.wait(10)
    dog.stop()


def test_a_dog_that_was_stopped_bites_no_more(clock):
    dog = LoopWatchdog(limit_seconds=5, clock=clock, leave=leave)
    dog.stop()
    clock.advance(timedelta(seconds=60))
    dog.beat()


def test_lag_without_progress_ends_the_process(clock):
    dog = ProgressWatchdog(60, clock, leave)
    dog.look({"partition 3": 7})
    clock.advance(timedelta(seconds=59))
    dog.look({"partition 3": 7})
    assert dog.age == 59
    clock.advance(timedelta(seconds=2))
    with pytest.raises(LeftError, match="nothing is counted"):
        dog.look({"partition 3": 7})


def test_an_outage_does_not_end_the_process_when_it_is_over(clock):
    dog = ProgressWatchdog(60, clock, leave)
    dog.look({"partition 3": 7})
    for _ in range(30):
        clock.advance(timedelta(seconds=10))
        dog.blind()
    assert dog.age == 300
    dog.look({"partition 3": 7})
    assert dog.age == 0
    clock.advance(timedelta(seconds=61))
    with pytest.raises(LeftError, match="nothing is counted"):
        dog.look({"partition 3": 7})


def test_a_kafka_that_is_away_every_other_second_hides_no_standstill(clock):
    dog = ProgressWatchdog(60, clock, leave)
    for _ in range(6):
        dog.look({"partition 3": 7})
        clock.advance(timedelta(seconds=10))
        dog.blind()
    clock.advance(timedelta(seconds=1))
    with pytest.raises(LeftError):
        dog.look({"partition 3": 7})


def test_one_partition_that_stands_still_is_not_hidden_by_the_others(clock):
    dog = ProgressWatchdog(60, clock, leave)
    for progress in range(7):
        dog.look({"partition 3": 7, "partition 4": progress})
        clock.advance(timedelta(seconds=10))
    with pytest.raises(LeftError):
        dog.look({"partition 3": 7, "partition 4": 8})


def test_any_progress_and_any_moment_with_nothing_to_do_is_enough(clock):
    dog = ProgressWatchdog(60, clock, leave)
    for busy in ({"p": 1}, {"p": 2}, {}, {"p": 2}, {"p": 3}):
        dog.look(busy)
        clock.advance(timedelta(seconds=50))
    assert dog.age == 50


def test_three_exits_at_one_record_are_borne_and_then_no_more(tmp_path, clock):
    for _ in range(3):
        assert CrashLedger(tmp_path, clock).may_exit("log", 3, 77)
    assert not CrashLedger(tmp_path, clock).may_exit("log", 3, 77)
    assert CrashLedger(tmp_path, clock).may_exit("log", 3, 78)
    assert CrashLedger(tmp_path, clock).may_exit("log", 4, 77)
    assert CrashLedger(tmp_path, clock).may_exit("another", 3, 77)


def test_exits_are_forgotten_after_a_day(tmp_path, clock):
    ledger = CrashLedger(tmp_path / "made" / "here", clock)
    assert [ledger.may_exit("log", 3, 77) for _ in range(4)] == [True, True, True, False]
    clock.advance(timedelta(days=1, seconds=1))
    assert ledger.may_exit("log", 3, 77)


def test_a_ledger_that_a_kill_cut_short_is_read_on(tmp_path, clock):
    ledger = CrashLedger(tmp_path, clock)
    ledger.may_exit("log", 3, 77)
    path = tmp_path / "exits.jsonl"
    path.write_text(path.read_text() + '{"topic": "lo\n[]\n{"at": 5}\n')
    assert ledger.may_exit("log", 3, 77)
    assert len(path.read_text().splitlines()) == 2


def test_the_ledger_stays_small(tmp_path, clock):
    ledger = CrashLedger(tmp_path, clock)
    for offset in range(300):
        ledger.may_exit("log", 0, offset)
    assert len((tmp_path / "exits.jsonl").read_text().splitlines()) <= 201


def test_leaving_is_immediate_says_why_and_asks_for_a_restart():
    program = """
import atexit
from pcare_common import logs
from pcare_common.leave import leave_now
logs.configure("kpi-aggregator")
atexit.register(print, "a clean exit")
try:
    leave_now("it must end", show_stacks=True, offset=7)
finally:
    print("on the way out")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (75, "")
    line = json.loads(ended.stderr)
    assert (line["event"], line["offset"], line["level"]) == ("it must end", 7, "critical")
    assert any("leave_now" in frame for frames in line["stacks"].values() for frame in frames)


def test_threads_that_leave_at_once_say_one_reason():
    program = """
import os
import threading
import time
from pcare_common import logs
from pcare_common.leave import leave_now
logs.configure("kpi-aggregator")
def leave():
    leave_now("it must end", show_stacks=True)
def exit_with_the_other_thread_awake(status):
    threading.Thread(target=leave).start()
    time.sleep(0.5)
    exit_now(status)
exit_now, os._exit = os._exit, exit_with_the_other_thread_awake
leave()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (75, 1)


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("PCARE_KPI_SESSION_SECONDS", "3", "PCARE_KPI_SESSION_SECONDS"),
        ("PCARE_KPI_CATALOGUE", "/nowhere/kpis.yaml", "/nowhere/kpis.yaml: cannot be read"),
        ("PCARE_KPI_HTTP_PORT", "http", "PCARE_KPI_HTTP_PORT"),
    ],
)
def test_wrong_settings_end_the_start_with_a_word_about_them(tmp_path, variable, value, complaint):
    environment = {**os.environ, "PCARE_KPI_STATE_DIR": str(tmp_path), "PCARE_KPI_HTTP_PORT": "0", variable: value}
    ended = subprocess.run(
        [sys.executable, "-m", "pcare_kpi_aggregator"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 78
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr
