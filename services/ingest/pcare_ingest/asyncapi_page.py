"""The AsyncAPI document as a page for people: channels, who reads and writes them, and every message's fields.

Made here and not by a viewer from elsewhere, so that it needs no internet and no script.
"""

import html
from collections.abc import Iterable, Mapping
from string import Template
from typing import Any

_ACTIONS = {"send": "writes", "receive": "reads"}


def render(page: Template, document: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page. `schemas` are those that the document refers to as files beside it, by their reference."""
    messages = document["components"]["messages"]
    parts = {
        "title": _text(document["info"]["title"]),
        "version": _text(document["info"]["version"]),
        "description": _text(document["info"]["description"]),
        "contents": "".join(
            f'<li><a href="#channel-{_text(name)}"><code>{_text(channel["address"])}</code></a></li>'
            for name, channel in document["channels"].items()
        ),
        "channels": "".join(_channel(name, channel, document) for name, channel in document["channels"].items()),
        "messages": "".join(_message(name, message, document, schemas) for name, message in messages.items()),
    }
    return page.substitute(parts)


def _channel(name: str, channel: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    operations = [
        operation
        for operation in document["operations"].values()
        if operation["channel"]["$ref"] == f"#/channels/{name}"
    ]
    uses = "".join(
        f"<li><b>{_ACTIONS[operation['action']]}</b>: {_text(operation['summary'])}</li>" for operation in operations
    )
    parameters = "".join(
        f"<p><code>{{{_text(parameter)}}}</code>: {_text(about['description'])}</p>"
        for parameter, about in channel.get("parameters", {}).items()
    )
    links = ", ".join(f'<a href="#message-{_text(message)}">{_text(message)}</a>' for message in channel["messages"])
    return (
        f'<section id="channel-{_text(name)}"><h3><code>{_text(channel["address"])}</code></h3>'
        f"<p>{_text(channel['description'])}</p>{parameters}<ul>{uses}</ul><p>Messages: {links}</p></section>"
    )


def _message(
    name: str, message: Mapping[str, Any], document: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]
) -> str:
    reference = message["payload"]["schema"]["$ref"]
    schema = _resolved(reference, document, schemas)
    about = message.get("summary") or message.get("title", "")
    raw = "" if reference.startswith("#") else f' <a href="{_text(reference.removeprefix("./"))}">JSON Schema</a>'
    key = message["bindings"]["kafka"]["key"]["description"]
    return (
        f'<section id="message-{_text(name)}"><h3>{_text(name)}</h3><p>{_text(about)}</p>'
        f"<p>Content type <code>{_text(message['contentType'])}</code>. Key: {_text(key)}.{raw}</p>"
        f"{_fields(schema)}</section>"
    )


def _resolved(
    reference: str, document: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    if not reference.startswith("#/"):
        return schemas[reference]
    node: Mapping[str, Any] = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def _fields(schema: Mapping[str, Any]) -> str:
    rows = "".join(_rows(schema, ""))
    if not rows:
        return f"<p>{_text(schema.get('description', ''))}</p>"
    return f"<table><tr><th>field</th><th></th><th>holds</th><th>meaning</th></tr>{rows}</table>"


def _rows(schema: Mapping[str, Any], before: str) -> Iterable[str]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        needed = "required" if name in required else "optional"
        yield (
            f"<tr><td><code>{_text(before + name)}</code></td><td>{needed}</td><td>{_holds(field)}</td>"
            f"<td>{_text(field.get('description', ''))}</td></tr>"
        )
        yield from _rows(field, f"{before}{name}.")


def _holds(field: Mapping[str, Any]) -> str:
    """Say in a few words what a field may hold."""
    if "anyOf" in field:
        return " or ".join(_holds(one) for one in field["anyOf"] if one.get("type") != "null")
    if "const" in field:
        return f"<code>{_text(field['const'])}</code>"
    if "enum" in field:
        return ", ".join(f"<code>{_text(value)}</code>" for value in field["enum"])
    if "x-code-list" in field:
        return f"code of the list {_text(field['x-code-list'])}"
    if "items" in field:
        return f"list of: {_holds(field['items'])}"
    kind = field.get("type", "anything")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    bounds = [f"{word} {field[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in field]
    pattern = f" <code>{_text(field['pattern'])}</code>" if "pattern" in field else ""
    return _text(" ".join([words, *bounds])) + pattern


def _text(value: Any) -> str:
    return html.escape(str(value))
