"""docs/security.md: each control names a test that is there, each threat has one, and each command it names is one."""

import re
from pathlib import Path

import pytest
import typer

from pcare_cli.main import app

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(test_\w+)(?:::(test_\w+))?`", PAGE)
FILES: dict[str, list[Path]] = {}
for folder in ("tests", "services", "schemas/tests", "sdk/python/tests", "deploy"):
    for file in (ROOT / folder).rglob("test_*.py"):
        FILES.setdefault(file.stem, []).append(file)
THREATS = re.findall(r"^\| ([STRIDE](?:, [STRIDE])*) \| (.*) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("module", "test"), sorted(set(NAMED)))
def test_what_is_said_to_show_a_control_is_there(module: str, test: str) -> None:
    assert len(FILES.get(module, [])) == 1, f"{module} is {FILES.get(module)}"
    if test:
        assert re.search(rf"^ *(?:async )?def {test}\(", FILES[module][0].read_text(), re.MULTILINE)


def test_each_threat_has_a_control_and_a_test() -> None:
    assert len(THREATS) > 35
    for _, row in THREATS:
        threat, control, shown = row.split(" | ")
        assert threat
        assert control
        assert re.search(r"`test_\w+", shown), f"nothing shows it: {threat}"


def test_each_hop_is_looked_at_and_every_letter_is_used() -> None:
    assert len(re.findall(r"^### ", PAGE, re.MULTILINE)) == 9
    assert {letter for letters, _ in THREATS for letter in letters.split(", ")} == set("STRIDE")


def test_each_command_is_one() -> None:
    commands = set(re.findall(r"`pcare ((?:[a-z]+ ?)+)", PAGE))
    assert len(commands) > 10
    for words in commands:
        at = typer.main.get_command(app)
        for word in words.split():
            inner = getattr(at, "commands", None)
            if inner is None:  # what follows is an argument
                break
            assert word in inner, f"pcare {words}"
            at = inner[word]
