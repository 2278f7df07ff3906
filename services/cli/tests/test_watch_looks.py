"""Looks that fail, and what is said of them."""

import datetime as dt

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from pcare_cli.watch.looks import Look, Watch, told
from pcare_common.clock import FixedClock
from pcare_common.errors import TransientError


class Work:
    """Does what it is told to: nothing, or raise."""

    error: Exception | None = None

    async def __call__(self) -> None:
        if self.error is not None:
            raise self.error


def watching(work: Work) -> tuple[Watch, Look, FixedClock, CollectorRegistry]:
    clock = FixedClock(dt.datetime(2026, 6, 8, tzinfo=dt.UTC))
    registry = CollectorRegistry()
    look = Look("flow", 15.0, work, at_most=10.0)
    return Watch([look], registry, clock), look, clock, registry


async def test_a_look_that_fails_is_told_and_its_age_grows_until_it_succeeds() -> None:
    work = Work()
    watch, look, clock, registry = watching(work)
    assert not watch.ready().ok  # it has not looked yet
    assert await watch.look_once(look)
    assert watch.ready().ok
    work.error = TransientError("Kafka is away")
    clock.advance(dt.timedelta(seconds=40))
    assert not await watch.look_once(look)
    assert watch.ready().reasons == ("flow: no look has succeeded for 40 s (Kafka is away)",)
    assert registry.get_sample_value("pcare_watch_look_age_seconds", {"look": "flow"}) == 40
    assert registry.get_sample_value("pcare_watch_look_failures_total", {"look": "flow"}) == 1
    work.error = None
    assert await watch.look_once(look)
    assert watch.ready().ok
    assert registry.get_sample_value("pcare_watch_look_age_seconds", {"look": "flow"}) == 0


async def test_a_look_that_does_not_end_is_not_well_for_ever() -> None:
    watch, look, clock, _ = watching(Work())
    assert await watch.look_once(look)
    clock.advance(dt.timedelta(seconds=104))
    assert watch.ready().ok
    clock.advance(dt.timedelta(seconds=2))
    assert not watch.ready().ok


async def test_a_connection_that_is_lost_while_it_is_asked_is_no_mistake_of_ours() -> None:
    work = Work()
    watch, look, _, _ = watching(work)
    work.error = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    assert not await watch.look_once(look)
    assert "PostgreSQL: InternalClientError" in str(look.trouble)


async def test_a_mistake_of_ours_is_not_swallowed() -> None:
    work = Work()
    watch, look, _, _ = watching(work)
    work.error = KeyError("no such thing")
    with pytest.raises(KeyError):
        await watch.look_once(look)


def test_an_operator_is_told_what_to_do() -> None:
    assert "pcare migrate" in told(asyncpg.UndefinedColumnError("column expected_by does not exist"))
    assert "pcare_auditor" in told(asyncpg.InsufficientPrivilegeError("permission denied for table cursors"))
    assert told(OSError("nothing")) == "OSError: nothing"
