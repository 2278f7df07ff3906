"""Waiting for a dependency at the start: as long as it takes, and not a moment longer once it was asked to stop."""

import asyncio
from pathlib import Path

import pytest

from certificates import self_signed
from pcare_common import settings
from pcare_common.clock import SystemClock
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.postgres import PostgresSettings
from pcare_recorder.errors import Dependency
from pcare_recorder.progress import Progress
from pcare_recorder.startup import StoppedError, reach


async def refused() -> None:
    """Fail as a closed port does: before anything else can run."""
    raise ConnectionRefusedError


async def test_asked_to_stop_while_a_closed_port_is_tried_again_it_stops() -> None:
    stop = asyncio.Event()
    progress = Progress(SystemClock().monotonic(), 60, 180)
    waiting = asyncio.create_task(
        reach(Dependency.POSTGRESQL, refused, progress=progress, clock=SystemClock(), stop=stop)
    )
    await asyncio.sleep(0.05)
    assert not waiting.done()
    stop.set()
    with pytest.raises(StoppedError):
        await asyncio.wait_for(waiting, 5)


async def test_it_waits_until_the_dependency_answers() -> None:
    answers = iter((ConnectionRefusedError(), None))

    async def connect() -> str:
        error = next(answers)
        if error is not None:
            raise error
        return "connected"

    progress = Progress(SystemClock().monotonic(), 60, 180)
    reached = reach(Dependency.KAFKA, connect, progress=progress, clock=SystemClock(), stop=asyncio.Event())
    assert await reached == "connected"


def test_a_certificate_that_is_missing_is_no_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    monkeypatch.setenv("PCARE_POSTGRES_DSN", f"postgresql://u:secret@db/x?sslmode=verify-full&sslrootcert={file}")
    with pytest.raises(SystemExit) as ended:
        settings.load(PostgresSettings)
    assert ended.value.code == EXIT_CONFIGURATION
    said = capsys.readouterr().err
    assert "the file that sslrootcert names cannot be read" in said
    assert "secret" not in said
    file.touch()
    with pytest.raises(SystemExit):
        settings.load(PostgresSettings)
    assert "the file that sslrootcert names holds no certificates" in capsys.readouterr().err
    made, _ = self_signed(tmp_path)
    made.rename(file)
    settings.load(PostgresSettings)
