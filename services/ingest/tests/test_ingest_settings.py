"""The settings of ingest."""

import pytest

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


def test_it_listens_beyond_loopback_when_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCARE_INGEST_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("PCARE_INGEST_ALLOW_OPEN", "true")

    assert settings.load(IngestSettings).ingest_host == "0.0.0.0"  # noqa: S104


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
