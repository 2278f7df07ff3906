"""POST /pseudonyms: what is given, to whom, and that nothing of it is kept but how many."""

import asyncio
import contextlib
import datetime as dt
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_support import KEY, NHS_NUMBER, MakeService, Service, turns
from starlette.requests import HTTPConnection

from pcare_ingest import ledger as ledgers
from pcare_ingest import problems, pseudonyms_endpoint
from pcare_ingest.callers import ANYONE, Caller
from pcare_ingest.ledger import LogLedger, NoLedger, NotAuditedError, PostgresLedger
from pcare_ingest.pseudonyms import NotAskedError, asked, refused
from pcare_ingest.rate_limit import Rate
from pcare_ingest.refusal import RefusedError
from pcare_schemas.check_digit import is_valid
from pcare_schemas.pseudonym import Keys, PseudonymKey, pseudonym

OTHERS = ["9990000026", "9990000034"]
NEXT = PseudonymKey("k2", b"another key for tests, of no worth too")
RKE = Caller("RKE", frozenset({"https://fhir.nhs.uk/Id/ods-organization-code/RKE"}), "cred-1", Rate(10, 10))


class Notes:
    """A ledger that keeps what it is told, or is away."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.written: list[tuple[Caller, int]] = []

    async def pseudonyms(self, caller: Caller, number: int) -> None:
        if self.away:
            raise NotAuditedError("away")
        self.written.append((caller, number))

    async def close(self) -> None:
        pass


class OneCaller:
    def __init__(self, caller: Caller = RKE) -> None:
        self._caller = caller

    async def identify(self, connection: HTTPConnection) -> Caller:
        if connection.headers.get("authorization") != "Bearer right":
            raise RefusedError(problems.UNAUTHENTICATED, {"WWW-Authenticate": "Bearer"})
        return self._caller


async def ask(service: Service, *numbers: Any, **headers: str) -> httpx.Response:
    headers = {"content-type": "application/json", **headers}
    return await service.client.post("/pseudonyms", content=json.dumps({"nhs_numbers": numbers}), headers=headers)


async def test_pseudonyms_come_in_the_order_of_the_numbers(service: Service) -> None:
    answer = await ask(service, OTHERS[0], NHS_NUMBER, "999 000 0018", OTHERS[0])

    assert answer.status_code == 200
    one, other = pseudonym(NHS_NUMBER, KEY), pseudonym(OTHERS[0], KEY)
    assert answer.json() == {"pseudonyms": [other, one, one, other]}
    assert answer.headers["cache-control"] == "no-store"


async def test_no_numbers_are_no_pseudonyms(service: Service) -> None:
    assert (await ask(service)).json() == {"pseudonyms": []}


async def test_while_the_key_is_changed_the_previous_pseudonym_is_given_beside_it(make_service: MakeService) -> None:
    answer = await ask(make_service(keys=Keys(NEXT, KEY)), NHS_NUMBER, OTHERS[0])

    assert answer.json() == {
        "pseudonyms": [pseudonym(NHS_NUMBER, NEXT), pseudonym(OTHERS[0], NEXT)],
        "previous": [pseudonym(NHS_NUMBER, KEY), pseudonym(OTHERS[0], KEY)],
    }


async def test_an_event_with_both_is_accepted_and_so_is_one_by_number_with_both(make_service: MakeService) -> None:
    service = make_service(keys=Keys(NEXT, KEY))
    given = (await ask(service, NHS_NUMBER)).json()
    event = json.loads((await service.client.get("/openapi.json")).content)["paths"]["/events"]["post"]["requestBody"]
    by_number = event["content"]["application/cloudevents+json"]["examples"]["sp-referral-by-nhs-number"]["value"]

    answers = [
        await service.send({**by_number, "subject": given["pseudonyms"][0], "subjectprev": given["previous"][0]}),
        await service.send(by_number),
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    one, other = (json.loads(record.value) for record in service.publisher.records)
    assert one == other
    assert [record.key for record in service.publisher.records] == [given["pseudonyms"][0].encode()] * 2


async def test_each_number_that_is_none_is_told_by_its_place_and_not_repeated(make_service: MakeService) -> None:
    notes = Notes()
    answer = await ask(make_service(audit=notes), NHS_NUMBER, "9990000019", "", "1234", OTHERS[1])

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["reason"] == "no_nhs_number"
    assert [error["pointer"] for error in problem["errors"]] == [f"/nhs_numbers/{place}" for place in (1, 2, 3)]
    assert "9990000019" not in answer.text
    assert "person:" not in answer.text
    assert notes.written == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'{"nhs_numbers": "9990000018"}', b'{"nhs_numbers": [9990000018]}', b"\xff",
        b'{"nhs_numbers": ["9990000018"], "why": "9990000018"}', b'{"nhs_number": ["9990000018"]}', b"[" * 5000,
    ],
)  # fmt: skip
async def test_what_does_not_ask_is_told_the_form(service: Service, body: bytes) -> None:
    answer = await service.client.post("/pseudonyms", content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["reason"]) == (400, "not_asked")
    assert "nhs_numbers" in answer.json()["errors"][0]["expected"]
    assert NHS_NUMBER not in answer.text


async def test_a_thousand_at_once_and_no_more(service: Service) -> None:
    assert len((await ask(service, *[NHS_NUMBER] * 1000)).json()["pseudonyms"]) == 1000
    for numbers in ([NHS_NUMBER] * 1001, ["9" * 70_000]):
        answer = await ask(service, *numbers)
        assert (answer.status_code, answer.json()["reason"]) == (413, "too_many_numbers")


async def test_other_content_is_not_taken(service: Service) -> None:
    answer = await ask(service, NHS_NUMBER, **{"content-type": "text/plain"})
    assert answer.status_code == 415
    assert answer.headers["accept-post"] == "application/json"
    assert (await ask(service, NHS_NUMBER, **{"content-encoding": "br"})).status_code == 415
    assert (await service.client.get("/pseudonyms")).status_code == 405


async def test_nobody_is_given_any_who_is_not_known(make_service: MakeService) -> None:
    notes = Notes()
    service = make_service(callers=OneCaller(), audit=notes)

    answer = await ask(service, NHS_NUMBER)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert notes.written == []
    assert (await ask(service, NHS_NUMBER, authorization="Bearer right")).status_code == 200


SLOW = {"ingest_pseudonyms_per_second": 2, "ingest_pseudonyms_burst": 10}


async def test_pseudonyms_have_a_rate_of_their_own_in_numbers(make_service: MakeService) -> None:
    notes = Notes()
    service = make_service(callers=OneCaller(), audit=notes, **SLOW)

    answers = [await ask(service, *OTHERS * 4, authorization="Bearer right") for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 429]
    assert answers[1].json()["reason"] == "too_many_pseudonyms"
    assert answers[1].headers["retry-after"] == "3"
    assert answers[1].headers["ratelimit-policy"] == '"pseudonyms";q=10;w=5'
    assert answers[1].headers["ratelimit"] == '"pseudonyms";r=2;t=3'
    assert "person:" not in answers[1].text
    assert notes.written == [(RKE, 8)]

    service.clock.advance(dt.timedelta(seconds=3))
    assert (await ask(service, *OTHERS * 4, authorization="Bearer right")).status_code == 200


async def test_a_provider_of_a_high_rate_of_events_is_given_fifty_a_second(make_service: MakeService) -> None:
    service = make_service(callers=OneCaller(replace(RKE, rate=Rate(100_000, 100_000))), audit=Notes())

    answers = [await ask(service, *[NHS_NUMBER] * 1000, authorization="Bearer right") for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 429]
    assert answers[1].headers["retry-after"] == "20"


@pytest.mark.parametrize("body", [b"{", b'{"nhs_numbers": []}', b'{"nhs_numbers": ["1"]}', b" " * 70_000])
async def test_a_request_that_gives_nothing_counts_as_one(make_service: MakeService, body: bytes) -> None:
    service = make_service(callers=OneCaller(), audit=Notes(), **SLOW)
    headers = {"content-type": "application/json", "authorization": "Bearer right"}

    statuses = [(await service.client.post("/pseudonyms", content=body, headers=headers)).status_code for _ in "x" * 11]

    assert 429 not in statuses[:10]
    assert statuses[10] == 429


async def test_pseudonyms_use_up_no_rate_of_events(make_service: MakeService) -> None:
    service = make_service(callers=OneCaller(), audit=Notes())

    asked_for = [await ask(service, *OTHERS * 50, authorization="Bearer right") for _ in range(2)]
    sent = await service.send({}, authorization="Bearer right")

    assert [one.status_code for one in asked_for] == [200, 200]
    assert sent.status_code not in {401, 429}


async def test_how_many_and_to_whom_is_audited_before_anything_is_given(make_service: MakeService) -> None:
    notes = Notes()
    service = make_service(callers=OneCaller(), audit=notes)
    await ask(service, NHS_NUMBER, *OTHERS, authorization="Bearer right")
    assert notes.written == [(RKE, 3)]

    notes.away = True
    answer = await ask(service, NHS_NUMBER, authorization="Bearer right")
    assert (answer.status_code, answer.json()["reason"]) == (503, "not_audited")
    assert int(answer.headers["retry-after"]) > 0
    assert "person:" not in answer.text


class Lines:
    """A logger that keeps what it is told, before anything is masked."""

    def __init__(self) -> None:
        self.said = ""

    def info(self, event: str, **fields: Any) -> None:
        self.said += f"{event} {fields}\n"

    warning = info


async def test_nothing_of_a_request_is_logged(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    monkeypatch.setattr(pseudonyms_endpoint, "log", lines)
    await ask(service, NHS_NUMBER, *OTHERS)
    await ask(service, NHS_NUMBER, "9990000019")
    await service.client.post("/pseudonyms", content=b'{"x": "9990000018"}', headers={"content-type": "text/plain"})

    assert "pseudonyms given" in lines.said
    assert "numbers refused" in lines.said
    for secret in (NHS_NUMBER, *OTHERS, "9990000019", pseudonym(NHS_NUMBER, KEY).split(":")[2]):
        assert secret not in lines.said


async def test_where_there_is_no_audit_trail_only_this_machine_is_given_any() -> None:
    assert isinstance(ledgers.ledger("postgresql://x/y", loopback=False), PostgresLedger)
    here, beyond = ledgers.ledger(None, loopback=True), ledgers.ledger(None, loopback=False)
    assert isinstance(here, LogLedger)
    await here.pseudonyms(ANYONE, 1)
    assert isinstance(beyond, NoLedger)
    with pytest.raises(NotAuditedError, match="PCARE_POSTGRES_DSN"):
        await beyond.pseudonyms(ANYONE, 1)
    for one in (here, beyond):
        await one.close()


async def test_a_database_that_is_away_gives_nothing_and_is_no_fault(unused_tcp_port: int) -> None:
    away = PostgresLedger(f"postgresql://nobody:secret@127.0.0.1:{unused_tcp_port}/pcare")
    with pytest.raises(NotAuditedError) as raised:
        await away.pseudonyms(RKE, 1)
    assert "secret" not in str(raised.value)
    await away.close()


class Hanging:
    """A connection to a PostgreSQL that took it and says nothing, until it is let go on."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.written = 0

    async def execute(self, *_arguments: Any) -> None:
        await self.goes_on.wait()
        self.written += 1

    def is_closed(self) -> bool:
        return False

    def terminate(self) -> None:
        pass


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    made = Hanging()

    async def connect(*_arguments: Any, **_settings: Any) -> Hanging:
        return made

    monkeypatch.setattr(ledgers.asyncpg, "connect", connect)
    return made


async def test_while_the_database_hangs_an_entry_waits_a_bounded_time(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "WAIT_SECONDS", 0.0)
    ledger = PostgresLedger("postgresql://x/y")
    first = asyncio.create_task(ledger.pseudonyms(RKE, 1))
    await turns()

    with pytest.raises(NotAuditedError, match="asked before"):
        await ledger.pseudonyms(RKE, 1)

    hanging.goes_on.set()
    await first
    await ledger.pseudonyms(RKE, 1)
    assert hanging.written == 2, "who gave up keeps nobody else from the turn"


async def test_while_the_database_hangs_only_so_many_wait(hanging: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MAX_WAITING", 3)
    ledger = PostgresLedger("postgresql://x/y")
    waiting = [asyncio.create_task(ledger.pseudonyms(RKE, 1)) for _ in range(4)]  # one of them writes
    await turns()

    with pytest.raises(NotAuditedError, match="too many"):
        await ledger.pseudonyms(RKE, 1)

    hanging.goes_on.set()
    await asyncio.gather(*waiting)
    await ledger.pseudonyms(RKE, 1)
    assert hanging.written == 5


@given(st.binary(max_size=60) | st.recursive(st.none() | st.text(), st.lists).map(lambda one: json.dumps(one).encode()))
def test_any_body_is_taken_or_refused(body: bytes) -> None:
    with contextlib.suppress(NotAskedError):
        assert all(isinstance(number, str) for number in asked(body))


@given(st.lists(st.text("0123456789 -", max_size=12) | st.sampled_from([NHS_NUMBER, *OTHERS]), max_size=8))
def test_what_is_refused_is_exactly_what_is_no_number(numbers: list[str]) -> None:
    places = {int(error.path.rpartition("/")[2]) for error in refused(numbers)}
    for place, number in enumerate(numbers):
        digits = number.replace(" ", "").replace("-", "")
        assert (place in places) == (not is_valid(digits))
