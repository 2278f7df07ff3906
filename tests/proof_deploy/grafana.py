"""Grafana: the dashboards are of the form that it reads, and every query of theirs has an answer."""

import shutil

from proof_deploy.step import Step, by_tests

AREA = "Grafana"


def _prometheus() -> str | None:
    return None if shutil.which("prometheus") else "Prometheus is not installed: `make test-tools`"


STEPS: tuple[Step, ...] = (
    by_tests(
        AREA,
        "the dashboards are of the form that Grafana reads, with a unit, words and a page of docs at each panel",
        "deploy/grafana/tests",
    ),
    by_tests(
        AREA,
        "Grafana's role reads views for dashboards alone, which tell of no person and of no small number",
        "services/recorder/tests/test_recorder_dashboards.py",
    ),
    by_tests(
        AREA,
        "every query of every panel, with its variables, has an answer: of real Prometheus, and of real PostgreSQL",
        "tests/test_dashboards.py",
        lacks=_prometheus,
    ),
)
