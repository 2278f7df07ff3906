"""The clients against ingest itself: the application with everything real but Kafka."""

import asyncio
import logging

import httpx
import pytest
from ingest_support import build
from sdk_support import NHS_NUMBER, an_event

from pcare_client import AsyncClient, Client, RefusedError, Retry, UnavailableError, Verdict
from pcare_ingest.publishing import Failure


@pytest.fixture
def service():
    return build()


def async_client(service, **options) -> AsyncClient:
    return AsyncClient("http://ingest", source="RKE", http=service.client, **options)


async def test_one_event_is_accepted(service):
    async with async_client(service) as client:
        verdict = await client.send(an_event())
    assert verdict.accepted
    assert len(service.publisher.records) == 1


async def test_many_are_sent_in_batches_and_each_has_its_verdict_in_order(service):
    events = [an_event(f"e-{number}") for number in range(25)]
    wrong = Client("http://x", source="RKE").events.sp_declined(
        nhs_number=NHS_NUMBER, time="2024-06-21T11:00:00Z", borough="E08000001", id="wrong"
    )
    async with async_client(service) as client:
        verdicts = [verdict async for verdict in client.send_many([*events, wrong], batch=10)]
    assert [verdict.event.id for verdict in verdicts] == [event.id for event in [*events, wrong]]
    assert [verdict.accepted for verdict in verdicts] == [True] * 25 + [False]
    problem = verdicts[-1].problem
    assert (problem.reason, problem.errors[0].pointer) == ("unknown_code", "/data/borough")
    assert len(service.publisher.records) == 25


async def test_a_broker_that_is_away_is_waited_for_and_the_ids_stay(service):
    waits = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        service.publisher.outcome = None

    service.publisher.outcome = Failure.UNKNOWN
    async with async_client(service, sleep=sleep) as client:
        verdict = await client.send(an_event())
    assert verdict.accepted
    assert len(waits) == 1
    assert waits[0] >= 1, "ingest asks to wait a second or more"
    assert len({record.value for record in service.publisher.records}) == 1


async def test_a_broker_that_stays_away_is_told_with_the_events(service):
    async def sleep(_seconds: float) -> None:
        return

    service.publisher.outcome = Failure.UNKNOWN
    events = [an_event() for _ in range(3)]
    async with async_client(service, sleep=sleep, retry=Retry(attempts=3)) as client:
        with pytest.raises(UnavailableError) as caught:
            [verdict async for verdict in client.send_many(events)]
    assert list(caught.value.events) == events


async def test_no_more_batches_are_in_flight_than_asked(service):
    service.publisher.hold = True
    async with async_client(service) as client:
        many = client.send_many((an_event() for _ in range(100)), batch=10, in_flight=3)
        first = asyncio.ensure_future(anext(many))
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(service.publisher.records) == 30
        service.publisher.hold = False
        service.publisher.acknowledge()
        assert (await first).accepted
        await many.aclose()


def test_the_synchronous_client_does_the_same():
    answers = iter([httpx.Response(503, headers={"Retry-After": "2"}), httpx.ConnectError("away"), None])
    seen, waits = [], []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return given or httpx.Response(202, json=[{"index": 0, "status": "accepted"}])

    http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://ingest")
    with Client("", source="RKE", http=http, sleep=waits.append) as client:
        assert client.send(client.events.sp_declined(nhs_number=NHS_NUMBER, time="t", borough="b")).accepted
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert len(waits) == 2
    assert 2 <= waits[0] < 3


async def test_an_address_that_is_none_of_ours_is_refused_not_repeated(service):
    async with async_client(service) as client:
        with pytest.raises(RefusedError) as caught:
            await client.pseudonyms(["not answered by this service yet, or refused by it"])
    assert caught.value.problem.status in {400, 401, 404, 422}


async def test_neither_logs_nor_errors_hold_a_number(service, caplog):
    caplog.set_level(logging.DEBUG)
    service.publisher.outcome = Failure.UNKNOWN
    async with async_client(service, retry=Retry(attempts=1)) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.send(an_event())
    assert NHS_NUMBER not in caplog.text + str(caught.value) + repr(caught.value)


def answers(request: httpx.Request) -> httpx.Response:
    """Answer as ingest does, in the form that its own pages state."""
    if request.url.raw_path.startswith(b"/events/https%3A"):
        found = {"status": "recorded", "source": "s", "id": request.url.path.rpartition("/")[2], "detail": "It counts."}
        return httpx.Response(200, json=found)
    if request.url.path == "/pseudonyms":
        return httpx.Response(200, json={"pseudonyms": ["person:k1:0"]})
    assert request.url.path == "/events/check"
    return httpx.Response(200, json=[{"index": 0, "status": "valid"}])


def test_the_synchronous_client_asks_what_the_flows_ask():
    http = httpx.Client(transport=httpx.MockTransport(answers), base_url="http://ingest")
    client = Client("", source="RKE", http=http)
    event = an_event("e-1")
    assert [one.accepted for one in client.check([event])] == [True]
    assert [client.receipt(of).id for of in (event, "e-2", Verdict(event))] == ["e-1", "e-2", "e-1"]
    assert client.pseudonyms([NHS_NUMBER])[0].subject == "person:k1:0"
    assert NHS_NUMBER not in repr(client)
    client.close()
    assert not http.is_closed, "it is not ours to close"


async def test_the_asynchronous_client_asks_the_same():
    http = httpx.AsyncClient(transport=httpx.MockTransport(answers), base_url="http://ingest")
    async with AsyncClient("", source="RKE", http=http) as client:
        event = an_event("e-1")
        assert [one.accepted async for one in client.check([event])] == [True]
        assert [(await client.receipt(of)).id for of in (event, "e-2", Verdict(event))] == ["e-1", "e-2", "e-1"]
        assert (await client.pseudonyms([NHS_NUMBER]))[0].subject == "person:k1:0"
    assert not http.is_closed
    await http.aclose()
    own = AsyncClient("http://ingest", source="RKE")
    await own.aclose()


async def test_nobody_there_is_unavailable_and_an_address_that_is_none_is_a_mistake():
    from pcare_local.ports import free_ports

    async with AsyncClient(f"http://127.0.0.1:{free_ports(1)[0]}", source="RKE", retry=Retry(attempts=1)) as client:
        with pytest.raises(UnavailableError, match="ConnectError"):
            await client.send(an_event())
    for make in (Client, AsyncClient):
        with pytest.raises(ValueError, match="https://"):
            make("ingest.example", source="RKE")
