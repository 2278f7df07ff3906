"""What is sent to a provider once it is registered: how it sends events, and by what it proves who it is. Pure."""

from collections.abc import Iterable, Sequence

from pcare_cli.providers.credentials import Credential, Form
from pcare_schemas.register import Provider

PLACE = "<address of ingest>"
MARGIN = "  "

Section = Sequence[tuple[str, str]]
"""One way in: what is told, and its name."""


def lines(provider: Provider, sections: Iterable[Section]) -> list[str]:
    """Return the letter: what is true of every way, then each way, then the next step."""
    kinds = "all" if provider.kinds is None else ", ".join(provider.kinds)
    told: list[tuple[str, str]] = [("source", f"{provider.source}  (in every event)"), ("kinds", kinds)]
    for section in sections:
        told += section
    width = max(len(name) for name, _ in told)
    return [
        "",
        f"To send to {provider.name}, a key by a safe way and not in an e-mail:",
        "",
        *(f"{MARGIN}{name:<{width}}  {value}" for name, value in told),
        "",
        "How to send events: docs/send-events.md. What each kind holds: docs/events.md.",
    ]


def over_http(
    provider: Provider, url: str | None, credentials: Iterable[Credential], *, api_key: str | None = None
) -> Section:
    """Return what is told of the way over HTTP. `api_key` is the text of one that was made just now."""
    base = (url or PLACE).rstrip("/")
    told = [
        ("send to", f"POST {base}/events"),
        ("try without effect", f"POST {base}/events/check"),
        ("documentation", f"{base}/docs"),
    ]
    if api_key is not None:
        told.append(("API key", f"{api_key}  (shown this once)"))
        told.append(("in each request", "Authorization: Bearer <API key>"))
    clients = [one for one in credentials if one.form is Form.private_key_jwt]
    for client in clients:
        told.append(("client id", f"{client.id}  (its keys: {', '.join(client.key_ids)})"))
        told.append(("access token", f"POST {base}/oauth2/token, by a JWT that it signs (RFC 7523)"))
    if api_key is None and not clients:
        told.append(("credential", f"none yet: `pcare providers key new {provider.code}`, or `jwks add`"))
    told.append(("next", f"pcare conformance --as {provider.code} --url {base}"))
    return told
