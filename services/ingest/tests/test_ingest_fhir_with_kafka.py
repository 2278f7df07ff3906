"""POST /fhir against real Kafka: what is answered as recorded is on the topic, and nobody is named there or logged."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fhir_support import FHIR, KINDS, bundle, example
from ingest_process import make_topic_anew, read_topic, running

from pcare_schemas.envelope import type_of
from pcare_schemas.identifiers import holds_one

if TYPE_CHECKING:
    from backends import Backend

pytestmark = pytest.mark.integration

NHS_NUMBER = "9990000018"


async def test_every_kind_comes_to_the_topic_and_a_refused_transaction_does_not(
    backend: "Backend", tmp_path: Path
) -> None:
    make_topic_anew(backend.bootstrap_servers)
    refused = bundle("transaction", example("pam-scored"), {"resourceType": "Patient", NHS_NUMBER: "Mrs Example"})
    async with running(tmp_path, backend.bootstrap_servers, PCARE_LOG_LEVEL="debug") as ingest:
        await ingest.ready()

        async def send(body: object) -> tuple[int, str]:
            content = json.dumps(body).encode()
            answer = await ingest.client.post("/fhir", content=content, headers={"content-type": FHIR})
            return answer.status_code, answer.text

        answers = [await send(example(name)) for name in KINDS]
        status, said = await send(refused)
        await ingest.terminate()
        log = ingest.log.read_text()

    assert {status for status, _ in answers} == {200, 201}
    assert status == 422
    records = read_topic(backend.bootstrap_servers)
    assert sorted(json.loads(record.value)["type"] for record in records) == sorted(map(type_of, KINDS))
    assert len({record.key for record in records}) == 1
    assert not any(holds_one(record.key + record.value) for record in records)
    everything = log + said + "".join(text for _, text in answers)
    for secret in (NHS_NUMBER, "Mrs Example", "person:k1:"):
        assert secret not in everything
