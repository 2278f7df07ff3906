"""The event catalogue for an integrator, docs/events.md, made from the models, the code lists and the reasons."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pcare_schemas.code_lists import CodeList
from pcare_schemas.deprecations import Deprecations
from pcare_schemas.envelope import SUBJECT_FORMS, Event, schema_of, type_of
from pcare_schemas.examples import VALID
from pcare_schemas.field_words import words
from pcare_schemas.json_schemas import of_kind
from pcare_schemas.kinds import KINDS
from pcare_schemas.person import PersonData, PersonEvent
from pcare_schemas.rejections import MAX_EVENT_BYTES, MEANINGS
from pcare_schemas.rules import Rules

_HEAD = """\
<!-- Made by `python -m pcare_schemas.generate`; change the models instead. -->
# Event catalogue

What a provider may send, field by field, and what comes back when something is wrong. How to send is on
[the page for integrators](send-events.md). The same, for machines: JSON Schemas in
[schemas/json-schema](../schemas/json-schema), all topics in [schemas/asyncapi.yaml](../schemas/asyncapi.yaml), a valid
example of each kind and several invalid ones in [schemas/examples](../schemas/examples).

An event is one JSON document (CloudEvents 1.0, structured mode; over HTTP binary mode is taken too), of at most {most}
bytes:

```json
{example}
```

What to know before the first one:

- **An event is its `source` and `id`, for ever.** Sending it again is safe, and is the right thing to do after a
  timeout: it counts once. The same id with other content is refused (`id_reused`). Order of fields, white space, the
  offset of a time and 47 or 47.0 are not content; nor are `recordedtime`, `dataschema` and `traceparent`.
- **A correction is two events**: an [`event-retracted`](#event-retracted) and a new event with a new id.
- **No NHS number, anywhere but in one place.** Over HTTP the subject may be `nhs-number:` and the ten digits, which are
  turned into a pseudonym before anything is kept. Anywhere else, ten digits that pass the check of an NHS number are
  refused, also grouped 3-3-4, glued to letters or escaped. So do not number events or references with ten digits:
  one in eleven of such numbers would be refused. UUIDs and other hexadecimal tokens of 16 and more are safe.
- **No free text.** There is no field for it. A field that is not in the catalogue is refused, so that a misspelling is
  never silently lost. `null` is the same as leaving an optional field out.
- **References belong to whoever gave them.** A plan or referral of another organisation is named by its reference and
  `ref_source`, that organisation's `source`.
- **Codes are judged at the event's `time`**: an event of 2019 takes the codes of 2019.
"""

_COMMON = """\
## Common to all events about a person

These are in `data` of every event about a person, beside the fields of its kind.
"""

_REJECTIONS = """\
## Rejections

What is refused is answered over HTTP with a problem document (RFC 9457), and over Kafka with the same document on
`interventions.rejected`, keyed by the topic, partition and offset of the record: the reason, and a list of errors,
each with a JSON Pointer, what is wrong and what was expected. Nothing in it repeats what was sent. One bad event stops
no other.

"""

_DEPRECATIONS = """\
## On its way out

What was released is taken for ever under its type, or announced here first; answers to events that use it say so in the
headers `Deprecation` and `Sunset`. It counts as before.

"""


def page() -> str:
    """Return the whole page."""
    rules = Rules.load()
    parts = [
        _HEAD.format(most=f"{MAX_EVENT_BYTES:,}", example=json.dumps(VALID["sp-referral"], indent=2)),
        "## The envelope\n",
        _fields(_envelope()),
        "### Subjects\n",
        _table(("about", "subject"), [(form, f"`{shape}`") for form, shape in _subject_forms()]),
        _COMMON,
        _fields(_common()),
        *_kinds(rules),
        "## Code lists\n\nDays are the first valid and the first no longer valid; none is no limit.\n",
        *(_code_list(rules.lists[name]) for name in rules.lists),
        _register(rules),
        _rejections(),
        _deprecations(Deprecations.load()),
    ]
    return "\n".join(parts)


def _subject_forms() -> list[tuple[str, str]]:
    return [(form, shape) for form, shape in SUBJECT_FORMS.items() if form != "any"]


def _envelope() -> list[tuple[str, dict[str, Any], bool]]:
    kind = KINDS["sp-referral"]
    schema = of_kind(kind)
    own = {
        "type": {"const": type_of("<kind>")},
        "dataschema": {"const": schema_of("<kind>")},
        "subject": {"type": "see below"},
        "subjectprev": {"type": "a pseudonym, as `subject`"},
        "data": {"type": "the payload of the kind", "description": "What happened"},
    }
    described = {name: field.description for name, field in (kind.model_fields | Event.model_fields).items()}
    return [
        (name, {"description": described[name], **own.get(name, field)}, name in schema["required"])
        for name, field in schema["properties"].items()
    ]


def _common() -> list[tuple[str, dict[str, Any], bool]]:
    return [field for field in _payload(KINDS["sp-referral"]) if field[0] in PersonData.model_fields]


def _payload(kind: type[Event]) -> list[tuple[str, dict[str, Any], bool]]:
    data = of_kind(kind)["properties"]["data"]
    return [(name, schema, name in data.get("required", ())) for name, schema in data["properties"].items()]


def _kinds(rules: Rules) -> Iterable[str]:
    component = ""
    for name, kind in KINDS.items():
        if component != kind.COMPONENT:
            component = kind.COMPONENT
            yield f"## {component.capitalize() if component != 'any' else 'Taking an event back'}\n"
        common = PersonData.model_fields if issubclass(kind, PersonEvent) else {}
        subject = "the subject of the event taken back" if kind.SUBJECT == "any" else f"a {kind.SUBJECT}"
        yield f"### {name}\n"
        yield f"{(kind.__doc__ or '').strip()} Type `{type_of(name)}`; its subject is {subject}.\n"
        yield _fields([field for field in _payload(kind) if field[0] not in common])
        codes = rules.snomed_of(name).codes.values()
        if codes:
            yield "SNOMED CT accepted: " + "; ".join(f"`{code.code}` {code.name}" for code in codes) + ".\n"
        yield f"[Example](../schemas/examples/{name}.json) · [JSON Schema](../schemas/json-schema/{name}.json)\n"


def _fields(fields: Sequence[tuple[str, dict[str, Any], bool]]) -> str:
    return _table(
        ("field", "", "holds", "meaning"),
        [
            (f"`{name}`", "required" if required else _default(schema), words(schema), schema["description"])
            for name, schema, required in fields
        ],
    )


def _default(schema: dict[str, Any]) -> str:
    default = schema.get("default")
    return "optional" if default is None else f"default `{json.dumps(default)}`"


def _code_list(codes: CodeList) -> str:
    rows = [
        (
            f"`{code.code}`",
            code.name,
            *_days(code.validity.document()),
            ", ".join(sorted(code.kinds)) or code.area or "",
        )
        for code in codes.codes.values()
    ]
    return f"### {codes.name}\n\n{codes.title}. Source: {codes.source}\n\n" + _table(
        ("code", "name", "from", "until", "for"), rows
    )


def _register(rules: Rules) -> str:
    rows = [
        (f"`{entry.source}`", entry.name, entry.kind, *_days(entry.validity.document()), entry.successor or "")
        for entry in rules.register.by_source.values()
    ]
    return (
        "## Provider register\n\nThe organisations that are known from the start. The programme registers others, with "
        "or without an ODS code; one without gets `urn:ncl:provider:<slug>`.\n\n"
        + _table(("source", "name", "kind", "from", "until", "taken over by"), rows)
    )


def _rejections() -> str:
    rows = [(f"`{reason}`", str(meaning.status), meaning.title, meaning.action) for reason, meaning in MEANINGS.items()]
    return _REJECTIONS + _table(("reason", "HTTP", "means", "what to do"), rows)


def _deprecations(announced: Deprecations) -> str:
    rows = [(f"`{one.name}`", f"{one.since}", f"{one.sunset or ''}", one.instead) for one in announced.all]
    return _DEPRECATIONS + (
        _table(("what", "announced from", "taken until", "instead"), rows) if rows else "Nothing at present.\n"
    )


def _days(limits: dict[str, str]) -> tuple[str, str]:
    return limits.get("valid_from", ""), limits.get("valid_to", "")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
