"""The client package's typed builders of events, sdk/python/pcare_client/events.py, made from the models."""

from collections.abc import Iterator, Mapping
from typing import Any

from pcare_schemas.envelope import Event
from pcare_schemas.json_schemas import of_kind
from pcare_schemas.kinds import KINDS

_HEAD = '''\
"""Builds events from keyword arguments. Made by `python -m pcare_schemas.generate`; change the models instead."""

import datetime as dt
from collections.abc import Sequence
from typing import Literal

from pcare_client.event import Event, build, source_of


class Events:
    """Builds the events of one organisation: its ODS code (RKE), its slug of the provider register, or its URI.

    Each method is a kind of event. `id` names the event for ever: left out, it is made at random, once. `time` needs
    its offset. Optional is what may be None.
    """

    def __init__(self, source: str) -> None:
        self.source = source_of(source)
'''
_PERSON = {
    "nhs_number": ("str | None", "whom it is about, by NHS number; over HTTP only"),
    "subject": ("str | None", "or by pseudonym: person:k1:<32 hex digits>"),
}
_SUBJECTS = {
    "person": _PERSON,
    "link-worker": {"subject": ("str", "link-worker:<organisation>:<local id>")},
    "commissioner": {"subject": ("str", "commissioner:<ODS code>")},
    "team": {"subject": ("str", "team:<organisation>:<local id>")},
    "any": {**_PERSON, "subject": ("str | None", "or the subject of the event taken back, to the letter")},
}
_PREVIOUS = ("str | None", "while the pseudonym key is being changed: the same person's other pseudonym")
_ENVELOPE = {
    "id": ("str | None", "unique within your source, for ever; default a new UUID"),
    "recordedtime": ("dt.datetime | str | None", "when your own system recorded it"),
}
_WIDTH = 120


def module() -> str:
    """Return the source of the module."""
    return _HEAD + "".join("\n" + "\n".join(_method(kind)) + "\n" for kind in KINDS.values())


def _method(kind: type[Event]) -> Iterator[str]:
    data = of_kind(kind)["properties"]["data"]
    required = set(data.get("required", ()))
    fields = {name: (_type(schema), schema.get("description", "")) for name, schema in data["properties"].items()}
    needed = {name: field for name, field in fields.items() if name in required}
    optional = {name: (_or_none(field[0]), field[1]) for name, field in fields.items() if name not in required}
    subject = _SUBJECTS[kind.SUBJECT]
    time = {"time": ("dt.datetime | str", "when it happened")}
    previous = {"subjectprev": _PREVIOUS} if "subjectprev" in kind.model_fields else {}
    arguments = _ordered({**subject, **time, **needed, **optional, **previous, **_ENVELOPE})
    yield f"    def {_name(kind.KIND)}("
    yield "        self,"
    yield "        *,"
    for name, (hint, _) in arguments.items():
        yield from _argument(name, hint)
    yield "    ) -> Event:"
    yield from _words(kind, arguments)
    yield "        return build("
    yield f'            "{kind.KIND}",'
    yield "            source=self.source,"
    for name in {"subject": "", **arguments}:
        yield f"            {name}={name},"
    yield "        )"


def _ordered(arguments: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    needed = {name: field for name, field in arguments.items() if not _may_be_none(field[0])}
    return {**needed, **{name: field for name, field in arguments.items() if name not in needed}}


def _argument(name: str, hint: str) -> Iterator[str]:
    default = " = None" if _may_be_none(hint) else ""
    ignored = "  # noqa: A002" if name == "id" else ""
    line = f"        {name}: {hint}{default},{ignored}"
    if len(line) <= _WIDTH:
        yield line
        return
    opening, _, rest = hint.partition("Literal[")
    words, _, after = rest.partition("]")
    inner = " " * (12 if opening else 8)
    if opening:
        yield f"        {name}: {opening}"
        yield f"{inner}Literal["
    else:
        yield f"{inner}{name}: Literal["
    yield from (f"{inner}    {word}," for word in words.split(", "))
    if opening:
        yield f"{inner}]"
        after = after.removeprefix("]")
    if after:
        yield "        ]"
        yield f"        {after.strip()}{default},"
    else:
        yield f"        ]{default},"


def _words(kind: type[Event], arguments: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    yield f'        """{(kind.__doc__ or "").strip()}'
    yield ""
    for name, (_, words) in arguments.items():
        text = f"        {name}: {words.rstrip('.')}."
        while len(text) > _WIDTH:
            cut = text.rindex(" ", 0, _WIDTH)
            yield text[:cut]
            text = " " * 12 + text[cut + 1 :]
        yield text
    yield '        """'


def _name(kind: str) -> str:
    return kind.replace("-", "_")


def _may_be_none(hint: str) -> bool:
    return hint.endswith("| None")


def _or_none(hint: str) -> str:
    return hint if _may_be_none(hint) else f"{hint} | None"


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return _or_none(next(_type(choice) for choice in schema["anyOf"] if choice.get("type") != "null"))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return "Literal[" + ", ".join(_quoted(value) for value in values) + "]"
    if schema["type"] == "array":
        return f"Sequence[{_type(schema['items'])}]"
    if schema.get("format") == "date":
        return "dt.date | str"
    return {"integer": "int", "number": "float", "boolean": "bool", "string": "str"}[schema["type"]]


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
