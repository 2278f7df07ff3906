"""The pages for people: what they show is true, and what they offer for pasting works."""

import html
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jsonschema_rs
import pytest
from ingest_support import Service

from pcare_ingest import openapi
from pcare_ingest.media_types import Form
from pcare_ingest.receipts import State
from pcare_schemas.examples import VALID
from pcare_schemas.kinds import KINDS
from pcare_schemas.rules import Rules

DOCUMENT = openapi.document()
RULES = Rules.load()
POST_EVENTS = DOCUMENT["paths"]["/events"]["post"]
CONTENT = POST_EVENTS["requestBody"]["content"]
EXAMPLES = [(form, name) for form in CONTENT for name in CONTENT[form]["examples"]]


@pytest.mark.parametrize(("form", "name"), EXAMPLES)
async def test_each_example_is_accepted_when_it_is_sent(service: Service, form: str, name: str) -> None:
    attributes = {}
    if form == Form.BINARY.value:
        attributes = {f"ce-{key}": VALID[name][key] for key in VALID[name] if key not in {"data", "datacontenttype"}}

    answer = await service.send(CONTENT[form]["examples"][name]["value"], form, **attributes)
    checked = await service.send(CONTENT[form]["examples"][name]["value"], form, to="/events/check", **attributes)

    assert (answer.status_code, checked.status_code) == (202, 200)


def test_there_is_an_example_of_every_kind_and_one_by_nhs_number() -> None:
    examples = CONTENT[Form.SINGLE.value]["examples"]

    assert set(KINDS) < set(examples)
    assert any(example["value"]["subject"].startswith("nhs-number:") for example in examples.values())


async def test_the_command_of_the_index_page_is_accepted_when_it_is_pasted(service: Service) -> None:
    page = await service.client.get("/")
    found = re.search(r'<pre id="first-event">(.*?)</pre>', page.text, re.DOTALL)
    assert found
    command = html.unescape(found[1])
    wanted = re.fullmatch(r"curl -i (\S+) -H 'Content-Type: (\S+)' --data-binary '(.*)'", command, re.DOTALL)
    assert wanted

    answer = await service.client.post(wanted[1], content=wanted[3], headers={"content-type": wanted[2]})

    assert wanted[1] == "http://ingest/events"
    assert answer.status_code == 202


async def test_the_host_that_a_caller_claims_cannot_write_into_the_page(service: Service) -> None:
    page = await service.client.get("/", headers={"host": "x'><script>alert(1)</script>"})

    assert "<script>" not in page.text


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        mapped = set(node["mapping"].values()) if "mapping" in node else set()
        return own | mapped | {found for value in node.values() for found in references(value)}
    if isinstance(node, list):
        return {found for value in node for found in references(value)}
    return set()


def test_every_reference_of_the_document_leads_somewhere() -> None:
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}

    assert references(DOCUMENT) == schemas


def test_every_status_says_what_to_do_and_shows_an_answer() -> None:
    for status, response in POST_EVENTS["responses"].items():
        assert response["description"], status
        for media_type, content in response.get("content", {}).items():
            assert content["examples"], status
            for example in content["examples"].values():
                if media_type == "application/problem+json":
                    assert example["value"]["status"] == int(status)
                    assert example["value"]["detail"]


def test_the_limits_are_advertised() -> None:
    assert CONTENT[Form.BATCH.value]["schema"]["maxItems"] == 1000
    assert "262144 bytes" in DOCUMENT["info"]["description"]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_recorded_fits_the_document_to_the_code(name: str) -> None:
    schema = jsonschema_rs.validator_for(DOCUMENT["components"]["schemas"][name], validate_formats=True)
    example = VALID[name]

    assert schema.is_valid(example)
    assert not schema.is_valid({**example, "time": "2013-12-31T23:59:59Z"})
    for field, codes in RULES.code_fields[name]:
        wrong = [99] if field == "standards_met" else "Z99"
        assert not schema.is_valid({**example, "data": {**example["data"], field: wrong}})
        for code in codes.codes:
            right = [int(code)] if field == "standards_met" else code
            assert schema.is_valid({**example, "data": {**example["data"], field: right}})


def test_a_commissioner_of_no_list_does_not_fit_the_document() -> None:
    schema = jsonschema_rs.validator_for(DOCUMENT["components"]["schemas"]["choice-standards-assessed"])
    fits = {
        code: schema.is_valid({**VALID["choice-standards-assessed"], "subject": f"commissioner:{code}"})
        for code in (*RULES.lists["commissioners"].codes, "ZZZ99")
    }

    assert [code for code, fit in fits.items() if not fit] == ["ZZZ99"]


async def test_the_document_is_served_as_it_is(service: Service) -> None:
    answer = await service.client.get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(DOCUMENT))
    assert answer.json()["openapi"] == "3.1.0"


async def test_everything_that_the_docs_page_loads_is_served_from_here(service: Service) -> None:
    page = await service.client.get("/docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert len(loaded) >= 4
    for address in loaded:
        assert "//" not in address
        answer = await service.client.get(urljoin("/docs", address))
        assert answer.status_code == 200, address
        assert len(answer.content) > 100
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_the_viewer_gives_out_its_own_files_only(service: Service) -> None:
    answer = await service.client.get("/docs/viewer/%2e%2e/%2e%2e/__init__.py")

    assert answer.status_code == 404


COMMAND = re.compile(
    r"curl -i \$INGEST/events((?: (?:\\\n *)?-H '[^']*')+)(?: \\\n *| )--data-binary '(.*?)'\n```", re.DOTALL
)
HEADER = re.compile(r"-H '([^:']+): ([^']*)'")
PAGE = (Path(__file__).parents[3] / "docs" / "send-events.md").read_text()


async def test_each_command_of_the_integrators_page_is_accepted_when_it_is_pasted(service: Service) -> None:
    answers = [
        await service.client.post("/events", content=body, headers=HEADER.findall(headers))
        for headers, body in COMMAND.findall(PAGE)
    ]

    assert len(answers) == PAGE.count("curl -i") == 3
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert answers[0].text in PAGE
    assert f"location: {answers[0].headers['location']}" in PAGE
    shown = [
        json.dumps({name: verdict[name] for name in verdict if name != "receipt"}) for verdict in answers[1].json()
    ]
    assert [f"{verdict[:-1]}, " in PAGE for verdict in shown] == [True, True]
    assert f'curl "$INGEST{answers[0].headers["location"]}"' in PAGE


def test_the_integrators_page_tells_every_state_of_a_receipt() -> None:
    assert re.findall(r"^\| `([a-z]+)` \|", PAGE.partition("## What became of it")[2], re.MULTILINE)[1:] == list(State)


async def test_the_problem_that_the_integrators_page_shows_is_the_one_that_is_answered(service: Service) -> None:
    event = json.loads(COMMAND.findall(PAGE)[0][1])
    event["data"]["borough"] = "E09000001"

    answer = await service.send(event)

    shown = json.loads(re.findall(r"```json\n(\{.*?\n\})\n```", PAGE, re.DOTALL)[0])
    assert answer.json() == shown


def test_the_integrators_page_tells_every_status() -> None:
    told = {int(status) for status in re.findall(r"^\| ([0-9]{3}) \|", PAGE, re.MULTILINE)}

    assert told == {int(status) for status in POST_EVENTS["responses"]}


def test_where_credentials_are_asked_for_the_document_says_so_and_leaves_probes_open() -> None:
    asking = openapi.document(credentials=True)
    schemes = asking["components"]["securitySchemes"]

    assert {name for one in asking["security"] for name in one} == set(schemes)
    assert references(asking) == {f"#/components/schemas/{name}" for name in asking["components"]["schemas"]}
    open_to_all = {
        path for path, item in asking["paths"].items() for operation in item.values() if operation.get("security") == []
    }
    assert open_to_all == {"/oauth2/token", "/health/live", "/health/ready", "/metrics"}
    assert schemes["oauth2"]["flows"]["clientCredentials"]["tokenUrl"] == "/oauth2/token"
    assert "security" not in DOCUMENT
    assert "/oauth2/token" not in DOCUMENT["paths"]


def test_every_refusal_at_the_gate_is_documented_with_what_it_says_to_do() -> None:
    responses = POST_EVENTS["responses"]

    assert "WWW-Authenticate" in responses["401"]["headers"]
    assert "Retry-After" in responses["429"]["headers"]
    assert set(responses["429"]["content"]["application/problem+json"]["examples"]) == {
        "too_many_events",
        "too_many_failures",
    }
    assert "source_not_allowed" in responses["403"]["content"]["application/problem+json"]["examples"]


RECEIPT_PATHS = ("/events/{source}/{id}", "/rejections")


@pytest.mark.parametrize("path", ["/events", "/events/check", *RECEIPT_PATHS])
def test_each_answer_that_is_shown_fits_its_schema(path: str) -> None:
    (operation,) = DOCUMENT["paths"][path].values()
    shown = 0
    for response in operation["responses"].values():
        for content in response.get("content", {}).values():
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            for name, example in content["examples"].items():
                error = next(iter(jsonschema_rs.validator_for(schema).iter_errors(example["value"])), None)
                assert error is None, f"{name}: {error}"
                shown += 1

    assert shown >= 8


def test_each_state_of_a_receipt_is_shown() -> None:
    answers = DOCUMENT["paths"]["/events/{source}/{id}"]["get"]["responses"]["200"]["content"]["application/json"]

    assert list(answers["examples"]) == [example["value"]["status"] for example in answers["examples"].values()]
    assert list(answers["examples"]) == [str(state) for state in State]
