"""API keys at the gate."""

import asyncio
import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import pytest
import structlog
from credential_support import RAL, RKE, TOKEN_KEYS, by_key, guarded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_support import BATCH, RULES, SINGLE, until
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from pcare_common import api_keys
from pcare_common.clock import FixedClock
from pcare_common.errors import OperatorError
from pcare_ingest.access_tokens import AccessTokens
from pcare_ingest.credentials import credentials
from pcare_ingest.failures import Failures
from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_EVENT_BYTES
from pcare_ingest.refusal import RefusedError
from pcare_ingest.register_callers import RegisterCallers
from pcare_ingest.settings import IngestSettings
from pcare_schemas.examples import RECEIVED

KEY = api_keys.new()


async def test_a_key_is_taken_as_bearer_and_as_x_api_key(event: dict[str, Any]) -> None:
    edge = guarded()
    edge.knows(by_key(KEY))

    assert (await edge.send(event, authorization=f"Bearer {KEY.text}")).status_code == 202
    assert (await edge.send(event, authorization=f"bearer  {KEY.text} ")).status_code == 202
    assert (await edge.send(event, x_api_key=KEY.text)).status_code == 202
    assert (await edge.send(event, x_api_key=KEY.text, authorization=f"Bearer {KEY.text}")).status_code == 202


async def test_a_provider_speaks_for_itself_only(event: dict[str, Any]) -> None:
    edge = guarded()
    edge.knows(by_key(KEY, source=RAL))

    answer = await edge.send(event | {"source": RKE}, x_api_key=KEY.text)

    assert answer.status_code == 403
    assert answer.json()["reason"] == "source_not_allowed"
    assert answer.json()["errors"][0]["expected"] == f"one of: {RAL}"


async def test_speaking_for_another_is_counted_and_logged_as_the_caller_s(event: dict[str, Any]) -> None:
    edge = guarded()
    edge.knows(by_key(KEY, source=RAL))

    with structlog.testing.capture_logs() as logged:
        await edge.send(event | {"source": RKE}, x_api_key=KEY.text)
        await edge.send(event | {"source": RKE, "subject": "nobody"}, x_api_key=KEY.text)
        await edge.send({}, x_api_key=KEY.text)

    def refused(provider: str, reason: str) -> float | None:
        labels = {"provider": provider, "reason": reason}
        return edge.service.registry.get_sample_value("pcare_ingest_rejected_total", labels)

    reasons = ("source_not_allowed", "invalid_data", "not_cloudevent")
    assert [refused("RAL", reason) for reason in reasons] == [1, 1, 1]
    assert [refused(other, reason) for other in ("RKE", "unknown") for reason in reasons] == [None] * 6
    lines = [line for line in logged if line["event"] == "events refused"]
    assert [(line["caller"], line["credential"]) for line in lines] == [("RAL", KEY.id)] * 3
    assert lines[0]["first"][0]["source"] == RKE


async def test_in_a_batch_others_events_are_refused_and_its_own_are_taken(event: dict[str, Any]) -> None:
    edge = guarded()
    edge.knows(by_key(KEY))

    answer = await edge.service.client.post(
        "/events",
        json=[event, event | {"source": RAL}],
        headers={"content-type": "application/cloudevents-batch+json", "x-api-key": KEY.text},
    )

    assert answer.status_code == 207
    assert [one["status"] for one in answer.json()] == ["accepted", "rejected"]


@pytest.mark.parametrize(
    ("headers", "kind", "code"),
    [
        ({}, "missing", None),
        ({"authorization": "Basic cGNhcmU6cGNhcmU="}, "malformed", "invalid_token"),
        ({"authorization": "Bearer"}, "malformed", "invalid_token"),
        ({"authorization": "Bearer hello"}, "malformed", "invalid_token"),
        ({"x_api_key": "pcare_x"}, "key_unknown", "invalid_token"),
        ({"x_api_key": api_keys.new().text}, "key_unknown", "invalid_token"),
        ({"x_api_key": f"pcare_{KEY.id}_{api_keys.new().secret}"}, "key_unknown", "invalid_token"),
        ({"x_api_key": KEY.text[:-1]}, "key_unknown", "invalid_token"),
        ({"x_api_key": KEY.text + "x"}, "key_unknown", "invalid_token"),
        ({"x_api_key": KEY.text, "authorization": f"Bearer {KEY.text[:-1]}"}, "malformed", "invalid_token"),
    ],
)
async def test_whoever_has_no_good_key_is_challenged(
    event: dict[str, Any], headers: dict[str, str], kind: str, code: str | None
) -> None:
    edge = guarded()
    edge.knows(by_key(KEY))

    answer = await edge.send(event, **headers)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "unauthenticated"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="pcare"')
    assert (f'error="{code}"' in answer.headers["www-authenticate"]) == (code is not None)
    assert edge.failures(kind) == 1
    assert not edge.service.publisher.records


async def test_a_wrong_secret_and_an_unknown_id_are_answered_alike(event: dict[str, Any]) -> None:
    edge = guarded()
    edge.knows(by_key(KEY))

    wrong = await edge.send(event, x_api_key=f"pcare_{KEY.id}_{api_keys.new().secret}")
    unknown = await edge.send(event, x_api_key=api_keys.new().text)

    assert wrong.content == unknown.content
    assert wrong.headers["www-authenticate"] == unknown.headers["www-authenticate"]


async def test_a_key_has_its_time(event: dict[str, Any]) -> None:
    edge = guarded()
    begins, ends = edge.clock.now() + dt.timedelta(minutes=1), edge.clock.now() + dt.timedelta(minutes=2)
    edge.knows(by_key(KEY, valid_from=begins, expires_at=ends))

    early = await edge.send(event, x_api_key=KEY.text)
    edge.clock.advance(dt.timedelta(minutes=1))
    in_time = await edge.send(event, x_api_key=KEY.text)
    edge.clock.advance(dt.timedelta(minutes=1))
    late = await edge.send(event, x_api_key=KEY.text)

    assert [one.status_code for one in (early, in_time, late)] == [401, 202, 401]
    assert "expired" in late.json()["detail"]
    assert (edge.failures("not_yet_valid"), edge.failures("expired")) == (1, 1)


async def test_a_key_that_was_revoked_is_of_no_use_from_the_next_look(event: dict[str, Any]) -> None:
    edge = guarded()
    edge.knows(by_key(KEY))
    assert (await edge.send(event, x_api_key=KEY.text)).status_code == 202

    edge.knows()

    assert (await edge.send(event, x_api_key=KEY.text)).status_code == 401


async def test_the_rate_of_the_register_holds_for_all_credentials_of_a_provider(event: dict[str, Any]) -> None:
    edge, other = guarded(), api_keys.new()
    edge.knows(by_key(KEY), by_key(other), RKE=1)

    statuses = [(await edge.send(event, x_api_key=key.text)).status_code for key in [KEY, other] * 6]

    assert statuses.count(202) == 10
    assert statuses[-2:] == [429, 429]


@pytest.mark.parametrize("to", ["/events", "/events/check"])
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * (MAX_EVENT_BYTES + 1), {"content-type": SINGLE}, 413),
        (b"x" * (MAX_BATCH_BYTES + 1), {"content-type": BATCH}, 413),
        (gzip.compress(b"x" * (MAX_BATCH_BYTES + 1)), {"content-type": BATCH, "content-encoding": "gzip"}, 413),
        (gzip.compress(b"{}")[:-4], {"content-type": SINGLE, "content-encoding": "gzip"}, 400),
        (b"not JSON", {"content-type": BATCH}, 400),
        (b"[" + b"{}," * MAX_BATCH_EVENTS + b"{}]", {"content-type": BATCH}, 413),
        (b"{}", {"content-type": "text/plain"}, 415),
    ],
    ids=["large event", "large batch", "inflates", "cut short", "no JSON", "many events", "another type"],
)
async def test_what_is_refused_before_its_events_are_counted_takes_one_of_the_rate(
    event: dict[str, Any], to: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    edge = guarded()
    edge.knows(by_key(KEY), RKE=1)

    sent = [
        (await edge.service.client.post(to, content=body, headers={**headers, "x-api-key": KEY.text})).status_code
        for _ in range(11)
    ]

    assert sent == [status] * 10 + [429]
    assert (await edge.send(event, x_api_key=KEY.text)).status_code == 429


async def test_being_told_to_come_back_takes_nothing_of_the_rate(event: dict[str, Any]) -> None:
    edge, others = guarded(ingest_max_events_in_hand=MAX_BATCH_EVENTS), api_keys.new()
    edge.knows(by_key(KEY), by_key(others, source=RAL), RKE=1)
    edge.service.publisher.hold = True
    everything = [event | {"source": RAL}] * MAX_BATCH_EVENTS
    first = asyncio.create_task(edge.service.send_batch(everything, x_api_key=others.text))
    await until(lambda: len(edge.service.publisher.records) == MAX_BATCH_EVENTS)

    told = [(await edge.send(event, x_api_key=KEY.text)).status_code for _ in range(11)]
    edge.service.publisher.acknowledge()
    edge.service.publisher.hold = False

    assert told == [503] * 11
    assert (await first).status_code == 202
    assert (await edge.send(event, x_api_key=KEY.text)).status_code == 202


async def test_after_many_failures_from_one_address_the_answer_is_to_stay_away(event: dict[str, Any]) -> None:
    edge = guarded()
    edge.knows(by_key(KEY))

    statuses = [(await edge.send(event, x_api_key="pcare_x")).status_code for _ in range(40)]
    last = await edge.send(event)
    good = await edge.send(event, x_api_key=KEY.text)

    assert statuses == [401] * 30 + [429] * 10
    assert last.json()["reason"] == "too_many_failures"
    assert last.headers["retry-after"] == "1"
    assert good.status_code == 202, "a good credential is never held back by the failures of others"


@pytest.mark.parametrize("lost", ["ingest_token_key_file", "postgres_dsn"])
def test_with_something_of_credentials_missing_nobody_is_let_in_without(lost: str) -> None:
    whole = {"ingest_token_key_file": Path("token-key"), "postgres_dsn": SecretStr("postgresql://edge@127.0.0.1/pcare")}
    configured = IngestSettings().model_copy(update={**whole, "ingest_credentials": "register", lost: None})

    with pytest.raises(OperatorError, match="PCARE_INGEST_TOKEN_KEY_FILE"):
        credentials(configured, RULES, FixedClock(RECEIVED), CollectorRegistry())


async def test_pages_and_probes_ask_for_nothing() -> None:
    edge = guarded()
    edge.knows()

    for path in ("/", "/docs", "/openapi.json", "/health/live", "/health/ready", "/metrics"):
        assert (await edge.service.client.get(path)).status_code == 200, path


async def test_nobody_is_let_in_while_the_register_is_not_known(event: dict[str, Any]) -> None:
    edge = guarded()

    answer = await edge.send(event, x_api_key=KEY.text)
    ready = await edge.service.client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["reason"] == "register_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert ready.status_code == 503


async def test_what_was_last_known_is_good_for_a_time(event: dict[str, Any]) -> None:
    edge = guarded(ingest_register_stale=600)
    edge.knows(by_key(KEY))
    edge.knowledge.in_the_way("PostgreSQL does not answer.")

    edge.clock.advance(dt.timedelta(seconds=600))
    still = await edge.send(event, x_api_key=KEY.text)
    edge.clock.advance(dt.timedelta(seconds=1))
    stale = await edge.send(event, x_api_key=KEY.text)
    ready = await edge.service.client.get("/health/ready")

    assert (still.status_code, stale.status_code, ready.status_code) == (202, 503, 503)
    assert "PostgreSQL does not answer." in ready.json()["reasons"][0]


EDGE = guarded()
EDGE.knows(by_key(KEY))
FAILURES = Failures(lambda _kind: None, EDGE.clock)
HEADER = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b"Bearer ", b"bearer pcare_", b"Bearer a.b.c", b"Bearer .."]).flatmap(
        lambda start: st.binary(max_size=60).map(lambda rest: start + rest)
    ),
    st.text("pcare_bdfgABC.", max_size=90).map(lambda text: b"Bearer " + text.encode()),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.tuples(st.sampled_from([b"authorization", b"x-api-key"]), HEADER), max_size=3))
async def test_whatever_the_headers_hold_is_refused_and_breaks_nothing(values: list[tuple[bytes, bytes]]) -> None:
    connection = HTTPConnection({"type": "http", "headers": values, "client": ("127.0.0.1", 1)})

    callers = RegisterCallers(EDGE.knowledge, AccessTokens(TOKEN_KEYS, seconds=600), FAILURES, EDGE.clock)
    with pytest.raises(RefusedError) as refused:
        await callers.identify(connection)

    assert refused.value.trouble.status in {401, 429}
