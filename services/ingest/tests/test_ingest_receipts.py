"""What became of an event, and who is told."""

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_support import NHS_NUMBER, Service
from starlette.requests import HTTPConnection

from pcare_ingest import problems, receipts
from pcare_ingest.callers import Caller
from pcare_ingest.postgres_receipts import PostgresReceipts
from pcare_ingest.receipt_store import Place, ReceiptsAwayError, Recorded, Rejected, Remembered
from pcare_ingest.refusal import RefusedError
from pcare_schemas.origin import Origin
from pcare_schemas.topics import SUBMITTED

SOURCE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
OTHER = "urn:ncl:provider:age-well-camden"
THEN = dt.datetime(2026, 4, 1, 9, 30, tzinfo=dt.UTC)
AT = Origin(SUBMITTED, 3, 17)
ELSEWHERE = Origin(SUBMITTED, 3, 5)
RECORDED_HERE = Recorded("sp-referral", THEN, AT, retracted=False)
REJECTED_HERE = Rejected(SOURCE, "one", "id_reused", [], THEN, AT)


def receipt_of(at: Origin | None, **known: Any) -> dict[str, Any] | None:
    remembered = Remembered(**{"next_offset": 18, "recorded": None, "rejected": None, **known})
    return receipts.receipt(SOURCE, "one", at, remembered)


@pytest.mark.parametrize(
    ("at", "known", "status"),
    [
        (AT, {"next_offset": None}, "accepted"),
        (AT, {"next_offset": 17}, "accepted"),
        (AT, {"next_offset": 17, "recorded": Recorded("sp-referral", THEN, ELSEWHERE, False)}, "accepted"),
        (AT, {"recorded": RECORDED_HERE}, "recorded"),
        (AT, {"recorded": Recorded("sp-referral", THEN, AT, retracted=True)}, "retracted"),
        (AT, {"recorded": Recorded("sp-referral", THEN, ELSEWHERE, retracted=False)}, "duplicate"),
        (AT, {"recorded": Recorded("sp-referral", THEN, ELSEWHERE, retracted=True)}, "duplicate"),
        (AT, {"rejected": REJECTED_HERE}, "rejected"),
        (AT, {"rejected": REJECTED_HERE, "recorded": Recorded("sp-referral", THEN, ELSEWHERE, False)}, "rejected"),
        (AT, {}, None),
        (AT, {"rejected": Rejected(SOURCE, "another", "id_reused", [], THEN, AT)}, None),
        (AT, {"rejected": Rejected(OTHER, "one", "id_reused", [], THEN, AT)}, None),
        (AT, {"anothers": True}, None),
        (AT, {"anothers": True, "recorded": Recorded("sp-referral", THEN, ELSEWHERE, False)}, None),
        (None, {"recorded": RECORDED_HERE}, "recorded"),
        (None, {"recorded": Recorded("sp-referral", THEN, AT, retracted=True)}, "retracted"),
        (None, {"rejected": REJECTED_HERE}, "rejected"),
        (None, {"rejected": REJECTED_HERE, "recorded": RECORDED_HERE}, "recorded"),
        (None, {}, None),
    ],
)
def test_the_state_follows_from_cursor_rows_and_rejections(
    at: Origin | None, known: dict[str, Any], status: str | None
) -> None:
    receipt = receipt_of(at, **known)

    assert (None if receipt is None else receipt["status"]) == status
    if receipt is not None:
        assert receipt["links"]["self"] == f"/events/{quote(SOURCE, safe='')}/one" + ("" if at is None else f"?at={at}")
        assert receipt["detail"]


def test_a_receipt_says_when_and_what() -> None:
    assert receipt_of(AT, recorded=RECORDED_HERE) == {
        "source": SOURCE,
        "id": "one",
        "status": "recorded",
        "detail": "It is in the record and counts.",
        "at": "interventions.submitted/3/17",
        "kind": "sp-referral",
        "recorded_at": "2026-04-01T09:30:00.000Z",
        "links": {
            "self": f"/events/{quote(SOURCE, safe='')}/one?at=interventions.submitted/3/17",
            "event": f"/events/{quote(SOURCE, safe='')}/one",
            "documentation": "/docs",
        },
    }


def test_a_duplicate_names_what_it_repeats() -> None:
    duplicate = receipt_of(AT, recorded=Recorded("sp-referral", THEN, ELSEWHERE, retracted=True))

    assert duplicate is not None
    first = f"/events/{quote(SOURCE, safe='')}/one?at={ELSEWHERE}"
    assert duplicate["duplicate_of"] == {"status": "retracted", "receipt": first}


def test_a_rejection_of_a_newer_recorder_is_told_all_the_same() -> None:
    problem = receipts.problem_of(Rejected(SOURCE, "one", "brand_new", [{"pointer": "/id"}], THEN, AT))

    assert (problem["reason"], problem["status"], problem["errors"]) == ("brand_new", 422, [{"pointer": "/id"}])


class ClosedPool:
    """A pool that lends a connection which was closed a moment ago."""

    def __init__(self, said: str) -> None:
        self._said = said

    @asynccontextmanager
    async def acquire(self, **bounds: Any) -> AsyncIterator[Any]:
        raise RuntimeError(self._said)
        yield bounds


async def test_a_connection_that_uvloop_has_closed_is_a_record_that_is_away() -> None:
    store = PostgresReceipts("postgresql://nobody")
    store._pool = ClosedPool("unable to perform operation on <TCPTransport closed=True>; the handler is closed")
    with pytest.raises(ReceiptsAwayError):
        await store.remembered(SOURCE, "one", None)

    store._pool = ClosedPool("a fault of ours")
    with pytest.raises(RuntimeError, match="a fault of ours"):
        await store.remembered(SOURCE, "one", None)


@dataclass
class Kept:
    """Remembers what the test says."""

    known: Remembered = field(default_factory=lambda: Remembered(18, RECORDED_HERE, None))
    refused: list[Rejected] = field(default_factory=list)
    away: bool = False
    asked: list[Any] = field(default_factory=list)

    async def remembered(self, source: str, id: str, at: Origin | None) -> Remembered:  # noqa: A002
        self.asked.append((source, id, at))
        if self.away:
            raise ReceiptsAwayError("ConnectionRefusedError")
        return self.known

    async def rejections(self, source: str, after: Place, limit: int) -> list[Rejected]:
        self.asked.append((source, after, limit))
        if self.away:
            raise ReceiptsAwayError("ConnectionRefusedError")
        return [one for one in self.refused if Place(one.received_at, one.origin) > after][:limit]


class OneOf:
    """Callers that may speak for one provider."""

    def __init__(self, *sources: str) -> None:
        self.caller = Caller("RKE", frozenset(sources))

    async def identify(self, _connection: HTTPConnection) -> Caller:
        return self.caller


class Nobody:
    """Callers of whom none proves who they are."""

    async def identify(self, _connection: HTTPConnection) -> Caller:
        raise RefusedError(problems.UNAUTHENTICATED, {"WWW-Authenticate": "Bearer"})


PATH = f"/events/{quote(SOURCE, safe='')}/one"


async def test_the_location_of_an_accepted_event_leads_to_its_receipt(
    make_service: Callable[..., Service], event: dict[str, Any]
) -> None:
    kept = Kept(Remembered(None, None, None))
    service = make_service(receipts=kept)

    accepted = await service.send(event)
    answer = await service.client.get(accepted.headers["location"])

    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert kept.asked == [(event["source"], event["id"], Origin(SUBMITTED, 0, 0))]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["links"]["self"] == accepted.headers["location"]


async def test_a_source_may_be_written_without_its_slashes_encoded(make_service: Callable[..., Service]) -> None:
    answer = await make_service(receipts=Kept()).client.get(f"/events/{SOURCE}/one")

    assert answer.json()["status"] == "recorded"


async def test_a_provider_is_told_of_its_own_events_only(make_service: Callable[..., Service]) -> None:
    kept = Kept()
    service = make_service(receipts=kept, callers=OneOf(SOURCE))

    own = await service.client.get(PATH)
    others = [
        await service.client.get(f"/events/{quote(OTHER, safe='')}/one"),
        await service.client.get(f"/events/{quote(OTHER, safe='')}/one?at={AT}"),
        await service.client.get("/rejections", params={"source": OTHER}),
    ]

    assert own.status_code == 200
    assert [(answer.status_code, answer.json()["reason"]) for answer in others] == [(403, "source_not_allowed")] * 3
    assert len(kept.asked) == 1


async def test_whoever_does_not_prove_who_they_are_is_told_nothing(make_service: Callable[..., Service]) -> None:
    kept = Kept()
    service = make_service(receipts=kept, callers=Nobody())

    answers = [
        await service.client.get(PATH),
        await service.client.get(f"{PATH}?at={AT}"),
        await service.client.get("/events/nonsense/one"),
        await service.client.get("/rejections", params={"source": SOURCE}),
        await service.send(b"{}", to="/events/check"),
    ]

    assert [answer.status_code for answer in answers] == [401] * 5
    assert all("www-authenticate" in answer.headers for answer in answers)
    assert kept.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/events/nonsense/one",
        f"/events/{quote(SOURCE, safe='')}/two%20words",
        f"/events/{quote(SOURCE, safe='')}/{NHS_NUMBER}",
        f"/events/nhs-number:{NHS_NUMBER}/one",
        f"/events/{quote(SOURCE, safe='')}/" + "x" * 65,
    ],
)
async def test_what_could_never_have_been_accepted_is_not_looked_up_nor_repeated(
    make_service: Callable[..., Service], path: str
) -> None:
    kept = Kept()

    answer = await make_service(receipts=kept).client.get(path)

    assert (answer.status_code, answer.json()["reason"]) == (404, "no_receipt")
    assert "Location" in answer.json()["detail"]
    assert NHS_NUMBER not in answer.text
    assert kept.asked == []


async def test_an_event_of_which_nothing_is_known_is_told_what_to_do(make_service: Callable[..., Service]) -> None:
    answer = await make_service(receipts=Kept(Remembered(18, None, None))).client.get(PATH)

    assert (answer.status_code, answer.json()["reason"]) == (404, "no_receipt")


@pytest.mark.parametrize(
    "at",
    ["", "x", "interventions.recorded/0/1", f"{SUBMITTED}/0/-1", f"{SUBMITTED}/2147483648/0", f"{SUBMITTED}/0/{2**63}"],
)
async def test_a_place_that_is_none_is_told_so(make_service: Callable[..., Service], at: str) -> None:
    answer = await make_service(receipts=Kept()).client.get(PATH, params={"at": at})

    assert (answer.status_code, answer.json()["reason"]) == (400, "invalid_query")


async def test_a_place_on_anothers_topic_tells_nothing_of_how_much_stands_there(
    make_service: Callable[..., Service],
) -> None:
    kept = Kept()
    service = make_service(receipts=kept)

    foreign = [
        await service.client.get(PATH, params={"at": f"{SUBMITTED}.{slug}/3/{offset}"})
        for slug in ("ral", "rk", "rke-1", "age-well-camden")
        for offset in (0, 17, 2**63 - 1)
    ]
    own = await service.client.get(PATH, params={"at": f"{SUBMITTED}.rke/3/17"})
    shared = await service.client.get(PATH, params={"at": f"{SUBMITTED}/3/17"})

    assert {(answer.status_code, answer.json()["reason"]) for answer in foreign} == {(404, "no_receipt")}
    assert [answer.status_code for answer in (own, shared)] == [200, 200]
    assert len(kept.asked) == 2


async def test_with_the_record_away_it_is_told_to_come_back(make_service: Callable[..., Service]) -> None:
    service = make_service(receipts=Kept(away=True))

    answers = [await service.client.get(PATH), await service.client.get("/rejections", params={"source": SOURCE})]

    assert [(answer.status_code, answer.json()["reason"]) for answer in answers] == [(503, "receipts_unavailable")] * 2
    assert all(1 <= int(answer.headers["retry-after"]) <= 5 for answer in answers)
    assert 'pcare_ingest_receipts_total{status="503"} 2.0' in await service.metrics()
    assert (await service.client.get("/health/ready")).status_code == 200


async def test_without_a_record_to_look_into_it_is_told_so(service: Service) -> None:
    answers = [await service.client.get(PATH), await service.client.get("/rejections", params={"source": SOURCE})]

    assert [(answer.status_code, answer.json()["reason"]) for answer in answers] == [
        (501, "receipts_not_configured")
    ] * 2


REFUSED = [
    Rejected(
        SOURCE,
        f"event-{number}",
        "id_reused",
        [],
        THEN + dt.timedelta(milliseconds=number // 2),
        Origin(SUBMITTED, number % 2, number),
    )
    for number in range(7)
]


async def test_rejections_come_page_by_page_and_none_is_left_out(make_service: Callable[..., Service]) -> None:
    service = make_service(receipts=Kept(refused=REFUSED))
    seen: list[str] = []
    address: str | None = f"/rejections?source={quote(SOURCE, safe='')}&limit=3"
    pages = 0
    while address is not None:
        answer = await service.client.get(address)
        page = answer.json()
        seen += [one["id"] for one in page["rejections"]]
        address = page["links"].get("next")
        assert answer.headers.get("link") == (None if address is None else f'<{address}>; rel="next"')
        pages += 1

    assert seen == [one.id for one in REFUSED]
    assert pages == 3


async def test_a_rejection_is_told_with_its_problem(make_service: Callable[..., Service]) -> None:
    answer = await make_service(receipts=Kept(refused=[REJECTED_HERE])).client.get(
        "/rejections", params={"source": SOURCE, "since": "2026-04-01T00:00:00+01:00"}
    )

    (told,) = answer.json()["rejections"]
    assert told["problem"]["title"] == "Another event of this source has this id"
    assert (told["at"], told["received_at"]) == (str(AT), "2026-04-01T09:30:00.000Z")


async def test_a_caller_with_one_source_need_not_name_it(make_service: Callable[..., Service]) -> None:
    kept = Kept()

    one = await make_service(receipts=kept, callers=OneOf(SOURCE)).client.get("/rejections")
    two = await make_service(receipts=kept, callers=OneOf(SOURCE, OTHER)).client.get("/rejections")
    anyone = await make_service(receipts=kept).client.get("/rejections")

    assert [one.status_code, two.status_code, anyone.status_code] == [200, 400, 400]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "501"},
        {"limit": "many"},
        {"limit": "9" * 5000},
        {"since": "yesterday"},
        {"since": "2026-04-01T00:00:00"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"since": f"2026-04-01T00:00:00Z~{AT}"},
        {"after": "2026-04-01T00:00:00Z"},
        {"after": "2026-04-01T00:00:00Z~nowhere"},
        {"after": f"~{AT}"},
        {"after": f"2026-04-01T00:00:00Z~{AT}", "since": "2026-04-01T00:00:00Z"},
        {"source": "nonsense"},
    ],
)
async def test_a_query_that_cannot_be_read_is_told_what_is_wanted(
    make_service: Callable[..., Service], query: dict[str, str]
) -> None:
    kept = Kept()

    answer = await make_service(receipts=kept).client.get("/rejections", params={"source": SOURCE, **query})

    assert (answer.status_code, answer.json()["reason"]) == (400, "invalid_query")
    assert kept.asked == []


@pytest.fixture
def asking(make_service: Callable[..., Service]) -> Service:
    return make_service(receipts=Kept())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=st.text(max_size=60),
    id_=st.text(max_size=30),
    query=st.dictionaries(st.sampled_from(["at", "after", "since", "limit"]), st.text(max_size=40)),
)
async def test_whatever_is_asked_gets_an_answer(asking: Service, source: str, id_: str, query: dict[str, str]) -> None:
    path = f"/events/{quote(source, safe='', errors='replace')}/{quote(id_, safe='', errors='replace')}"

    answers = [
        await asking.client.get(path, params=query),
        await asking.client.get("/rejections", params={**query, "source": source}),
    ]

    assert all(answer.status_code in {200, 400, 404} for answer in answers)
