"""`python -m pcare_kubernetes.secrets | kubectl create -f -` makes the installation's secrets, each once.

`create` refuses what is there already, so nothing that is in use is overwritten. Nothing is written to a disk here.
Who has a store of secrets makes Secrets of the same names and keys from there instead.
"""

import argparse
import secrets
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pcare_audit.signed_note import Verifier
from pcare_schemas.pseudonym import DEFAULT_KEY_ID, MIN_SECRET_BYTES

LOGINS = ("pcare", "recorder", "ingest", "operator", "auditor", "sealer", "grafana")
"""The database's, the owner first. Each has a Secret `login-NAME`."""

DATABASE = "postgres-rw:5432/pcare"
AUTHORITY = "/etc/pcare/authorities/postgres.crt"
SIGNING = "checkpoint-signing"
NAMES = frozenset({*(f"login-{login}" for login in LOGINS), "ingest-keys", SIGNING, "metrics-token", "kpi-token"})
PUBLIC = "checkpoint-keys"
"""The ConfigMap of what the sealer's signatures are verified with: no secret, and to be handed to whoever audits."""
SIGNER = "record"
"""Whose the sealer's signatures are; as the sealer has it where nothing else is set (PCARE_SEAL_NAME)."""


def make(namespace: str) -> list[dict[str, Any]]:
    """Return all of them, with new random content, and the ConfigMap of the public key that belongs to one."""
    made = [_login(login) for login in LOGINS]
    made.append(
        _secret(
            "ingest-keys",
            {
                "pseudonym": f"{DEFAULT_KEY_ID}:{secrets.token_hex(MIN_SECRET_BYTES)}\n",
                "token": f"t{secrets.token_hex(4)}:{secrets.token_hex(32)}\n",
            },
        )
    )
    made += [_secret(name, {"token": secrets.token_hex(32)}) for name in ("metrics-token", "kpi-token")]
    made += _signing()
    for one in made:
        one["metadata"]["namespace"] = namespace
    return made


def _signing() -> list[dict[str, Any]]:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PUBLIC}}
    return [_secret(SIGNING, {"key": pem}), {**public, "data": {"public": f"{Verifier(SIGNER, key.public_key())}\n"}}]


def _login(login: str) -> dict[str, Any]:
    password = secrets.token_hex(24)
    dsn = f"postgresql://{login}:{password}@{DATABASE}?sslmode=verify-full&sslrootcert={AUTHORITY}"
    made = _secret(f"login-{login}", {"username": login, "password": password, "dsn": dsn})
    # By this CloudNativePG notices that a password was changed.
    return {
        **made,
        "type": "kubernetes.io/basic-auth",
        "metadata": {**made["metadata"], "labels": {"cnpg.io/reload": "true"}},
    }


def _secret(name: str, content: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "Opaque",
        "stringData": dict(content),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print them as YAML, for `kubectl create -f -`."""
    parser = argparse.ArgumentParser(description="Make the installation's secrets, for `kubectl create -f -`.")
    parser.add_argument("--namespace", default="pcare")
    made = make(parser.parse_args(arguments).namespace)
    if sys.stdout.isatty():
        raise SystemExit(
            "These are secrets. Send them to the cluster: python -m pcare_kubernetes.secrets | kubectl create -f -"
        )
    yaml.safe_dump_all(made, sys.stdout, sort_keys=False, width=200)


if __name__ == "__main__":
    main()
