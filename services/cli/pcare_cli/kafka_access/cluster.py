"""Users of a cluster as its administrator sees and changes them. Pure logic is in `plan`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, NoError

from pcare_cli.kafka_access.plan import EVERYBODY, Found, Permission

MECHANISM = "SCRAM-SHA-512"
PRINCIPAL = "User:"
LOGIN_MILLISECONDS = 15_000


class NotDoneError(KafkaError):  # type: ignore[misc]
    """The brokers took a change and gave no error, but it is not there."""


class Cluster:
    """Reads and changes users. Methods raise KafkaError; what they did before that stays done."""

    def __init__(self, admin: KafkaAdminClient) -> None:
        self._admin = admin

    def look(self) -> tuple[dict[str, Found], list[Permission]]:
        """Return what is known of every user by name, and what everybody may do, whoever it is."""
        permissions = self._permissions()
        mechanisms = self._mechanisms()
        everybody = sorted(permissions.pop(EVERYBODY, ()))
        by_name = {principal.removeprefix(PRINCIPAL): found for principal, found in permissions.items()}
        names = set(by_name) | set(mechanisms)
        users = {name: Found(frozenset(by_name.get(name, ())), frozenset(mechanisms.get(name, ()))) for name in names}
        return users, everybody

    def grant(self, name: str, permissions: Collection[Permission]) -> None:
        """Let a user do this, beside what it may do already."""
        if not permissions:
            return
        for failed in self._admin.create_acls([_acl(name, permission) for permission in permissions])["failed"]:
            raise failed(f"the permissions of {name} could not be made")

    def revoke(self, name: str, permissions: Collection[Permission]) -> None:
        """Let a user do this no longer: at once, for those who are connected too."""
        if not permissions:
            return
        for _, _, error in self._admin.delete_acls([_filter(name, permission) for permission in permissions]):
            if error is not NoError:
                raise error(f"the permissions of {name} could not be taken away")

    def set_password(self, name: str, password: str, options: Mapping[str, Any]) -> None:
        """Give a user this password, in place of any other, and see that it opens the door.

        `options` are those of the administrator's own connection. The client that asks is told of a refusal without
        a text as of a success; so whether it worked is seen by logging in.
        """
        self._alter(UserScramCredentialUpsertion(name, MECHANISM, password))
        as_user = {**options, "sasl_mechanism": MECHANISM, "sasl_plain_username": name, "sasl_plain_password": password}
        try:
            KafkaAdminClient(client_id="pcare-kafka", bootstrap_timeout_ms=LOGIN_MILLISECONDS, **as_user).close()
        except KafkaError as error:
            raise NotDoneError(f"the brokers took a password for {name}, but it opens nothing ({error})") from error

    def remove_passwords(self, name: str, mechanisms: Iterable[str]) -> None:
        """Let a user log in no longer. Who is connected stays so."""
        asked = list(mechanisms)
        if not asked:
            return
        self._alter(*(UserScramCredentialDeletion(name, mechanism) for mechanism in asked))
        left = self._mechanisms().get(name, frozenset()) & set(asked)
        if left:
            raise NotDoneError(f"{name} still has a password for {', '.join(sorted(left))}")

    def topics(self) -> set[str]:
        """Return the names of all topics."""
        return set(self._admin.list_topics())

    def _alter(self, *alterations: Any) -> None:
        for name, message in self._admin.alter_user_scram_credentials(list(alterations)).items():
            if message is not None:
                raise NotDoneError(f"the password of {name} was not changed: {message}")

    def _mechanisms(self) -> dict[str, frozenset[str]]:
        described = self._admin.describe_user_scram_credentials()
        return {
            name: frozenset(info["mechanism"].name.replace("_", "-") for info in user["credential_infos"])
            for name, user in described.items()
        }

    def _permissions(self) -> dict[str, set[Permission]]:
        every = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        found: dict[str, set[Permission]] = defaultdict(set)
        acls, _ = self._admin.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, every))
        for acl in acls:
            pattern = acl.resource_pattern
            found[acl.principal].add(
                Permission(
                    resource=pattern.resource_type.name,
                    name=pattern.resource_name,
                    operation=acl.operation.name,
                    pattern=pattern.pattern_type.name,
                    kind=acl.permission_type.name,
                    host=acl.host,
                )
            )
        return found


def _acl(name: str, permission: Permission) -> ACL:
    pattern = ResourcePattern(
        ResourceType[permission.resource], permission.name, ACLResourcePatternType[permission.pattern]
    )
    return ACL(*_who_and_what(name, permission), pattern)


def _filter(name: str, permission: Permission) -> ACLFilter:
    pattern = ResourcePatternFilter(
        ResourceType[permission.resource], permission.name, ACLResourcePatternType[permission.pattern]
    )
    return ACLFilter(*_who_and_what(name, permission), pattern)


def _who_and_what(name: str, permission: Permission) -> tuple[str, str, ACLOperation, ACLPermissionType]:
    return (
        PRINCIPAL + name,
        permission.host,
        ACLOperation[permission.operation],
        ACLPermissionType[permission.kind],
    )
