"""Starting and ending the service."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from pcare_common.errors import EXIT_CONFIGURATION, EXIT_TRY_AGAIN, OperatorError
from pcare_common.health import Health
from pcare_ingest import app, keys
from pcare_ingest.settings import IngestSettings
from pcare_local.ports import free_ports

NOBODY = "127.0.0.1:1"


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    """Start the service with exactly these variables and wait for its end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PCARE_")}
    return subprocess.run(
        [sys.executable, "-m", "pcare_ingest"],
        env={**inherited, "PCARE_KAFKA_BOOTSTRAP_SERVERS": NOBODY, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_key_it_does_not_start_and_names_variable_and_command() -> None:
    ended = run(PCARE_INGEST_PORT=str(free_ports(1)[0]))

    assert ended.returncode == EXIT_CONFIGURATION
    assert "PCARE_PSEUDONYM_KEY_FILE" in ended.stderr
    assert "pcare keys new FILE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_register_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    keys.new(tmp_path / "key")
    ended = run(
        PCARE_INGEST_PORT=str(free_ports(1)[0]),
        PCARE_PSEUDONYM_KEY_FILE=str(tmp_path / "key"),
        PCARE_PROVIDER_REGISTER=str(tmp_path / "no-such-register.yaml"),
    )

    assert ended.returncode == EXIT_CONFIGURATION
    assert "PCARE_PROVIDER_REGISTER" in ended.stderr
    assert "no-such-register.yaml" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_stops_in_time_while_it_waits_for_a_broker(tmp_path: Path) -> None:
    keys.new(tmp_path / "key")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PCARE_")}
    environment = {
        "PCARE_KAFKA_BOOTSTRAP_SERVERS": NOBODY,
        "PCARE_INGEST_PORT": str(free_ports(1)[0]),
        "PCARE_PSEUDONYM_KEY_FILE": str(tmp_path / "key"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "pcare_ingest"], env={**inherited, **environment}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any("trying again" in line for line in process.stderr)
        process.terminate()
        rest = process.communicate(timeout=30)[1]

    assert process.returncode == 0
    assert "Traceback" not in rest


class NoPublisher:
    """Stands for the publisher; `run` ends as the test wants."""

    def __init__(self, *_: Any, **_more: Any) -> None:
        self.given_up = False
        self.closed = False

    def health(self) -> Health:
        return Health()

    async def run(self) -> None:
        await asyncio.Event().wait()

    def give_up(self) -> None:
        self.given_up = True

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IngestSettings:
    keys.new(tmp_path / "key")
    monkeypatch.setenv("PCARE_PSEUDONYM_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setattr(app, "_settle_garbage", lambda: None)  # the collector of the test run is not ours
    return IngestSettings(ingest_port=free_ports(1)[0])


async def test_it_ends_with_the_status_for_a_new_start_when_publishing_ends(
    configured: IngestSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(NoPublisher):
        async def run(self) -> None:
            raise RuntimeError("a fault of ours")

    monkeypatch.setattr(app, "KafkaPublisher", Broken)

    assert await app.serve(configured) == EXIT_TRY_AGAIN


async def test_it_serves_until_it_is_told_to_stop(configured: IngestSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = asyncio.Event()
    monkeypatch.setattr(app, "stop_on_signals", lambda: stop)
    monkeypatch.setattr(app, "KafkaPublisher", NoPublisher)
    serving = asyncio.create_task(app.serve(configured))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{configured.ingest_port}", trust_env=False) as client:
        for _ in range(200):
            if not serving.done():
                try:
                    answer = await client.get("/health/live")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.01)
    stop.set()

    assert answer.status_code == 200
    assert await serving == 0


async def test_a_port_in_use_is_named(configured: IngestSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "KafkaPublisher", NoPublisher)
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", configured.ingest_port)
    async with taken:
        with pytest.raises(OperatorError, match=str(configured.ingest_port)):
            await app.serve(configured)
