"""No secret is in the repository: every file of it is searched for what looks like one of ours, or one of others'."""

import base64
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcare_common import api_keys
from pcare_ingest import keys, token_keys

ROOT = Path(__file__).parents[1]
PATTERNS = {
    "a private key in PEM": r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+(?:[A-Za-z0-9+/=]{32,}\s+)+",
    "a private key as a JSON Web Key": r"\"d\"\s*:\s*\"[A-Za-z0-9_-]{40,}\"",
    "a pseudonym key, or one of tokens": r"\b(?:k[0-9]{1,3}|t[0-9a-f]{8}):[0-9a-f]{64}\b",
    "an API key": rf"\bpcare_[{api_keys.ID_LETTERS}]{{{api_keys.ID_LENGTH}}}_[A-Za-z]{{{api_keys.SECRET_LENGTH}}}\b",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{32,}",
    "a password of 256 bits": (
        r"(?i)(?:password|passwd|secret|token)[\"']?\s*[:=]\s*[\"']?"
        r"(?=[A-Za-z0-9+/_-]*[0-9])(?=[A-Za-z0-9+/_-]*[A-Z])(?=[A-Za-z0-9+/_-]*[a-z])[A-Za-z0-9+/_-]{40,}"
    ),
    "a password in an address": r"\b(?:postgres|postgresql|amqp|https?)://[^\s:/@{}$<>]+:[A-Za-z0-9_-]{20,}@",
    "a key of a cloud": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}\b",
    "a token of a forge": r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bglpat-[A-Za-z0-9_-]{20,}\b|\bxox[abprs]-[A-Za-z0-9-]{20,}",
}


def found_in(text: str) -> set[str]:
    return {what for what, pattern in PATTERNS.items() if re.search(pattern, text)}


def files() -> Iterator[Path]:
    """Every file that is committed or would be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    yield from (ROOT / name for name in listed.split("\0") if name)


def test_no_file_holds_a_secret() -> None:
    searched, holding = 0, {}
    for file in files():
        if not file.is_file():
            continue
        searched += 1
        if what := found_in(file.read_text(encoding="utf-8", errors="replace")):
            holding[str(file.relative_to(ROOT))] = what
    assert searched > 500
    assert not holding, "take it out, and change it wherever it is in use: what was committed once is known"


def test_each_kind_is_found(tmp_path: Path) -> None:
    keys.new(tmp_path / "pseudonym.key")
    token_keys.new(tmp_path / "token.key")
    letters = "".join(secrets.choice("ABCDEFGHIJ0123456789") for _ in range(36))
    block = base64.b64encode(secrets.token_bytes(48)).decode()
    header = base64.urlsafe_b64encode(b'{"alg":"ES256","typ":"at+jwt"}').decode().rstrip("=")
    planted = {
        "a private key in PEM": f"-----BEGIN {'EC'} PRIVATE KEY-----\n{block}\n{block}\n-----END",
        "a private key as a JSON Web Key": f'{{"kty": "EC", "d": "{secrets.token_urlsafe(32)}"}}',
        "a pseudonym key, or one of tokens": (tmp_path / "pseudonym.key").read_text(),
        "an API key": f"export PCARE_API_KEY={api_keys.new().text}",
        "a signed token": f"Bearer {header}.{header}.{secrets.token_urlsafe(64)}",
        "a password of 256 bits": f'PCARE_KAFKA_SASL_PASSWORD: "Aa0{secrets.token_urlsafe(32)}"',
        "a password in an address": f"PCARE_POSTGRES_DSN=postgresql://pcare:{secrets.token_urlsafe(32)}@db/pcare",
        "a key of a cloud": f"AKIA{letters[:16]}",
        "a token of a forge": f"ghp_{letters}",
    }
    assert planted.keys() == PATTERNS.keys()
    for what, text in planted.items():
        assert what in found_in(f"x = 1\n{text}\n"), what
    assert found_in((tmp_path / "token.key").read_text())


@pytest.mark.parametrize("name", ["*.pem", "*.key", "*.p12", "*.jks", ".env"])
def test_no_file_is_named_like_one(name: str) -> None:
    assert not [file for file in files() if file.match(name) and file.is_file()]
