"""A client library that repeats itself is heard once in a while; everybody else always."""

import logging
from datetime import UTC, datetime, timedelta

from pcare_common.clock import FixedClock
from pcare_common.repeats import OnceInAWhile


def record(name: str, message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, values, None)


def test_the_same_message_of_a_library_passes_once_in_a_while():
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    once = OnceInAWhile(clock)
    assert once.filter(record("aiokafka.client", "no node %s", 1))
    assert not once.filter(record("aiokafka.client", "no node %s", 2))
    assert once.filter(record("aiokafka.client", "another message"))
    assert once.filter(record("faust.app", "no node %s", 1))
    clock.advance(timedelta(seconds=29))
    assert not once.filter(record("aiokafka.client", "no node %s", 1))
    clock.advance(timedelta(seconds=1))
    assert once.filter(record("aiokafka.client", "no node %s", 1))


def test_everybody_else_is_always_heard():
    once = OnceInAWhile(FixedClock(datetime(2026, 1, 1, tzinfo=UTC)))
    assert all(once.filter(record("pcare_recorder.recorder", "again")) for _ in range(3))
    assert all(once.filter(record("kafkaesque", "again")) for _ in range(3))


def test_what_it_remembers_is_bounded():
    once = OnceInAWhile(FixedClock(datetime(2026, 1, 1, tzinfo=UTC)))
    assert all(once.filter(record("kafka", f"message {number}")) for number in range(5_000))
    assert len(once._passed) <= 1_000
