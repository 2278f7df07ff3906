"""POST /pseudonyms on the real service with credentials: who is given any is in the audit trail, or nobody is."""

import json

import httpx
import pytest

from edge_ingest import OWN, registering, start_ingest
from pcare_cli.simulation.people import number_for_tests
from pcare_schemas.pseudonym import PseudonymKey, pseudonym
from system import System

pytestmark = pytest.mark.integration

NUMBERS = [number_for_tests(50_000 + index) for index in range(3)]


async def test_only_a_known_provider_is_given_pseudonyms_and_only_where_that_is_written_down(system: System) -> None:
    async with registering(system) as database:
        key = await database.add_key(OWN)
        ingest = start_ingest(system, database)
        await ingest.ready()
        async with httpx.AsyncClient(base_url=ingest.address, trust_env=False) as http:
            body, known = {"nhs_numbers": NUMBERS}, {"X-API-Key": key.text}
            stranger = await http.post("/pseudonyms", json=body)
            given = await http.post("/pseudonyms", json=body, headers=known)
            described = (await http.get("/openapi.json")).json()["paths"]["/pseudonyms"]["post"]["responses"]
            login = database.login
            await database.connection.execute(f"REVOKE pcare_edge FROM {login}")
            unwritten = await http.post("/pseudonyms", json=body, headers=known)
            await database.connection.execute(f"GRANT pcare_edge TO {login}")
            again = await http.post("/pseudonyms", json=body, headers=known)
        acts = await database.connection.fetch(
            "SELECT who, login, details::text FROM pcare.acts WHERE what = 'pseudonyms-given' ORDER BY number"
        )
        ingest.terminate()

    secret = PseudonymKey.read(system.layout.key)
    answers = (stranger, given, unwritten, again)
    assert [answer.status_code for answer in answers] == [401, 200, 503, 200]
    assert {str(answer.status_code) for answer in answers} <= described.keys()
    assert given.json() == again.json() == {"pseudonyms": [pseudonym(number, secret) for number in NUMBERS]}
    assert unwritten.json()["reason"] == "not_audited"
    assert [(act[0], act[1]) for act in acts] == [("own-council", login)] * 2
    assert [json.loads(act[2]) for act in acts] == [{"number": 3, "credential": key.id}] * 2
    said = system.logs() + json.dumps([tuple(act) for act in acts])
    for number in NUMBERS:
        assert number not in said
        assert pseudonym(number, secret).split(":")[2] not in said
