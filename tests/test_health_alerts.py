"""The alerts on standing still, run by promtool."""

import subprocess
from pathlib import Path

import pytest

from tools import tool

pytestmark = pytest.mark.integration

RULES = Path(__file__).parents[1] / "deploy" / "prometheus" / "rules" / "health.yml"
SCENARIO = """
rule_files: [{rules}]
evaluation_interval: 5s
tests:
  - interval: 5s
    input_series:
      - {{series: '{series}{{job="{job}",instance="a"}}', values: '0 0 0 {value}x10'}}
    alert_rule_test:
      - {{eval_time: 10s, alertname: {alert}, exp_alerts: []}}
      - {{eval_time: 50s, alertname: {alert}, exp_alerts: []}}
"""


def alerts(path: Path, **given: object) -> str:
    """Return what promtool has to say against a scenario in which nothing is to fire."""
    file = path / "scenario.yml"
    file.write_text(SCENARIO.format(rules=RULES, **given))
    told = subprocess.run([tool("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    return "" if told.returncode == 0 else told.stdout + told.stderr


@pytest.mark.parametrize(
    ("series", "job", "bearable", "not_bearable"),
    [
        ("pcare_ingest_progress_age_seconds", "ingest", 29, 31),
        ("pcare_recorder_progress_age_seconds", "recorder", 59, 61),
        ("pcare_kpi_progress_age_seconds", "kpi-aggregator", 59, 61),
    ],
)
def test_a_service_that_stands_still_is_told_of(tmp_path, series, job, bearable, not_bearable):
    given = {"series": series, "job": job, "alert": "PcareStandsStill"}
    assert not alerts(tmp_path, value=bearable, **given)
    assert f"{job} a has stood still for" in alerts(tmp_path, value=not_bearable, **given)


@pytest.mark.parametrize("job", ["ingest", "recorder", "kpi-aggregator"])
def test_a_service_that_is_not_scraped_is_told_of(tmp_path, job):
    assert f"{job} a does not answer" in alerts(tmp_path, series="up", job=job, value=0, alert="PcareNotScraped")
    assert not alerts(tmp_path, series="up", job="another", value=0, alert="PcareNotScraped")


def test_a_topic_that_waits_for_a_person_is_told_of(tmp_path):
    series = 'pcare_recorder_breaker_open{topic="interventions.submitted.rke"}'
    given = {"rules": RULES, "alert": "PcareBreakerOpen"}
    scenario = SCENARIO.replace('{series}{{job="{job}",instance="a"}}', series.replace("{", "{{").replace("}", "}}"))
    for value, told in ((0, False), (1, True)):
        file = tmp_path / "scenario.yml"
        file.write_text(scenario.format(value=value, **given))
        done = subprocess.run([tool("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
        assert ("interventions.submitted.rke is read no further" in done.stdout + done.stderr) is told
        assert (done.returncode == 0) is not told
