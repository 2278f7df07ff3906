"""What a replay says of the program that made it: its repository's commit, an image's, or nothing."""

import subprocess
from pathlib import Path

import pytest

from pcare_cli.replaying.commit import commit


def git(directory: Path, *words: str) -> str:
    who = ("-c", "user.name=A Test", "-c", "user.email=test@example.org")
    return subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a file of a repository that was committed."""
    file = tmp_path / "program.py"
    file.write_text("1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "a program")
    return file


def test_it_is_the_commit_of_its_repository_and_says_when_that_was_changed(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCARE_REVISION", "another")
    head = git(program.parent, "rev-parse", "HEAD").strip()
    assert commit(program) == head
    program.write_text("2\n")
    assert commit(program) == f"{head}-dirty"


@pytest.mark.parametrize(("given", "said"), [("abc", "abc"), ("unknown", None), ("", None), (None, None)])
def test_what_is_merely_installed_inside_a_repository_says_what_its_image_was_given(
    program: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, said: str | None
) -> None:
    if given is None:
        monkeypatch.delenv("PCARE_REVISION", raising=False)
    else:
        monkeypatch.setenv("PCARE_REVISION", given)
    installed = program.parent / "installed.py"
    installed.write_text("1\n")
    assert commit(installed) == said


def test_without_git_nothing_is_known(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PCARE_REVISION", raising=False)
    monkeypatch.setenv("PATH", str(program.parent / "nowhere"))
    assert commit(program) is None
