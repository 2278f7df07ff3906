"""The alerts: unit-tested by promtool, and each fired for real once, by breaking what it watches."""

import shutil

from proof_deploy.alert_scene import cannot_mount
from proof_deploy.alerts_data import play_data
from proof_deploy.alerts_processes import play_processes
from proof_deploy.alerts_upkeep import play_certificates, play_disk
from proof_deploy.step import Step, by_tests

AREA = "alerts"


def no_prometheus() -> str | None:
    """Return which of Prometheus' programs this machine lacks, or None."""
    missing = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed (`make test-tools`)" if missing else None


STEPS: tuple[Step, ...] = (
    by_tests(
        AREA,
        "every alert fires when it should and not when it should not; each has a runbook, each runbook an alert",
        "tests/test_alert_rules.py",
        lacks=no_prometheus,
    ),
    by_tests(AREA, "the watcher finds what is wrong, and survives what is away", "tests/test_watch.py"),
    Step(AREA, "fired for real: certificates, and a watcher that sees nothing", play_certificates, no_prometheus),
    Step(AREA, "fired for real: a disk", play_disk, lambda: no_prometheus() or cannot_mount()),
    Step(AREA, "fired for real: what is recorded, counted, expected and old", play_data, no_prometheus, 900.0),
    Step(AREA, "fired for real: processes, PostgreSQL and Kafka, broken", play_processes, no_prometheus, 1200.0),
)
