"""The page of all alerts, made from the rules themselves: `python -m pcare_cli.alerts_page`."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules"

HEAD = """# Alerts

Generated from `deploy/prometheus/rules/*.yml` by `make generate`; a test fails when it is stale. Each alert has a
page that says what it means, how to look, what to do and when it is over: it is the alert's `runbook_url`, too.

`page` wakes somebody: providers cannot send, what they were promised is not kept, or that is hours away. `ticket`
waits for the morning: nothing is lost by it. *Holds for* is how long the rule's expression must hold: a restart, a
rebalance and a deployment pass beneath it, and the rule file says for each why so long.

What no service can know alone the **watcher** finds: `pcare audit watch`, a process that only reads (PostgreSQL as a
member of `pcare_auditor`, Kafka as the user `auditor`), on port 8083. It compares offsets with cursors every 15
seconds, the streamed KPIs with SQL every 15 minutes, and looks at arrivals, credentials, certificates
(`PCARE_WATCH_CERTIFICATES`) and disks (`PCARE_WATCH_PATHS`; in a cluster the nodes tell Prometheus of the volumes); its
settings are in [settings.md](settings.md#pcare-audit-watch). Whatever is away it says on `/health/ready`, keeps what
it found last, and shows how old that is. One is enough; a second one does no harm.

The hour by which a provider normally sends is in the register: `pcare providers set RKE --expected-by 09:30 --days
mon-fri --why '...'`, by London's clocks, without bank holidays in England unless `--bank-holidays`. What came since
half a day before the hour counts. Where no hour is set no silence is alerted on.

Two are about the **sealer** (`pcare audit seal`, port 8084): that it stopped, and that it refuses to sign because the
record contradicts what it signed before. The second is the gravest of all: somebody changed the record.

**Prometheus sends alerts nowhere by itself:** name your Alertmanager in the configuration that it runs with, and let it
route by `severity`. That is `deploy/prometheus/prometheus.yml` by hand, `deploy/compose/mounted/prometheus.yml` in
containers (`prometheus-tls.yml` with TLS), and the Prometheus Operator's in a cluster.

`make proof-deploy ARGS="--only alerts"` fires every one of them for real.

| alert | severity | holds for | what is the matter |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule."""

    name: str
    severity: str
    holds_for: str
    description: str
    runbook_url: str


def alerts(rules: Path = RULES) -> Iterator[Alert]:
    """Give the alerts of all rule files, in their order. Raises KeyError for one that lacks something."""
    for file in sorted(rules.glob("*.yml")):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            yield from (_alert(rule) for rule in group["rules"] if "alert" in rule)


def _alert(rule: dict[str, Any]) -> Alert:
    said = rule["annotations"]
    return Alert(
        rule["alert"], rule["labels"]["severity"], rule.get("for", "0s"), said["description"], said["runbook_url"]
    )


def page() -> str:
    """Return the page in Markdown: a row an alert, those that have several rules with all their severities."""
    by_name: dict[str, list[Alert]] = {}
    for alert in alerts():
        by_name.setdefault(alert.name, []).append(alert)
    rows = [_row(name, by_name[name]) for name in sorted(by_name)]
    return HEAD + "\n".join(rows) + "\n"


def _row(name: str, rules: list[Alert]) -> str:
    severities = ", ".join(sorted({rule.severity for rule in rules}))
    words = re.sub(r"{{.*?}}", "…", rules[0].description)
    return f"| [{name}](runbooks/{name}.md) | {severities} | {rules[0].holds_for} | {words} |"


if __name__ == "__main__":
    sys.stdout.write(page())
