"""A client that repeats itself is heard once in a while; everybody else always."""

import logging

from pcare_recorder.client_log import OncePerPeriod


def record(name: str, message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, message, values, None)


def test_the_same_message_of_the_client_passes_once_in_a_period() -> None:
    now = 0.0
    once = OncePerPeriod(lambda: now)
    assert once.filter(record("aiokafka.client", "no node %s", 1))
    assert not once.filter(record("aiokafka.client", "no node %s", 2))
    assert once.filter(record("aiokafka.consumer.fetcher", "another message"))
    now = 29.9
    assert not once.filter(record("aiokafka.client", "no node %s", 1))
    now = 30.0
    assert once.filter(record("aiokafka.client", "no node %s", 1))


def test_other_loggers_are_always_heard() -> None:
    once = OncePerPeriod(lambda: 0.0)
    assert all(once.filter(record("pcare_recorder.recorder", "again")) for _ in range(3))
