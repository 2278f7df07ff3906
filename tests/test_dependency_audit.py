"""What is told of known vulnerabilities, and that nothing is installed but what is locked by its hash."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REQUIREMENTS = Path(__file__).parents[1] / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dependency_audit", REQUIREMENTS / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


CLEAN: dict[str, Any] = {"name": "asyncpg", "version": "0.32.0", "vulns": []}
SKIPPED = {"name": "orjson", "skip_reason": "Dependency not found on PyPI and could not be audited: orjson"}
BAD = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2019-217", "aliases": ["CVE-2019-10906"], "fix_versions": ["2.10.1"]}],
}


def test_what_is_known_fails_and_says_what_to_do(audit: ModuleType) -> None:
    told = audit.verdict({"dependencies": [CLEAN, BAD, SKIPPED]})
    assert told.status == 1
    assert "jinja2 2.0: PYSEC-2019-217 (CVE-2019-10906), mended in 2.10.1" in told.words
    assert "make lock" in told.words


def test_what_was_asked_of_each_and_found_nothing_is_clean(audit: ModuleType) -> None:
    assert audit.verdict({"dependencies": [CLEAN]}) == (0, "No known vulnerability in 1 packages.")


def test_what_was_not_asked_is_never_called_clean(audit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for document, trouble in (({"dependencies": [CLEAN, SKIPPED]}, ""), (None, "no answer in 300 s")):
        told = audit.verdict(document, trouble)
        assert told.status == 75
        assert told.words.startswith("COULD NOT BE ASKED")
        monkeypatch.setattr(audit, "ask", lambda _arguments, given=(document, trouble): given)
        assert audit.main([]) == 0, "that the index is away says nothing against a build"
        assert audit.main(["--strict"]) == 75


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_whatever_is_installed_is_locked_by_version_and_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert len(entries) > 10
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
    assert "://" not in lock.read_text()


def test_each_image_and_the_installation_insist_on_the_hashes() -> None:
    root = REQUIREMENTS.parent
    installing = [root / "Makefile", *root.glob("services/*/Dockerfile")]
    assert len(installing) == 5
    for file in installing:
        assert "--require-hashes" in file.read_text(), file
