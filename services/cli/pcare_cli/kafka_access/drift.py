"""In what the users of a cluster differ from the plan, in words that say what to do. Pure: no client."""

from collections.abc import Collection, Iterable, Mapping

from pcare_cli.kafka_access.plan import PROVIDER_USER, AccessPlan, Found, Permission, User, to_add

OURS = "interventions."
"""How the names of our topics begin."""


def of_services(
    plan: AccessPlan, users: Mapping[str, Found], everybody: Iterable[Permission], mechanism: str
) -> list[str]:
    """Return what differs of the planned users, and who else may do something with our topics."""
    unlike: list[str] = []
    for name in plan.users:
        user = plan.service(name)
        if user is not None:
            unlike += _of(user, users.get(name), mechanism, f"`pcare kafka add {name}`")
    unlike += (f"everybody: {permission}. Take it away." for permission in sorted(everybody) if _reaches_us(permission))
    for name in sorted(set(users) - set(plan.users)):
        if not name.startswith(PROVIDER_USER):
            unlike += (
                f"{name}: has {permission}, and is no user of the plan. Take it away, or plan it."
                for permission in sorted(users[name].permissions)
                if _reaches_us(permission)
            )
    return unlike


def of_providers(
    plan: AccessPlan,
    users: Mapping[str, Found],
    *,
    asked: Iterable[str],
    registered: Collection[str],
    topics: Collection[str],
    mechanism: str,
) -> list[str]:
    """Return what differs of the providers asked for and of all who are in; `registered` are the slugs there are."""
    slugs = {code.lower() for code in asked}
    slugs |= {name.removeprefix(PROVIDER_USER) for name in users if name.startswith(PROVIDER_USER)}
    unlike: list[str] = []
    for slug in sorted(slugs):
        name = PROVIDER_USER + slug
        if slug not in registered:
            mend = f"`pcare providers kafka remove {slug}`, or register it" if name in users else "register it first"
            unlike.append(f"{name}: is not in the register, so nothing that it sends is recorded. {mend}.")
            continue
        user = plan.of_provider(slug)
        found = users.get(name)
        if found is not None:
            found = Found(found.permissions, found.mechanisms, user.topic in topics)
        unlike += _of(user, found, mechanism, f"`pcare providers kafka add {slug}`")
    return unlike


def _of(user: User, found: Found | None, mechanism: str, add: str) -> list[str]:
    if found is None:
        return [f"{user.name}: is not let in. {add}."]
    changes = to_add(user, found, mechanism)
    others = sorted(found.mechanisms - {mechanism})
    texts = [
        *([f"its topic {changes.make_topic} is missing"] if changes.make_topic else []),
        *(f"lacks {permission}" for permission in changes.grant),
        *(f"has {permission}, which is not planned" for permission in changes.revoke),
        *(["has no password"] if changes.make_password else []),
    ]
    by_hand = f"remove that password with Kafka's kafka-configs.sh ({user.name})"
    return [
        *(f"{user.name}: {text}. {add} mends it." for text in texts),
        *(f"{user.name}: can log in by {other} too, which is not planned: {by_hand}." for other in others),
    ]


def _reaches_us(permission: Permission) -> bool:
    """Whether this lets somebody do something with our topics, or with the cluster as a whole."""
    if permission.kind != "ALLOW":
        return False
    if permission.resource == "CLUSTER":
        return True
    if permission.resource != "TOPIC":
        return False
    if permission.pattern == "PREFIXED":
        return permission.name.startswith(OURS) or OURS.startswith(permission.name)
    return permission.name == "*" or permission.name.startswith(OURS)
