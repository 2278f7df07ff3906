"""What a local cluster that lets nobody in unasked needs: certificates, and an administrator with a password.

Brokers know one another by their certificate; everybody else comes with a user name and a password (SCRAM) over TLS.
The certificates are made anew with each program and the authority's own key is never written, so nothing that was
copied from the directory stays good for long. The administrator's password stays with the data that know it.
"""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pcare_local import certificates
from pcare_local.ports import LOOPBACK

ADMINISTRATOR = "admin"
BROKER = "pcare-broker"
MECHANISM = "SCRAM-SHA-512"
DAYS_VALID = 7


@dataclass(frozen=True, slots=True)
class Security:
    """Where the files are, and the administrator's password. The key is readable by its owner alone."""

    authority: Path
    broker: Path
    password: str
    reauthenticate_seconds: int

    def settings(self) -> dict[str, object]:
        """Return what each broker is told about TLS, SCRAM and who may do what."""
        return {
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.broker,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority,
            "listener.name.brokers.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": MECHANISM,
            f"listener.name.clients.{MECHANISM.lower()}.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:CN={BROKER};User:{ADMINISTRATOR}",
            # Or whoever is connected would keep an old password's rights for as long as the connection lasts.
            "connections.max.reauth.ms": self.reauthenticate_seconds * 1000,
        }

    def administrator(self) -> dict[str, Any]:
        """Return the connection options of kafka-python for the administrator, without the servers."""
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": ADMINISTRATOR,
            "sasl_plain_password": self.password,
            "ssl_cafile": str(self.authority),
        }

    def format_arguments(self) -> Sequence[str]:
        """Return what the storage tool is told, so that the administrator is there from the start."""
        return ["--add-scram", f"{MECHANISM}=[name={ADMINISTRATOR},password={self.password}]"]


def secure(directory: Path, *, now: dt.datetime, reauthenticate_seconds: int = 3600) -> Security:
    """Write new certificates below `directory`, and the administrator's password if there is none yet."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = directory / "administrator.password"
    if not password.exists():
        write_secret(password, secrets.token_urlsafe(32))
    authority, broker = directory / "ca.pem", directory / "broker.pem"
    made_authority, made_broker = _certificates(now)
    write_secret(broker, made_broker)
    authority.write_text(made_authority)
    return Security(authority, broker, password.read_text().strip(), reauthenticate_seconds)


def _certificates(now: dt.datetime) -> tuple[str, str]:
    """Return the authority's certificate, and the brokers' key with the chain of theirs, as PEM."""
    authority = certificates.authority("pcare local authority", now, DAYS_VALID)
    broker = certificates.signed(authority, BROKER, [LOOPBACK, "localhost"], now, DAYS_VALID)
    return authority.pem, broker.key_pem + broker.pem + authority.pem


def write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
