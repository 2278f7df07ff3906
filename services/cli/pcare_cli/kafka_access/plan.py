"""Who may do what with Kafka, and in what a cluster differs. Pure: no client.

The plan is deploy/kafka/access.yaml.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pcare_schemas.topics import SUBMITTED, provider_topic

DEFAULT_FILE = Path(__file__).resolve().parents[4] / "deploy" / "kafka" / "access.yaml"
PROVIDER_USER = "provider-"
"""How the names of providers' users begin, and those of nobody else."""

EVERYBODY = "User:*"

Operation = Literal["READ", "WRITE", "DESCRIBE", "DELETE"]


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """What somebody may do (or, DENY, may not), in Kafka's own words."""

    resource: str
    name: str
    operation: str
    pattern: str = "LITERAL"
    kind: str = "ALLOW"
    host: str = "*"

    def __str__(self) -> str:
        named = f"{self.name}*" if self.pattern == "PREFIXED" else self.name
        words = f"{self.operation} on {self.resource.lower()} {named}"
        if self.kind != "ALLOW":
            words = f"{self.kind} {words}"
        return words if self.host == "*" else f"{words} from {self.host}"


@dataclass(frozen=True, slots=True)
class User:
    """One user of the cluster as planned. `topic` is the one that belongs to it alone, where it is a provider's."""

    name: str
    permissions: frozenset[Permission]
    topic: str | None = None


class UserPlan(BaseModel):
    """One user of access.yaml; its comments say what each field means."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    purpose: Annotated[str, Field(alias="for", min_length=1)]
    topics: dict[str, list[Operation]] = {}
    groups: dict[str, list[Operation]] = {}

    def permissions(self) -> frozenset[Permission]:
        """Return what this user may do."""
        return frozenset([*_of("TOPIC", self.topics), *_of("GROUP", self.groups)])


class AccessPlan(BaseModel):
    """All users of services by name, and what a provider may do with its own topic."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    users: dict[str, UserPlan]
    provider: list[Operation]

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> "AccessPlan":
        for name in self.users:
            if name.startswith(PROVIDER_USER):
                raise ValueError(f"the user {name}: names that begin with {PROVIDER_USER} are the providers'")
        return self

    def service(self, name: str) -> User | None:
        """Return the user of a service, or None if the plan has none of that name."""
        planned = self.users.get(name)
        return None if planned is None else User(name, planned.permissions())

    def of_provider(self, code: str) -> User:
        """Return the user of a provider, by ODS code or slug. Raises ValueError for what is neither."""
        topic = provider_topic(code)
        permissions = frozenset(_of("TOPIC", {topic: self.provider}))
        return User(PROVIDER_USER + topic.removeprefix(f"{SUBMITTED}."), permissions, topic)


class AccessPlanError(Exception):
    """The file cannot be used. The message says where it is wrong."""


def read_plan(file: Path = DEFAULT_FILE) -> AccessPlan:
    """Read the file that says who may do what. Raises AccessPlanError naming each place that is wrong."""
    try:
        return AccessPlan.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise AccessPlanError(f"{file} cannot be read ({error.strerror}): name the file with --file") from None
    except yaml.YAMLError as error:
        raise AccessPlanError(f"{file} is not YAML: {error}") from None
    except ValidationError as error:
        places = (f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in error.errors())
        raise AccessPlanError(f"{file} is not right:\n" + "\n".join(f"  {place}" for place in places)) from None


@dataclass(frozen=True, slots=True)
class Found:
    """What a cluster knows of a user: what it may do, by which mechanisms it logs in, whether its topic is there."""

    permissions: frozenset[Permission] = frozenset()
    mechanisms: frozenset[str] = frozenset()
    topic: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes a user as it is planned. Falsy if there is nothing to do."""

    make_topic: str | None = None
    grant: list[Permission] = field(default_factory=list)
    revoke: list[Permission] = field(default_factory=list)
    make_password: bool = False

    def __bool__(self) -> bool:
        return bool(self.make_topic or self.grant or self.revoke or self.make_password)

    def in_words(self) -> list[str]:
        """Return each change as a line that begins with what is done."""
        return [
            *([f"create  topic {self.make_topic}"] if self.make_topic else []),
            *(f"grant   {permission}" for permission in self.grant),
            *(f"revoke  {permission}" for permission in self.revoke),
            *(["make    a password"] if self.make_password else []),
        ]

    def details(self) -> dict[str, object]:
        """Return the changes as plain JSON values, for the audit trail."""
        return {
            "topic_created": self.make_topic,
            "granted": list(map(str, self.grant)),
            "revoked": list(map(str, self.revoke)),
        }


def to_add(user: User, found: Found, mechanism: str) -> Changes:
    """Return what is to be done so that `user` may do what is planned, and nothing else. A password stays."""
    return Changes(
        make_topic=user.topic if user.topic and not found.topic else None,
        grant=sorted(user.permissions - found.permissions),
        revoke=sorted(found.permissions - user.permissions),
        make_password=mechanism not in found.mechanisms,
    )


def _of(resource: str, named: Mapping[str, Iterable[Operation]]) -> Iterable[Permission]:
    for name, operations in named.items():
        pattern = "PREFIXED" if name.endswith("*") else "LITERAL"
        for operation in operations:
            yield Permission(resource, name.removesuffix("*"), operation, pattern)
