"""The alerts: run by promtool as Prometheus runs them, each with a test either way, a runbook and a row on the page."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pcare_cli import alerts_page
from tools import tool

ROOT = Path(__file__).parents[1]
STORIES = sorted((ROOT / "deploy" / "prometheus" / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
HEADINGS = ["What it means", "How to look", "What to do", "When it is over"]
ALERTS = tuple(alerts_page.alerts())
NAMES = sorted({alert.name for alert in ALERTS})


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.integration
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_each_alert_fires_when_it_should_and_not_when_it_should_not(story: Path) -> None:
    told = promtool("test", "rules", str(story))
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.integration
def test_prometheus_takes_the_rules_as_they_are() -> None:
    told = promtool("check", "rules", "--lint-fatal", *map(str, sorted(alerts_page.RULES.glob("*.yml"))))
    assert told.returncode == 0, told.stdout + told.stderr


def test_each_alert_has_a_story_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires, quiet = set(), set()
    for story in STORIES:
        for test in yaml.safe_load(story.read_text())["tests"]:
            for expected in test["promql_expr_test"]:
                (name,) = re.findall(r'alertname="(\w+)"', expected["expr"])
                severities = re.findall(r'severity="(\w+)"', str(expected["exp_samples"]))
                fires |= {(name, severity) for severity in severities}
                quiet |= set() if severities else {name}
    assert fires == {(alert.name, alert.severity) for alert in ALERTS}
    assert sorted(quiet) == NAMES


def test_the_proof_of_the_deployment_fires_each_alert_for_real() -> None:
    modules = (ROOT / "tests" / "proof_deploy").glob("alerts_*.py")
    fired = {name for module in modules for name in re.findall(r'\.fires\(\s*"(\w+)"', module.read_text())}
    assert sorted(fired) == NAMES


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert sorted(page.stem for page in RUNBOOKS.glob("*.md")) == NAMES
    for alert in ALERTS:
        assert alert.runbook_url == f"docs/runbooks/{alert.name}.md"
        assert alert.severity in {"page", "ticket"}


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_says_what_it_means_how_to_look_what_to_do_and_when_it_is_over(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    assert parts[::2] == HEADINGS
    assert all(part.strip() for part in parts[1::2])
    linked = re.findall(r"\]\(([^)#]+)", text)
    assert all((RUNBOOKS / link).is_file() for link in linked), linked


def test_a_runbook_asks_for_metrics_that_there_are() -> None:
    known = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "metrics.md").read_text(), flags=re.MULTILINE))
    for page in RUNBOOKS.glob("*.md"):
        asked = set(re.findall(r"\bpcare_(?:ingest|recorder|kpi|watch|seal)_\w+", page.read_text()))
        asked = {re.sub(r"(?<=_seconds)_(bucket|sum|count)$", "", name) for name in asked}
        assert asked <= known | {"pcare_recorder"}, (page.name, asked - known)


def test_the_page_of_alerts_is_generated() -> None:
    assert (ROOT / "docs" / "alerts.md").read_text() == alerts_page.page(), "run `make generate`"
