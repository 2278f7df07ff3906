"""The contract as an AsyncAPI 3.0 document."""

from typing import Any, Final

import yaml

from pcare_schemas import topics
from pcare_schemas.envelope import TYPE_PREFIX
from pcare_schemas.kinds import KINDS
from pcare_schemas.recorded import SUBJECT_LINKED_SOURCE, SUBJECT_LINKED_TYPE, SUBJECTS_MERGED_TYPE
from pcare_schemas.sealed import CHECKPOINT_SOURCE, CHECKPOINT_TYPE

_HEADERS: Final = {
    "type": "object",
    "properties": {
        "content-type": {"type": "string", "const": "application/cloudevents+json; charset=UTF-8"},
    },
    "required": ["content-type"],
}
_OFFERED_HEADERS: Final = {
    "type": "object",
    "properties": {"content-type": {"type": "string", "pattern": "^application/cloudevents\\+json"}},
}


def document() -> dict[str, Any]:
    """Return the whole document; schemas are referred to as files beside it."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:ncl:personalised-care:recorder",
        "info": {
            "title": "Personalised Care Recorder",
            "version": "1.0.0",
            "description": (
                "A record of every personalised care intervention in North Central London. Every value is a "
                "CloudEvents 1.0 JSON document (structured mode), keyed by its subject."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": _channels(),
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def as_yaml() -> str:
    """Return the document as YAML."""
    text: str = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)
    return text


def _channels() -> dict[str, Any]:
    kinds = list(KINDS)
    return {
        "submitted": _channel(
            topics.SUBMITTED, kinds, "Events accepted at the edge, persons pseudonymised. Kept 90 days."
        ),
        "submittedByProvider": {
            **_channel(
                topics.SUBMITTED + ".{provider}",
                kinds,
                "A provider's own topic, which it alone may write. Kept 14 days.",
            ),
            "parameters": {
                "provider": {"description": "The provider's ODS code or register slug, in lower case: rke"},
            },
        },
        "recorded": _channel(
            topics.RECORDED,
            ["recorded", "subjectsMerged"],
            "The log: every event recorded, and which subjects turned out to be one person. Kept for ever.",
        ),
        "subjects": _channel(
            topics.SUBJECTS,
            ["subjectLinked", "subjectsMerged"],
            "Which subject id stands for which pseudonym, and for which other subject. Compacted.",
        ),
        "rejected": _channel(topics.REJECTED, ["rejection"], "Events refused, and why. Kept 400 days."),
        "kpiPartials": _channel(
            topics.KPI_PARTIALS, ["kpiPartial"], "Each partition's KPI components. Internal; compacted."
        ),
        "checkpoints": _channel(
            topics.CHECKPOINTS,
            ["checkpoint"],
            "Signed statements of what was recorded, as the root of a Merkle tree. Kept for ever.",
        ),
    }


def _channel(address: str, messages: list[str], description: str) -> dict[str, Any]:
    return {
        "address": address,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _operations() -> dict[str, Any]:
    return {
        "submitOverKafka": _operation(
            "receive", "submittedByProvider", "A provider submits an event to its own topic."
        ),
        "takeSubmitted": _operation("receive", "submitted", "The recorder takes what the edge accepted."),
        "record": _operation("send", "recorded", "The recorder writes the log."),
        "linkSubject": _operation("send", "subjects", "The recorder names a new person's subject id."),
        "reject": _operation("send", "rejected", "The recorder tells why an event was refused."),
        "seal": _operation("send", "checkpoints", "The sealer publishes what it signed."),
        "shareComponents": _operation("send", "kpiPartials", "A KPI worker shares its partitions' components."),
    }


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _messages() -> dict[str, Any]:
    submitted = {
        name: {
            "name": TYPE_PREFIX + name + ".v1",
            "title": name,
            "summary": (kind.__doc__ or "").strip().splitlines()[0],
            "contentType": "application/cloudevents+json",
            "headers": {"$ref": "#/components/schemas/offeredHeaders"},
            "payload": _schema(f"./json-schema/{name}.json"),
            "bindings": _keyed_by(f"The event's subject, in UTF-8: a {kind.SUBJECT} subject"),
        }
        for name, kind in KINDS.items()
    }
    return {
        **submitted,
        "recorded": _message("An event as recorded", "./json-schema/recorded.json", "Its subject"),
        "rejection": _message("Why an event was refused", "./json-schema/rejection.json", "The record's origin"),
        "subjectLinked": _message(
            "A pseudonym and its subject id", "#/components/schemas/subjectLinked", "The pseudonym"
        ),
        "subjectsMerged": _message(
            "Two subjects that are one person", "#/components/schemas/subjectsMerged", "The subject that is gone"
        ),
        "kpiPartial": _message("A partition's components", "#/components/schemas/kpiPartial", "The partition"),
        "checkpoint": _message("A signed checkpoint", "#/components/schemas/checkpoint", "The origin of the log"),
    }


def _message(title: str, schema: str, key: str) -> dict[str, Any]:
    return {
        "title": title,
        "contentType": "application/cloudevents+json",
        "headers": {"$ref": "#/components/schemas/headers"},
        "payload": _schema(schema),
        "bindings": _keyed_by(key),
    }


def _schema(reference: str) -> dict[str, Any]:
    return {"schemaFormat": "application/schema+json;version=draft-07", "schema": {"$ref": reference}}


def _keyed_by(description: str) -> dict[str, Any]:
    key = {"type": "string", "description": description}
    return {"kafka": {"key": key, "bindingVersion": "0.5.0"}}


def _schemas() -> dict[str, Any]:
    return {
        "headers": {**_HEADERS},
        "offeredHeaders": {**_OFFERED_HEADERS},
        "subjectLinked": {
            "type": "object",
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string", "description": "The pseudonym"},
                "source": {"const": SUBJECT_LINKED_SOURCE},
                "type": {"const": SUBJECT_LINKED_TYPE},
                "subject": {"type": "string", "description": "The pseudonym"},
                "time": {"type": "string", "format": "date-time"},
                "data": {
                    "type": "object",
                    "properties": {
                        "pseudonym": {"type": "string", "pattern": "^person:k[0-9]{1,3}:[0-9a-f]{32}$"},
                        "subject": {"type": "string", "description": "The subject id: person:<uuid>"},
                    },
                    "required": ["pseudonym", "subject"],
                },
            },
            "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        },
        "subjectsMerged": {
            "type": "object",
            "description": "Whatever is said of `gone`, wherever it stands, is said of `kept`.",
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string", "description": "The subject that is gone"},
                "source": {"const": SUBJECT_LINKED_SOURCE},
                "type": {"const": SUBJECTS_MERGED_TYPE},
                "subject": {"type": "string", "description": "The subject that is gone"},
                "time": {"type": "string", "format": "date-time"},
                "data": {
                    "type": "object",
                    "properties": {
                        "gone": {"type": "string", "description": "person:<uuid>"},
                        "kept": {"type": "string", "description": "person:<uuid>"},
                    },
                    "required": ["gone", "kept"],
                },
            },
            "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        },
        "checkpoint": {
            "type": "object",
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string", "description": "Size and time"},
                "source": {"const": CHECKPOINT_SOURCE},
                "type": {"const": CHECKPOINT_TYPE},
                "subject": {"type": "string", "description": "The origin of the log, as the note's first line has it"},
                "time": {"type": "string", "format": "date-time"},
                "data": {
                    "type": "object",
                    "properties": {
                        "note": {"type": "string", "description": "A C2SP tlog-checkpoint, as a signed note"},
                        "size": {"type": "integer", "minimum": 0, "description": "How many leaves the tree has"},
                    },
                    "required": ["note", "size"],
                },
            },
            "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        },
        "kpiPartial": {
            "type": "object",
            "description": "The components of one partition, with the instant they are of. May change at any time.",
        },
    }
