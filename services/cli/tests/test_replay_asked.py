"""What is wrong with a question is said before anything is read, in one line, with status 2."""

import datetime as dt
import re
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from pcare_audit.replaying.folding import Applied
from pcare_audit.replaying.frame import Frame, Span, Where
from pcare_cli.main import app
from pcare_cli.replaying import aggregator
from pcare_cli.replaying.aggregator import NoAnswerError, Streamed
from pcare_cli.replaying.running import behind

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["replay", "--json", "nowhere/replay.json"], "nowhere/replay.json cannot be written"),
        (["replay", "--from", "2026-12-01T00:00:00Z", "--to", "2026-11-01T00:00:00Z"], "--from is not before --to"),
        (["statement", "--month", "0001-01"], "is no day"),
        (["statement", "--month", "9999-12"], "is no day"),
    ],
)
def test_it_is_said_at_once(asked: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PCARE_POSTGRES_DSN", "postgresql://nobody@127.0.0.1:1/nothing")
    done = CliRunner().invoke(app, ["audit", *asked])
    assert done.exit_code == 2, done.output
    assert words in done.output


@pytest.mark.parametrize("address", ["http://127.0.0.1:8082x", "http://[::1", "127.0.0.1:8082", "http://127.0.0.1:1"])
async def test_an_address_that_leads_to_no_aggregator_is_said(address: str) -> None:
    for asked in (aggregator.ask, aggregator.catalogue_of):
        with pytest.raises(NoAnswerError, match=re.escape(address)):
            await asked(address)


@pytest.mark.parametrize(
    "answer", ["[]", "7", "null", "{}", '{"complete": true}', '{"complete": true, "kpis": 1}', "x"]
)
async def test_an_answer_that_is_no_aggregators_is_said(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = httpx.MockTransport(lambda _request: httpx.Response(200, text=answer))
    monkeypatch.setattr(aggregator, "_client", lambda address: httpx.AsyncClient(base_url=address, transport=said))
    for asked in (aggregator.ask, aggregator.catalogue_of):
        with pytest.raises(NoAnswerError, match="no aggregator of this release"):
            await asked("http://x")


def test_what_the_aggregator_has_not_counted_is_told() -> None:
    log = {Where("interventions.recorded", number): Span(0, 10) for number in range(3)}
    frame = Frame("interventions.recorded", (), {}, {}, {}, {}, frozenset(), {}, NOW, recorded=log)
    streamed = Streamed(NOW, NOW, {0: Applied(9, NOW), 1: Applied(4, NOW)}, {})
    assert behind(frame, streamed) == 5 + 10
