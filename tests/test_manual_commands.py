"""What operators are told to type: each command and option of `pcare`, each target of make, and each page is there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pcare_cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TOLD_ELSEWHERE = sorted([*ROOT.glob("deploy/grafana/dashboards/*.json"), *ROOT.glob("deploy/prometheus/rules/*.yml")])
TARGETS = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
COMMANDS: Any = typer.main.get_command(app)
TYPED = re.compile(r"(?:^|(?<=[\s/(]))pcare(?:-administrator)? ([a-z][^\n|;&]*)")


def pieces(text: str) -> Iterator[str]:
    """Yield what stands as code: between backticks, or in lines of its own."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        yield from re.findall(r"`([^`]+)`", line)
        if line.startswith(("    ", "pcare ", "docker ", "make ")):
            yield re.sub(r"\s#.*", "", line).strip()


def unlike(typed: str) -> str | None:
    """Return what is wrong with the words behind `pcare`, or None. What is no command at all is somebody's sentence."""
    try:
        words = shlex.split(re.sub(r"\s>.*", "", typed))
    except ValueError:  # cut off within quotation marks
        words = typed.split()
    command, behind = COMMANDS, list(words)
    while behind and hasattr(command, "commands") and not behind[0].startswith("-"):
        name = behind.pop(0).strip(".,:)")
        if name not in command.commands:
            return f"no {name}" if re.fullmatch("[a-z][a-z-]+", name) else None
        command = command.commands[name]
    options = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)}
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    given = 0
    while behind:
        word = behind.pop(0)
        if word.startswith("--"):
            name = word.partition("=")[0].rstrip(".,:)")
            if name not in {*options, "--help"}:
                return f"no option {name}"
            if name != "--help" and not options[name].is_flag and "=" not in word:
                del behind[: options[name].nargs]
        else:
            given += re.fullmatch(r"[\w<][\w./:>-]*", word) is not None
    most = sum(one.nargs if one.nargs > 0 else 99 for one in arguments)
    return None if hasattr(command, "commands") or given <= most else f"{given} arguments, of {most}"


@pytest.mark.parametrize("page", [*PAGES, *TOLD_ELSEWHERE], ids=lambda page: page.name)
def test_what_is_to_be_typed_can_be_typed(page: Path) -> None:
    wrong = [
        f"pcare {typed}: {why}"
        for piece in pieces(page.read_text())
        if not {"kubectl", "psql"} & set(piece.split())
        for typed in TYPED.findall(piece)
        if (why := unlike(typed))
    ]
    wrong += [
        piece
        for piece in pieces(page.read_text())
        for target in re.findall(r"^(?:\w+=\S+ )*make ([a-z][\w-]*)(?=$| [A-Z-]|\s+#)", piece)
        if target not in TARGETS
    ]
    assert not wrong


def headings(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "").strip().lower()
        found.add(re.sub(r"[^\w\s-]", "", words).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or target.suffix != ".md" or anchor in headings(target), link


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("kpis publish", "1 arguments, of 0"),
        ("providers change", "no change"),
        ("gap accept interventions.submitted.rke/0 1 2 --why 'x'", None),
        ("migrate --now", "no option --now"),
    ],
)
def test_what_cannot_be_typed_is_noticed(typed: str, why: str | None) -> None:
    assert unlike(typed) == why
