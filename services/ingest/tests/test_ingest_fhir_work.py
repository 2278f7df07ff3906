"""POST /fhir: the work that a request makes grows with its size and no faster. Steps are counted, not seconds."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from fhir_support import bundle, events, example, issues, responses, send
from ingest_support import Service

from pcare_ingest.fhir import bundle as bundles
from pcare_ingest.fhir import taking, values
from pcare_ingest.fhir.bundle import Held, Known, resource_of
from pcare_ingest.fhir.limits import MAX_REFERENCE
from pcare_ingest.fhir.paths import Node

PATIENT = example("sp-referral")["entry"][0]["resource"]
KNOWN = frozenset({"Patient", "Observation", "ServiceRequest"})


class Counting:
    """A pattern that counts how often it is asked."""

    def __init__(self, pattern: "re.Pattern[str]") -> None:
        self._pattern = pattern
        self.texts: Counter[str] = Counter()

    def fullmatch(self, text: str) -> "re.Match[str] | None":
        self.texts[text] += 1
        return self._pattern.fullmatch(text)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    pattern = Counting(bundles._REST)
    monkeypatch.setattr(bundles, "_REST", pattern)
    return pattern


async def read(sent: Any) -> taking.Resources:
    return await taking.read(taking.take(json.dumps(sent).encode()), KNOWN)


@pytest.mark.parametrize("length", [MAX_REFERENCE, MAX_REFERENCE + 1])
async def test_a_reference_that_is_too_long_is_refused_before_it_is_looked_at(
    service: Service, counting: Counting, length: int
) -> None:
    reference = "Patient/".ljust(length, "p")

    answer = await send(service, example("pam-scored") | {"basedOn": [{"reference": reference}]})

    longest = max((len(text) for text in counting.texts), default=0)
    if length > MAX_REFERENCE:
        assert answer.status_code == 422
        assert (issues(answer)[0]["code"], issues(answer)[0]["expression"]) == ("too-long", ["Observation"])
        assert longest == 0
    else:
        assert answer.status_code == 201, answer.text
        assert longest == length


@pytest.mark.parametrize("kind", ["pam-scored", "Medication"])
async def test_a_full_url_that_is_too_long_is_refused(service: Service, counting: Counting, kind: str) -> None:
    resource = {"resourceType": kind} if kind == "Medication" else example(kind)
    sent = bundle("batch", resource)
    sent["entry"][0]["fullUrl"] = "https://gp.example/Patient/".ljust(MAX_REFERENCE + 1, "p")

    issue = responses(await send(service, sent))[0]["outcome"]["issue"][0]

    assert (issue["code"], issue["expression"]) == ("too-long", ["Bundle.entry[0].fullUrl"])
    assert not counting.texts


def test_a_version_is_no_path() -> None:
    known = Known()
    known.add(resource_of({"resourceType": "Patient", "id": "p"}, None))
    by = Held(Node({"resourceType": "Observation"}, "Observation"))

    assert known.resolve("Patient/p/_history/3", by) is not None
    assert known.resolve("Patient/p/_history/3/_history/4", by) is None


async def test_what_a_resource_is_relative_to_is_found_once(counting: Counting) -> None:
    url = "https://gp.example/fhir/Observation/o"
    sent = bundle("batch", example("pam-scored") | {"basedOn": [{"reference": f"CarePlan/{n}"} for n in range(200)]})
    sent["entry"][0]["fullUrl"] = url

    await read(sent)

    assert counting.texts[url] == 1


async def test_what_a_resource_contains_is_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    visited: Counter[str] = Counter()
    child = Node.child

    def count(node: Node, name: str) -> Any:
        visited[name] += 1
        return child(node, name)

    monkeypatch.setattr(Node, "child", count)
    contained = [{"resourceType": "Patient", "id": f"p{number}"} for number in range(100)]
    references = [{"reference": f"#p{number}"} for number in range(100)]

    found = await read({**example("pam-scored"), "contained": contained, "performer": references})

    held = found.read[0]
    assert isinstance(held, Held)
    inner = found.known.resolve("#p99", held)
    assert inner is not None
    assert inner.node.at == "Observation.contained[99]"
    assert found.known.resolve("#p98", inner) is not None  # what is contained refers to what is contained beside it
    assert visited["contained"] <= len(contained) + 2  # once each, and of the resource to hold it and to check it


async def test_of_several_contained_under_one_id_the_first_counts(service: Service) -> None:
    patients = [{**PATIENT, "id": "p"}, {**PATIENT, "id": "p", "gender": "male"}]
    referral = {**example("sp-closed"), "contained": patients, "subject": {"reference": "#p"}}

    assert (await send(service, referral)).status_code == 201
    assert events(service)[0]["data"]["sex"] == "female"


async def test_what_is_not_read_is_not_followed(counting: Counting) -> None:
    medication = {"resourceType": "Medication", "x": [{"reference": f"Patient/{number}"} for number in range(100)]}

    found = await read(bundle("batch", {**PATIENT, "id": "1"}, medication))

    assert found.referred == set()
    assert not counting.texts


async def test_others_get_their_turn_while_references_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    referral = example("sp-closed") | {"subject": {"reference": "Patient/p"}}
    request = taking.take(json.dumps(bundle("batch", *[referral] * (3 * taking.SLICE))).encode())
    turns: Counter[bool] = Counter()
    following = False
    resolve = Known.resolve

    async def turn(_seconds: float) -> None:
        turns[following] += 1

    def note(known: Known, reference: Any, by: Held) -> Held | None:
        nonlocal following
        following = True
        return resolve(known, reference, by)

    monkeypatch.setattr(asyncio, "sleep", turn)
    monkeypatch.setattr(Known, "resolve", note)
    await taking.read(request, KNOWN)

    assert turns[True] >= 2


async def test_components_are_gone_through_once_a_path(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: Counter[str] = Counter()
    child = Node.child

    def count(node: Node, name: str) -> Iterator[Node]:
        for inner in child(node, name):
            passed[name] += 1
            yield inner

    monkeypatch.setattr(Node, "child", count)
    observation = example("pam-scored")
    other = {"code": {"text": "another"}, "valueInteger": 1}
    observation["component"] = [*[other] * 100, *observation["component"], other]

    assert (await send(service, observation)).status_code == 201
    assert events(service)[0]["data"]["level"] == example("pam-scored")["component"][0]["valueInteger"]
    assert passed["component"] <= 3 * 102  # to check them, and by each of two paths


async def test_an_organisation_is_looked_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: Counter[str] = Counter()
    child = Node.child

    def count(node: Node, name: str) -> Iterator[Node]:
        passed[f"{node.at}.{name}"] += 1
        return child(node, name)

    organisation = {"resourceType": "Organization", "id": "o", "identifier": [{"value": "x"}] * 100}
    observation = example("pam-scored") | {"performer": [{"reference": "Organization/o"}] * 100}
    del observation["meta"]["source"]
    sent = bundle("batch", organisation, *[observation] * 5)
    monkeypatch.setattr(Node, "child", count)

    assert [one["status"][:3] for one in responses(await send(service, sent))] == ["200", *["422"] * 5]
    assert passed["Bundle.entry[0].resource.identifier"] <= 2  # to check it, and to read it


class Word(str):
    """A code that counts with how many others it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Word.compared += 1
        return str.__eq__(self, other)


def test_codes_are_told_apart_without_comparing_each_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Word, "compared", 0)
    words = [Word(f"word{number % 100}") for number in range(200)]

    assert values._several(words, [], "there").value == [f"word{number}" for number in range(100)]
    assert Word.compared <= 3 * len(words)
