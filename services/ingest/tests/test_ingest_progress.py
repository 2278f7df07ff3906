"""Progress by the clock that is handed in."""

import asyncio
from datetime import timedelta

from ingest_support import build, turns

from pcare_ingest.progress import FORGOTTEN_AFTER_SECONDS, Progress, Published
from pcare_ingest.publishing import Failure
from pcare_schemas.examples import VALID


def progress() -> Progress:
    return Progress(0.0, not_ready_after=30.0, exit_after=60.0)


def published() -> Published:
    return asyncio.get_running_loop().create_future()


async def test_without_events_all_is_well() -> None:
    idle = progress()
    idle.turned(500.0)
    assert idle.age(500.0) == 0.0
    assert idle.ready(500.0).ok
    assert idle.stuck(500.0) is None


async def test_an_acknowledgement_is_owed_from_the_first_event_on_and_refusals_do_not_pay_it() -> None:
    waiting = progress()
    for now in range(100, 140, 10):
        event = published()
        waiting.offered(event, now)
        waiting.answered(event, acknowledged=False)
    assert waiting.age(138.0) == 38.0
    assert waiting.ready(129.0).ok
    assert waiting.ready(138.0).reasons == ("Events came, and Kafka has not acknowledged them for 38 s.",)
    event = published()
    waiting.offered(event, 138.0)
    waiting.answered(event, acknowledged=True)
    assert waiting.age(139.0) == 0.0


async def test_one_that_waits_is_not_hidden_by_those_that_are_acknowledged() -> None:
    waiting = progress()
    first = published()
    waiting.offered(first, 10.0)
    for now in range(20, 50, 10):
        event = published()
        waiting.offered(event, now)
        waiting.answered(event, acknowledged=True)
    assert waiting.age(50.0) == 40.0
    assert not waiting.ready(50.0).ok


async def test_what_was_refused_is_forgotten_when_nobody_comes_any_more() -> None:
    refused = progress()
    event = published()
    refused.offered(event, 10.0)
    refused.answered(event, acknowledged=False)
    assert refused.age(10.0 + FORGOTTEN_AFTER_SECONDS) > 0
    assert refused.age(10.1 + FORGOTTEN_AFTER_SECONDS) == 0.0


async def test_stuck_where_an_answer_does_not_come_or_the_session_is_not_looked_after() -> None:
    wedged = progress()
    wedged.offered(published(), 10.0)
    wedged.turned(60.0)
    assert wedged.stuck(69.0) is None
    assert wedged.stuck(70.0) == "an event has waited 60 s for an answer that should have come long ago"
    assert progress().stuck(60.0) == "the session with Kafka has not been looked after for 60 s"


async def test_the_service_says_that_it_waits_and_counts_it() -> None:
    service = build()
    service.publisher.hold = True
    request = asyncio.create_task(service.send(VALID["sp-referral"]))
    await turns()
    service.clock.advance(timedelta(seconds=31))
    ready = await service.client.get("/health/ready")
    assert (ready.status_code, ready.json()["reasons"]) == (
        503,
        ["Events came, and Kafka has not acknowledged them for 31 s."],
    )
    assert "pcare_ingest_progress_age_seconds 31.0" in (await service.client.get("/metrics")).text
    service.publisher.acknowledge()
    assert (await request).status_code == 202
    assert (await service.client.get("/health/ready")).status_code == 200
    service.publisher.hold, service.publisher.outcome = False, Failure.UNKNOWN
    assert (await service.send(VALID["sp-referral"])).status_code == 503
    service.clock.advance(timedelta(seconds=30))
    assert (await service.client.get("/health/ready")).status_code == 503
