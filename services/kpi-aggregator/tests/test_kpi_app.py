"""The end of the process: asked to stop, it ends with 0, also where a client cannot say goodbye."""

import asyncio
from typing import Any

import pytest
import structlog

from pcare_common import shutdown
from pcare_kpi_aggregator import app
from pcare_kpi_aggregator.settings import AggregatorSettings


class Ending:
    """A service that is asked to stop at once, and ends as it is told to."""

    error: Exception | None = None

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    async def run(self, stop: asyncio.Event) -> None:
        pass

    async def stop(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("error", [None, ConnectionResetError("the broker has closed the connection")])
async def test_asked_to_stop_it_ends_with_nought(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    left: list[int] = []
    monkeypatch.setattr(Ending, "error", error)
    monkeypatch.setattr(app, "Service", Ending)
    monkeypatch.setattr(shutdown, "stop_on_signals", asyncio.Event)
    monkeypatch.setattr(app, "_go", lambda: left.append(0))
    monkeypatch.setattr(app, "LAST_SECONDS", 0.0)
    monkeypatch.setattr(app.threading.Timer, "start", lambda _timer: None)
    with structlog.testing.capture_logs() as logged:
        await app._run(AggregatorSettings())
    assert left == [0]
    assert [line["event"] for line in logged][-1] == "stopped"
    assert any("ConnectionResetError" in line.get("error", "") for line in logged) == (error is not None)
