"""Whatever is sent to POST /fhir, the answer is FHIR's and one that is documented, and never a fault."""

import asyncio
import json
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from fhir_support import EXAMPLES, send
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_support import NHS_NUMBER, Service

from pcare_ingest import openapi
from pcare_schemas.identifiers import holds_one

DOCUMENTED = {int(status) for status in openapi.document()["paths"]["/fhir"]["post"]["responses"]} - {500}
JSON_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([NHS_NUMBER, f"nhs-number:{NHS_NUMBER}", "#p", "Patient/p", "2024-05-01", "1900", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=10,
)


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every value in a document, as what holds it and under which name or index."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        steps: list[Any] = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        found += [(holder, step) for step in steps]
        waiting += [holder[step] for step in steps if isinstance(holder[step], dict | list)]
    return found


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """An example in which some values were replaced, taken away or moved, and then perhaps some bytes."""
    document = json.loads(json.dumps(EXAMPLES[draw(st.sampled_from(sorted(EXAMPLES)))]))
    for _ in range(draw(st.integers(0, 4))):
        there = places(document)
        if not there:
            break
        holder, step = there[draw(st.integers(0, len(there) - 1))]
        match draw(st.sampled_from(["set", "take", "copy", "name"])):
            case "set":
                holder[step] = draw(JSON_VALUE)
            case "take":
                del holder[step]
            case "copy":
                other, at = there[draw(st.integers(0, len(there) - 1))]
                holder[step] = json.loads(json.dumps(other[at]))
            case _ if isinstance(holder, dict):
                holder[draw(st.sampled_from(["contained", "modifierExtension", "_status", "id", "extension"]))] = draw(
                    JSON_VALUE
                )
    body = bytearray(json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(0, 1))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


ANY_BODY = st.one_of(
    spoilt(),
    spoilt(),
    st.binary(max_size=200),
    JSON_VALUE.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    st.lists(JSON_VALUE, max_size=3).map(
        lambda entries: json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode()
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=ANY_BODY)
def test_every_answer_is_documented_and_repeats_no_number(service: Service, body: bytes) -> None:
    answer = asyncio.run(send(service, body))

    assert answer.status_code in DOCUMENTED
    document = answer.json()
    model: Any = get_fhir_model_class(document["resourceType"])
    if document["resourceType"] == "OperationOutcome":
        model.model_validate(document)
    else:
        assert document["type"] in {"batch-response", "transaction-response"}
    assert NHS_NUMBER not in answer.text
    assert not any(holds_one(record.value) for record in service.publisher.records)
    service.publisher.records.clear()
