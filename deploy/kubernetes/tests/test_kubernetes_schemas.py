"""The schemas that resources are held against: small, strict, and of the versions that are named."""

import json

import pytest

from pcare_kubernetes.compact import compact, of_definition, of_openapi
from pcare_kubernetes.schemas import DIRECTORY, sources, split
from pcare_kubernetes.validating import mistakes

DEFINITION = {
    "spec": {
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "description": "long",
                        "properties": {
                            "status": {"type": "object"},
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "description": {"type": "string", "description": "a field of this name"},
                                    "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}]},
                                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                                    "either": {
                                        "type": "object",
                                        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                                        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                                    },
                                },
                            },
                        },
                    }
                },
            }
        ]
    }
}


def test_it_is_small_and_strict():
    made = of_definition(DEFINITION, "v1")
    assert made == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "spec": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "description": {"type": "string"},
                    "port": {"type": ["integer", "string"]},
                    "free": {"type": "object"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "either": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                    },
                },
            }
        },
    }


def test_an_alternative_says_nothing_of_what_it_does_not_name():
    made = compact({"properties": {"a": {}}, "anyOf": [{"properties": {"a": {"enum": ["x"]}}}]})
    assert made["anyOf"] == [{"properties": {"a": {"enum": ["x"]}}}]
    assert made["additionalProperties"] is False


def test_what_may_be_null_may_be_null():
    assert compact({"type": "string", "nullable": True}) == {"type": ["string", "null"]}


def test_kubernetes_own_kinds_come_with_what_they_refer_to():
    document = {
        "components": {
            "schemas": {
                "Widget": {
                    "x-kubernetes-group-version-kind": [{"group": "g", "kind": "Widget", "version": "v1"}],
                    "properties": {
                        "status": {"$ref": "#/components/schemas/WidgetStatus"},
                        "spec": {"allOf": [{"$ref": "#/components/schemas/WidgetSpec"}], "default": {}},
                    },
                },
                "WidgetSpec": {"properties": {"size": {"type": "integer", "format": "int32"}}},
                "WidgetStatus": {"properties": {}},
                "Other": {"properties": {}},
            }
        }
    }
    schema, definitions = of_openapi(document, "g", "v1", "Widget")
    assert schema["properties"] == {"spec": {"$ref": "#/$defs/WidgetSpec"}}
    assert definitions == {"WidgetSpec": {"properties": {"size": {"type": "integer"}}, "additionalProperties": False}}


def test_a_kind_has_group_and_version():
    assert split("v1/Service") == ("", "v1", "Service")
    assert split("networking.k8s.io/v1/NetworkPolicy") == ("networking.k8s.io", "v1", "NetworkPolicy")


@pytest.mark.parametrize("project", sources())
def test_each_file_is_of_the_version_and_the_kinds_that_are_named(project):
    source = sources()[project]
    file = json.loads((DIRECTORY / f"{project}.json").read_text())
    assert file["from"] == (source.get("go") or " ".join(source["maven"]))
    wanted = source.get("kinds") or [
        *source.get("classes", {}).values(),
        *(kind for kinds in source.get("openapi", {}).values() for kind in kinds),
    ]
    assert sorted(file["kinds"]) == sorted(wanted)


def test_a_mistake_is_told_with_its_place():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": [], "ports": [{}]}}
    told = mistakes(service)
    assert any(line.startswith("spec.ports.0: ") and "port" in line for line in told)
    assert any(line.startswith("spec: ") and "prots" in line for line in told)


def test_metadata_of_a_custom_resource_are_looked_at_too():
    topic = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "spec": {"partitions": 1}}
    assert mistakes({**topic, "metadata": {"name": "a", "labels": {"b": "c"}}}) == []
    assert any("labels.b" in line for line in mistakes({**topic, "metadata": {"name": "a", "labels": {"b": 1}}}))


def test_a_kind_without_a_schema_is_a_mistake():
    assert "has no schema here" in mistakes({"apiVersion": "v9", "kind": "Service"})[0]
