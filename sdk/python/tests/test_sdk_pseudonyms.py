"""The client package asks ingest for pseudonyms."""

import pytest
from ingest_support import KEY, NHS_NUMBER, build

from pcare_client import AsyncClient, Pseudonym, RefusedError
from pcare_schemas.pseudonym import Keys, PseudonymKey, pseudonym

NEXT = PseudonymKey("k2", b"another key for tests, of no worth too")


def client(service) -> AsyncClient:
    return AsyncClient("http://ingest", source="RKE", http=service.client)


async def test_pseudonyms_are_those_that_ingest_itself_makes():
    assert await client(build()).pseudonyms([NHS_NUMBER]) == [Pseudonym(pseudonym(NHS_NUMBER, KEY))]


async def test_while_the_key_is_changed_both_are_given():
    found = await client(build(keys=Keys(NEXT, KEY))).pseudonyms([NHS_NUMBER] * 1_001)
    assert found == [Pseudonym(pseudonym(NHS_NUMBER, NEXT), pseudonym(NHS_NUMBER, KEY))] * 1_001


async def test_what_is_no_number_is_refused_and_not_repeated():
    with pytest.raises(RefusedError) as caught:
        await client(build()).pseudonyms([NHS_NUMBER, "1234567890"])
    assert caught.value.problem.errors[0].pointer == "/nhs_numbers/1"
    assert "1234567890" not in str(caught.value)
