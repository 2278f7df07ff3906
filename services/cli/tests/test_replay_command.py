import pytest
from typer.testing import CliRunner

from pcare_cli.main import app


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "yesterday"], "--from is a record"),
        (["--to", "2026-11-01"], "--to is a record"),
        (["--to", "2026-11-01T00:00:00Z", "--to", "2026-11-02T00:00:00Z"], "--to has two times"),
        (["--topic", "interventions.nothing"], "--topic interventions.nothing"),
        (["--topic", "interventions.rejected", "--from", "interventions.recorded/0/5"], "add --topic"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(options: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["audit", "replay", *options])
    assert done.exit_code == 2
    assert words in done.output
