"""Whatever is sent, the answer is one of those that the OpenAPI document names, and never a fault."""

import asyncio
import gzip
import json
from typing import Any

import httpx
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ingest_support import Service

from pcare_ingest import openapi
from pcare_ingest.media_types import Form
from pcare_schemas.examples import VALID
from pcare_schemas.rejections import PROBLEM_PREFIX

PATHS = openapi.document()["paths"]
DOCUMENTED = {to: set(map(int, PATHS[to]["post"]["responses"])) - {500} for to in ("/events", "/events/check")}
SOME_EVENT = st.sampled_from([json.dumps(event).encode() for event in VALID.values()])
JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@st.composite
def spoilt_event(draw: st.DrawFn) -> bytes:
    """An event in which some fields were set to anything or taken away, and then perhaps some bytes were changed."""
    event = json.loads(draw(SOME_EVENT))
    for _ in range(draw(st.integers(0, 3))):
        place = event["data"] if draw(st.booleans()) and isinstance(event.get("data"), dict) else event
        name = draw(st.sampled_from(sorted(place)) if place else st.text(max_size=5))
        if draw(st.booleans()):
            place[name] = draw(JSON_VALUE | st.sampled_from(["nhs-number:9990000018", "9990000018", "person:k1:00"]))
        else:
            place.pop(name, None)
    body = bytearray(json.dumps(event, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


ANY_BODY = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    JSON_VALUE.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    SOME_EVENT,
    spoilt_event(),
    st.lists(spoilt_event() | SOME_EVENT, max_size=5).map(lambda events: b"[" + b",".join(events) + b"]"),
    st.integers(0, 3000).map(lambda depth: b'{"a":' * depth),
)
HEADER_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)
ANY_CONTENT_TYPE = st.sampled_from([form.value for form in Form]) | HEADER_TEXT.map(str.strip)
ANY_HEADERS = st.lists(
    st.one_of(
        st.just(("content-encoding", "gzip")),
        st.sampled_from([("prefer", "return=minimal"), ("prefer", "return=representation, x=;,")]),
        st.tuples(
            st.sampled_from(
                [f"ce-{name}" for name in ("specversion", "id", "source", "type", "subject", "time", "x", "data")]
            ),
            HEADER_TEXT
            | st.sampled_from(
                ["1.0", "9990000018", "nhs-number:9990000018", "%39990000018", *VALID["sp-referral"].values()]
            ).map(str),
        ),
    ),
    max_size=7,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=ANY_BODY, content_type=ANY_CONTENT_TYPE, headers=ANY_HEADERS, to=st.sampled_from(sorted(DOCUMENTED)))
@example(body=b'{"subject":"\xff"}', content_type=Form.SINGLE.value, headers=[], to="/events")
@example(body=b'[{"subject":"\xff"}]', content_type=Form.BATCH.value, headers=[], to="/events")
@example(body=b"{}", content_type=Form.BINARY.value, headers=[("ce-subject", "nhs-number:9990000018")], to="/events")
def test_any_request_gets_a_documented_answer(
    service: Service, body: bytes, content_type: str, headers: list[tuple[str, str]], to: str
) -> None:

    async def send() -> httpx.Response:
        sent = gzip.compress(body) if ("content-encoding", "gzip") in headers and len(body) % 7 else body
        return await service.client.post(to, content=sent, headers=[("content-type", content_type), *headers])

    answer = asyncio.run(send())

    assert answer.status_code in DOCUMENTED[to]
    if answer.status_code == 204:
        return
    document = answer.json()
    if answer.headers["content-type"] == "application/problem+json":
        assert_is_problem(document, answer.status_code)
    elif isinstance(document, list):
        indexes = [verdict["index"] for verdict in document]
        minimal = "preference-applied" in answer.headers
        assert indexes == (sorted(set(indexes)) if minimal else list(range(len(document))))
        for verdict in document:
            if verdict["status"] not in {"accepted", "valid"}:
                assert_is_problem(verdict["problem"], verdict["problem"]["status"])
    else:
        assert document["status"] in {"accepted", "valid"}
    assert "9990000018" not in answer.text
    assert all(b"9990000018" not in record.key + record.value for record in service.publisher.records)


def assert_is_problem(document: dict[str, Any], status: int) -> None:
    assert document["type"] == PROBLEM_PREFIX + document["reason"]
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    for error in document["errors"]:
        assert error["pointer"] == "" or error["pointer"].startswith("/")
