"""Lets a user in to Kafka, gives it another password, or keeps it out: in the order that is safe to break off.

In: topic and permissions first, the password last, so that whoever has a password can work. Out: the password first, so
that nobody logs in anew, then the permissions, which holds for those who are connected too.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from pcare_cli.kafka_access.cluster import MECHANISM, Cluster
from pcare_cli.kafka_access.plan import Changes, Found, User
from pcare_cli.kafka_access.trail import Trail

PASSWORD_BYTES = 32

Show = Callable[[str], None]
"""Shows a new password to the person who asked for it. It is kept nowhere, so this is the only time."""


class Doorkeeper:
    """Changes users of a cluster, and writes down who asked for it. `options` are the administrator's own.

    Methods raise KafkaError when Kafka does not do it; each may then be called again, and does what is left to do.
    """

    def __init__(self, cluster: Cluster, trail: Trail, options: Mapping[str, Any]) -> None:
        self._cluster = cluster
        self._trail = trail
        self._options = options

    def let_in(
        self, user: User, changes: Changes, make_topic: Callable[[], None], show: Show, password: str | None = None
    ) -> None:
        """Make a user as it is planned: with this password, where it is to have a new one, or with one made up here."""
        details = {**_of(user), **changes.details(), "password": "new" if changes.make_password else "kept"}
        with self._trail.act("kafka-user-added", details):
            if changes.make_topic:
                make_topic()
            self._cluster.grant(user.name, changes.grant)
            self._cluster.revoke(user.name, changes.revoke)
            if changes.make_password:
                self._new_password(user, show, password)

    def rotate(self, user: User, show: Show) -> None:
        """Put a new password in place of the old one."""
        with self._trail.act("kafka-password-rotated", _of(user)):
            self._new_password(user, show)

    def keep_out(self, user: User, found: Found) -> None:
        """Take away the password and all permissions. The topic stays, with what it holds."""
        details = {**_of(user), "revoked": list(map(str, sorted(found.permissions))), "topic": user.topic}
        with self._trail.act("kafka-user-removed", details):
            self._cluster.remove_passwords(user.name, sorted(found.mechanisms))
            self._cluster.revoke(user.name, sorted(found.permissions))

    def _new_password(self, user: User, show: Show, password: str | None = None) -> None:
        password = password or secrets.token_urlsafe(PASSWORD_BYTES)
        self._cluster.set_password(user.name, password, self._options)
        show(password)


def _of(user: User) -> dict[str, Any]:
    return {"user": user.name, "mechanism": MECHANISM}
