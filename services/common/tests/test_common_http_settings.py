"""When a service that only its operators ask refuses to start: it would tell a network what it counts."""

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from certificates import self_signed
from pcare_common import settings
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.http_settings import HttpSettings

TOKEN = "f3b0c44298fc1c14"


class Example(HttpSettings):
    http_service: ClassVar[str] = "example"

    example_http_host: str = "127.0.0.1"
    example_http_port: int = Field(8081)


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Example:
    for name, value in variables.items():
        monkeypatch.setenv(f"PCARE_{name.upper()}", value)
    return settings.load(Example)


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **variables: str) -> str:
    with pytest.raises(SystemExit) as ended:
        load(monkeypatch, **variables)
    assert ended.value.code == EXIT_CONFIGURATION
    return capsys.readouterr().err


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    certificate, key = self_signed(tmp_path)
    return {"http_tls_certificate": str(certificate), "http_tls_key": str(key)}


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_neither_is_asked_for(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, example_http_host=host).http_address == (host, 8081)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "recorder.example"])  # noqa: S104
def test_beyond_it_what_is_missing_is_named(
    host: str, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(monkeypatch, capsys, example_http_host=host)
    assert f"PCARE_EXAMPLE_HTTP_HOST={host}" in said
    assert "Set PCARE_HTTP_TLS_CERTIFICATE, PCARE_HTTP_TLS_KEY, PCARE_METRICS_TOKEN; or PCARE_HTTP_ALLOW_OPEN" in said
    assert "Set PCARE_METRICS_TOKEN; or" in refused(monkeypatch, capsys, **files)
    monkeypatch.setenv("PCARE_METRICS_TOKEN", TOKEN)
    loaded = settings.load(Example)
    assert loaded.certificate() is not None


def test_it_may_be_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, example_http_host="0.0.0.0", http_allow_open="true").certificate() is None  # noqa: S104


def test_certificate_and_key_come_together_and_belong_together(
    tmp_path: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = refused(monkeypatch, capsys, http_tls_certificate=files["http_tls_certificate"])
    assert "are set together" in alone
    other = tmp_path / "other"
    other.mkdir()
    _, key = self_signed(other)
    said = refused(monkeypatch, capsys, http_tls_key=str(key))
    assert "PCARE_HTTP_TLS_CERTIFICATE and PCARE_HTTP_TLS_KEY name no certificate and its key" in said


def test_a_token_that_could_be_guessed_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(monkeypatch, capsys, metrics_token="guess-me")
    assert "PCARE_METRICS_TOKEN" in said
    assert "guess-me" not in said
