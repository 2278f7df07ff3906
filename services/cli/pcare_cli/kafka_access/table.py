"""The plan of who may do what, for people: as a table of docs/kafka-access.md, and as lines. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from pcare_cli.kafka_access.plan import PROVIDER_USER, AccessPlan
from pcare_schemas.topics import SUBMITTED


def table(plan: AccessPlan) -> str:
    """Return a table in Markdown: each user, what it is for, and what it may do."""
    lines = ["| user | for | may |", "|---|---|---|"]
    for name, purpose, may in _rows(plan):
        told = "<br>".join(f"{operations} {resource} `{what}`" for operations, resource, what in may)
        lines.append(f"| `{name}` | {purpose} | {told} |")
    return "\n".join(lines)


def listing(plan: AccessPlan) -> str:
    """Return the same as lines for a terminal."""
    lines = []
    for name, purpose, may in _rows(plan):
        lines.append(f"{name}: {purpose}")
        lines += (f"    {operations:22} {resource} {what}" for operations, resource, what in may)
    return "\n".join(lines)


_May = list[tuple[str, str, str]]


def _rows(plan: AccessPlan) -> Iterator[tuple[str, str, _May]]:
    for name, user in plan.users.items():
        yield name, user.purpose, [*_may("topic", user.topics), *_may("group", user.groups)]
    own = _may("topic", {f"{SUBMITTED}.<slug>": plan.provider})
    yield f"{PROVIDER_USER}<slug>", "a provider that writes to Kafka itself", own


def _may(resource: str, named: Mapping[str, Iterable[str]]) -> _May:
    return [(", ".join(operations), resource, name) for name, operations in named.items()]
