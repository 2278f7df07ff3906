"""What a local cluster that lets nobody in unasked needs: certificates, and an administrator with a password.

Brokers know one another by their certificate; everybody else comes with a user name and a password (SCRAM) over TLS.
The certificates are made anew with each program and the authority's own key is never written, so nothing that was
copied from the directory stays good for long. The administrator's password stays with the data that know it.
"""

import datetime as dt
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pcare_local.ports import LOOPBACK

ADMINISTRATOR = "admin"
BROKER = "pcare-broker"
MECHANISM = "SCRAM-SHA-512"
DAYS_VALID = 7
_CLOCKS_APART = dt.timedelta(minutes=5)


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
    authority_key, broker_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name, broker_name = _name("pcare local authority"), _name(BROKER)
    authority = (
        _certificate(authority_name, authority_name, authority_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), x509.DNSName("localhost")]
    both_ways = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    broker = (
        _certificate(broker_name, authority_name, broker_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both_ways), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    key = broker_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _pem(authority), key.decode() + _pem(broker) + _pem(authority)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_APART)
        .not_valid_after(now + dt.timedelta(days=DAYS_VALID))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
