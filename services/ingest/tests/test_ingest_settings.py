"""The settings of ingest."""

from pathlib import Path

import pytest

from certificates import self_signed
from pcare_common import settings
from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS
from pcare_ingest.settings import IngestSettings


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "ingest.example"])  # noqa: S104
def test_it_refuses_to_listen_beyond_loopback_while_anyone_may_speak(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PCARE_INGEST_HOST", host)

    with pytest.raises(SystemExit):
        settings.load(IngestSettings)

    said = capsys.readouterr().err
    assert f"PCARE_INGEST_HOST={host}" in said
    assert "PCARE_INGEST_ALLOW_OPEN=true" in said
    assert "with PCARE_POSTGRES_DSN set, or what is given at POST /pseudonyms is in no audit trail" in said


def test_it_listens_beyond_loopback_when_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCARE_INGEST_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("PCARE_INGEST_ALLOW_OPEN", "true")

    assert settings.load(IngestSettings).ingest_host == "0.0.0.0"  # noqa: S104


REGISTER = {
    "PCARE_INGEST_CREDENTIALS": "register",
    "PCARE_POSTGRES_DSN": "postgresql://edge:hidden-word@127.0.0.1/pcare",
    "PCARE_INGEST_TOKEN_KEY_FILE": "key",
}
BEYOND = {
    **REGISTER,
    "PCARE_INGEST_HOST": "0.0.0.0",  # noqa: S104
    "PCARE_INGEST_TOKEN_URL": "https://ingest.example.nhs.uk/oauth2/token, https://other.example/oauth2/token",
    "PCARE_INGEST_TLS_AT_PROXY": "true",
}


def refused(given: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit):
        settings.load(IngestSettings)
    return capsys.readouterr().err


@pytest.mark.parametrize("missing", ["PCARE_POSTGRES_DSN", "PCARE_INGEST_TOKEN_KEY_FILE"])
def test_credentials_need_a_database_and_a_key(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {variable: value for variable, value in REGISTER.items() if variable != missing}

    said = refused(given, monkeypatch, capsys)

    assert f"needs {missing}" in said
    assert "hidden-word" not in said


@pytest.mark.parametrize("missing", ["PCARE_INGEST_TOKEN_URL", "PCARE_INGEST_TLS_AT_PROXY"])
def test_beyond_loopback_credentials_need_tls_and_an_address_for_tokens(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {variable: value for variable, value in BEYOND.items() if variable != missing}

    assert missing in refused(given, monkeypatch, capsys)


def test_with_credentials_it_listens_beyond_loopback_without_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in BEYOND.items():
        monkeypatch.setenv(variable, value)

    assert settings.load(IngestSettings).token_urls == (
        "https://ingest.example.nhs.uk/oauth2/token",
        "https://other.example/oauth2/token",
    )


def test_with_a_certificate_it_needs_no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    tls = {"PCARE_INGEST_TLS_CERTIFICATE": str(certificate), "PCARE_INGEST_TLS_KEY": str(key)}
    for variable, value in {**BEYOND, **tls, "PCARE_INGEST_TLS_AT_PROXY": "false"}.items():
        monkeypatch.setenv(variable, value)

    assert settings.load(IngestSettings).tls == (certificate, key)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PCARE_INGEST_TLS_CERTIFICATE", "are set together"),
        ("PCARE_INGEST_TLS_KEY", "are set together"),
        ("both", "No such file"),
    ],
)
def test_half_a_certificate_and_one_that_is_not_there_are_refused(
    name: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["PCARE_INGEST_TLS_CERTIFICATE", "PCARE_INGEST_TLS_KEY"] if name == "both" else [name]

    assert words in refused(dict.fromkeys(names, "/nowhere"), monkeypatch, capsys)


def test_a_certificate_and_the_key_of_another_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    certificate, _ = self_signed(tmp_path)
    (tmp_path / "other").mkdir()
    _, key = self_signed(tmp_path / "other")

    said = refused(
        {"PCARE_INGEST_TLS_CERTIFICATE": str(certificate), "PCARE_INGEST_TLS_KEY": str(key)}, monkeypatch, capsys
    )

    assert "PCARE_INGEST_TLS_KEY" in said


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8080/oauth2/token"), ("::1", "http://[::1]:8080/oauth2/token")],
)
def test_on_loopback_the_address_for_tokens_is_its_own(host: str, url: str) -> None:
    assert IngestSettings(ingest_host=host).token_urls == (url,)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_leave(host: str) -> None:
    assert IngestSettings(ingest_host=host).ingest_host == host


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PCARE_INGEST_MAX_EVENTS_IN_HAND", str(MAX_BATCH_EVENTS - 1)),
        ("PCARE_INGEST_MAX_BYTES_IN_HAND", str(2 * MAX_BATCH_BYTES - 1)),
        ("PCARE_INGEST_ANSWER_WITHIN_SECONDS", "0"),
        ("PCARE_INGEST_PORT", "70000"),
    ],
)
def test_a_bound_that_could_not_hold_is_refused_by_name(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SystemExit):
        settings.load(IngestSettings)

    assert variable in capsys.readouterr().err
