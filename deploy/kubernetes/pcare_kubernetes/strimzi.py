"""Topics and users of Kafka as Strimzi's resources, from what `pcare topics` and `pcare kafka` go by. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from pcare_cli.kafka_access.plan import AccessPlan, Permission, User
from pcare_cli.topic_plan import Plan, TopicPlan, copies

CLUSTER = "pcare"
"""The name of the Kafka resource, which topics and users name in a label."""

ADMINISTRATOR = "admin"
"""The user that the Kafka resource lists as superUser: nobody asks what it may do."""

Resource = dict[str, Any]


def topics(plan: Plan, providers: Iterable[str], brokers: int) -> list[Resource]:
    """Return a KafkaTopic for each topic of a cluster of `brokers`, those of the providers named among them.

    Raises ValueError for what is neither ODS code nor slug.
    """
    return [_topic(name, planned, brokers) for name, planned in plan.with_providers(providers).items()]


def users(plan: AccessPlan, providers: Iterable[str]) -> list[Resource]:
    """Return a KafkaUser for each service, whoever audits or mends, the providers named and the administrator.

    Strimzi removes users that nobody declares to it, so this is all of them. Raises ValueError likewise.
    """
    services = [User(name, planned.permissions()) for name, planned in plan.users.items()]
    return [
        _user(ADMINISTRATOR, None),
        *(_user(user.name, user.permissions) for user in (*services, *map(plan.of_provider, providers))),
    ]


def _topic(name: str, planned: TopicPlan, brokers: int) -> Resource:
    spec = {"partitions": planned.partitions, "replicas": copies(brokers), "config": planned.configs(brokers)}
    return _resource("KafkaTopic", name, spec)


def _user(name: str, permissions: Iterable[Permission] | None) -> Resource:
    spec: Resource = {"authentication": {"type": "scram-sha-512"}}
    if permissions is not None:
        spec["authorization"] = {"type": "simple", "acls": _acls(permissions)}
    return _resource("KafkaUser", name, spec)


def _acls(permissions: Iterable[Permission]) -> list[Resource]:
    """Return a rule for each topic and group, with all that may be done with it."""
    operations: dict[tuple[str, str, str], list[str]] = {}
    for one in sorted(permissions):
        operations.setdefault((one.resource, one.name, one.pattern), []).append(one.operation.capitalize())
    return [_acl(resource, name, pattern, may) for (resource, name, pattern), may in operations.items()]


def _acl(resource: str, name: str, pattern: str, may: list[str]) -> Resource:
    which: Mapping[str, str] = {"LITERAL": "literal", "PREFIXED": "prefix"}
    return {
        "resource": {"type": resource.lower(), "name": name, "patternType": which[pattern]},
        "operations": may,
        "host": "*",
    }


def _resource(kind: str, name: str, spec: Resource) -> Resource:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"strimzi.io/cluster": CLUSTER}},
        "spec": spec,
    }
