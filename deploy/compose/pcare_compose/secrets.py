"""The secrets of the system in containers: a file each, made once. Made again, what is there stays.

To change one, delete its file, make the secrets again, and `docker compose up`: docs/compose.md says what then happens.
"""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pcare_audit.signed_note import NoteError, Signer
from pcare_compose import files
from pcare_ingest import keys, token_keys

PASSWORD_BYTES = 32
OWNER = "pcare"
LOGINS = (OWNER, "ingest", "recorder", "operator", "auditor", "sealer", "grafana")
"""Who logs in to PostgreSQL; the owner of the database among them."""
KAFKA_USERS = ("admin", "ingest", "recorder", "kpi-aggregator", "auditor", "sealer", "operator", "provider-demo-trust")
"""Who logs in to Kafka. The last is one of the made-up providers of the profile `demo`."""
OTHERS = ("grafana-admin", "metrics-token", "kpi-token")
"""Of Grafana's administrator, of whoever reads /metrics, of whoever reads the board."""
DATABASE = "postgres:5432/pcare"

PSEUDONYM_KEY = "pseudonym.key"
TOKEN_KEY = "token.key"  # noqa: S105 - the name of a file
SIGNING_KEY = "checkpoint-signing.key"
PUBLIC_KEY = f"{SIGNING_KEY}.pub"
"""What the sealer's signatures are verified with: no secret, and to be handed to whoever audits."""
SIGNER = "record"
"""Whose the sealer's signatures are; as the sealer has it where nothing else is set (PCARE_SEAL_NAME)."""

Make = Callable[[], str]


def make(directory: Path) -> list[str]:
    """Make what is missing in `directory`, and return the names of what was made.

    Raises OSError for a file that cannot be written, ValueError for a signing key that is none.
    """
    files.prepare(directory)
    made = []
    for name, new in _once():
        if not files.is_there(directory / name):
            files.write(directory / name, new())
            made.append(name)
    for login in LOGINS:
        made += _follow(directory / f"postgres-{login}.dsn", _dsn(directory, login))
    return made + _follow(directory / PUBLIC_KEY, _public(directory / SIGNING_KEY))


def _once() -> Iterator[tuple[str, Make]]:
    for login in LOGINS:
        yield f"postgres-{login}", _password
    for user in KAFKA_USERS:
        yield f"kafka-{user}", _password
    for name in OTHERS:
        yield name, _password
    yield PSEUDONYM_KEY, lambda: _as_text(keys.new)
    yield TOKEN_KEY, lambda: _as_text(token_keys.new)
    yield SIGNING_KEY, lambda: _as_text(lambda file: Signer.new(file, SIGNER))


def _password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES) + "\n"


def _as_text(new: Callable[[Path], object]) -> str:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "key"
        new(file)
        return file.read_text(encoding="ascii")


def _dsn(directory: Path, login: str) -> str:
    password = (directory / f"postgres-{login}").read_text(encoding="utf-8").strip()
    return f"postgresql://{login}:{password}@{DATABASE}\n"


def _public(file: Path) -> str:
    try:
        return f"{Signer.load(file, SIGNER).verifier}\n"
    except NoteError as error:
        raise ValueError(str(error)) from error


def _follow(file: Path, text: str) -> list[str]:
    """Write what follows from another file, if it says something else."""
    if files.is_there(file) and file.read_text(encoding="utf-8") == text:
        return []
    files.write(file, text)
    return [file.name]
