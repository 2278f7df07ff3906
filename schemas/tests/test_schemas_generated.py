"""What is generated is up to date, whole, and true."""

import json
from pathlib import Path

import pytest
import yaml

from pcare_schemas import generate, topics
from pcare_schemas.check import check
from pcare_schemas.envelope import Event
from pcare_schemas.examples import as_record
from pcare_schemas.generate import ROOT
from pcare_schemas.kinds import KINDS
from pcare_schemas.rejections import MEANINGS, Rejection
from pcare_schemas.rules import CONTRACT_FILE

SCHEMAS = ROOT / "schemas"
DOCUMENT = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())


def test_nothing_generated_is_out_of_date():
    assert generate.stale() == []
    assert generate.main(["--check"]) == 0


def test_writing_makes_everything_and_removes_what_is_left_over(tmp_path, capsys):
    left_over = tmp_path / "schemas/examples/invalid/gone.json"
    left_over.parent.mkdir(parents=True)
    left_over.write_text("{}")
    assert "schemas/examples/invalid/gone.json" in generate.stale(tmp_path)
    generate.write(tmp_path)
    assert generate.stale(tmp_path) == []
    assert not left_over.exists()
    (tmp_path / "schemas/json-schema/sp-referral.json").write_text("{}")
    assert generate.stale(tmp_path) == ["schemas/json-schema/sp-referral.json"]


def test_the_command_says_what_is_out_of_date_and_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "stale", lambda: ["docs/events.md"])
    assert generate.main(["--check"]) == 1
    assert "out of date: docs/events.md" in capsys.readouterr().err
    assert generate.main(["--chekc"]) == 2


def test_a_change_of_the_contract_changes_its_digest(monkeypatch):
    before = generate.contents()[Path("schemas/pcare_schemas/data") / CONTRACT_FILE]
    from pcare_schemas import json_schemas

    original = json_schemas.of_kind

    def loosened(kind):
        schema = original(kind)
        schema["properties"]["data"]["additionalProperties"] = True
        return schema

    monkeypatch.setattr(json_schemas, "of_kind", loosened)
    assert generate.contents()[Path("schemas/pcare_schemas/data") / CONTRACT_FILE] != before
    monkeypatch.setattr(json_schemas, "of_kind", lambda kind: {**original(kind), "description": "Other words"})
    assert generate.contents()[Path("schemas/pcare_schemas/data") / CONTRACT_FILE] == before


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_file_of_each_kind_is_taken(kind, rules):
    value = (SCHEMAS / "examples" / f"{kind}.json").read_bytes()
    assert isinstance(check(as_record(value, json.loads(value)["subject"]), rules), Event)


MANIFEST = json.loads((SCHEMAS / "examples/invalid/manifest.json").read_text())


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["file"])
def test_each_invalid_example_file_is_refused_as_the_manifest_says(entry, rules):
    value = (SCHEMAS / "examples/invalid" / entry["file"]).read_bytes()
    try:
        subject = json.loads(value)["subject"]
    except (ValueError, TypeError):
        subject = ""
    refused = check(as_record(value, subject), rules)
    assert isinstance(refused, Rejection)
    assert (refused.reason, refused.errors[0].path) == (entry["reason"], entry["pointer"])


def test_the_manifest_lists_every_file():
    files = {path.name for path in (SCHEMAS / "examples/invalid").iterdir()} - {"manifest.json"}
    assert {entry["file"] for entry in MANIFEST} == files


@pytest.mark.parametrize("path", sorted((SCHEMAS / "json-schema").iterdir()), ids=lambda path: path.name)
def test_a_schema_stands_alone(path):
    text = path.read_text()
    schema = json.loads(text)
    assert "$ref" not in text
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["$id"].startswith("urn:ncl:personalised-care:schema:")
    assert schema["additionalProperties"] is False


def references(node, at=""):
    if isinstance(node, dict):
        if "$ref" in node:
            yield at, node["$ref"]
        for name, inner in node.items():
            yield from references(inner, f"{at}/{name}")
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from references(inner, f"{at}/{index}")


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    found = list(references(DOCUMENT))
    assert found
    for at, reference in found:
        file, _, pointer = reference.partition("#")
        target = json.loads((SCHEMAS / file).read_text()) if file else DOCUMENT
        for step in pointer.strip("/").split("/") if pointer else ():
            assert step in target, (at, reference)
            target = target[step]


def test_the_asyncapi_document_has_the_shape_of_version_3():
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT.keys() == {
        *("asyncapi", "id", "info", "defaultContentType", "channels", "operations", "components")
    }
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for channel in DOCUMENT["channels"].values():
        assert {"address", "messages"} <= channel.keys()
        assert all(reference["$ref"].startswith("#/components/messages/") for reference in channel["messages"].values())
        assert ("parameters" in channel) == ("{" in channel["address"])
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["channel"]["$ref"].startswith("#/channels/")
    for message in DOCUMENT["components"]["messages"].values():
        assert {"payload", "headers", "bindings", "contentType"} <= message.keys()
        assert message["payload"].keys() == {"schemaFormat", "schema"}
        assert message["bindings"]["kafka"]["key"]["type"] == "string"


def test_the_asyncapi_document_has_every_topic_and_every_kind():
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == {
        topics.SUBMITTED,
        topics.SUBMITTED + ".{provider}",
        topics.RECORDED,
        topics.SUBJECTS,
        topics.REJECTED,
        topics.KPI_PARTIALS,
        topics.CHECKPOINTS,
    }
    assert DOCUMENT["channels"]["submitted"]["messages"].keys() == KINDS.keys()
    used = {
        reference["$ref"].rpartition("/")[2]
        for channel in DOCUMENT["channels"].values()
        for reference in channel["messages"].values()
    }
    assert used == DOCUMENT["components"]["messages"].keys()


def test_the_page_has_every_kind_field_code_and_reason(rules):
    page = (ROOT / "docs/events.md").read_text()
    for name, kind in KINDS.items():
        assert f"### {name}\n" in page
        for field in kind.model_fields["data"].annotation.model_fields:
            assert f"| `{field}` |" in page
    for codes in rules.lists.values():
        assert f"### {codes.name}\n" in page
        for code in codes.codes.values():
            assert f"| `{code.code}` | {code.name} |" in page
    for reason, meaning in MEANINGS.items():
        assert f"| `{reason}` | {meaning.status} |" in page
