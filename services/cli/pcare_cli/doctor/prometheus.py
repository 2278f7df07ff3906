"""Whether Prometheus sees everything, has its rules, and what it alerts on. `judge` is pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from pcare_cli.doctor.findings import Check, Finding, Level

JOBS = ("ingest", "recorder", "kpi-aggregator")
OURS = (*JOBS, "watch", "sealer")
PAGE = "page"
ALERT, RECORDED = "Pcare", "pcare:"
"""How the names of our alerts and of our recorded series begin: a cluster's Prometheus has those of others too."""

SCRAPES = Check("Prometheus", "scrapes every service")
RULES = Check("Prometheus", "has its rules")
ALERTS = Check("Prometheus", "no alert fires")

AWAY = SCRAPES.kind(
    "prometheus-away",
    Level.WRONG,
    means="Prometheus does not answer: nobody is told when something stands still, and the KPIs are not drawn.",
    do="Start it; its log says why it ended. Events and numbers are not touched by it.",
    command="promtool check config deploy/prometheus/prometheus.yml",
)
DOWN = SCRAPES.kind(
    "prometheus-target-down",
    Level.WRONG,
    means="Prometheus cannot scrape a copy: it is gone, or asks for a token or TLS that Prometheus does not have.",
    do="See whether that copy answers (above). If it does: its address, and the token, in Prometheus' files "
    "(docs/prometheus.md).",
)
UNSCRAPED = SCRAPES.kind(
    "prometheus-job-missing",
    Level.WRONG,
    means="No copy of a service is among Prometheus' targets: no alert about it can fire.",
    do="Name every copy of {job} in targets.yml, with the label job: {job}. Prometheus reads it without a restart.",
)
NO_RULES = RULES.kind(
    "prometheus-rules-missing",
    Level.WRONG,
    means="Prometheus has none of our alerts, or none of our recording rules.",
    do="Put deploy/prometheus/rules beside its configuration, and let it read that again: by SIGHUP, or as below where "
    "it was started with --web.enable-lifecycle.",
    command="promtool check rules deploy/prometheus/rules/*.yml\ncurl -X POST {address}/-/reload",
)
RULE_FAILS = RULES.kind(
    "prometheus-rule-fails",
    Level.WRONG,
    means="A rule cannot be evaluated: its alert never fires, or its series stands still.",
    do="Compare the rules with this release's; the message says what is wrong.",
    command="promtool check rules deploy/prometheus/rules/*.yml",
)
FIRES_PAGE = ALERTS.kind(
    "alert-fires",
    Level.WRONG,
    means="An alert that wakes people fires.",
    do="Its runbook says what it means and what to do: {runbook}.",
)
FIRES = ALERTS.kind(
    "alert-fires-for-the-day",
    Level.WARN,
    means="An alert fires that can wait for the morning.",
    do="Its runbook says what it means and what to do: {runbook}.",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What Prometheus answers: its active targets, its rules, both as its API has them."""

    address: str
    targets: Sequence[Mapping[str, Any]]
    rules: Sequence[Mapping[str, Any]]


async def look(client: httpx.AsyncClient, address: str) -> Seen:
    """Ask Prometheus. Raises httpx.HTTPError, and ValueError where the answer is not Prometheus'."""
    targets = await _data(client, f"{address}/api/v1/targets?state=active")
    groups = await _data(client, f"{address}/api/v1/rules")
    try:
        return Seen(address, targets["activeTargets"], [rule for group in groups["groups"] for rule in group["rules"]])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no answer of Prometheus: {error!r}") from error


async def _data(client: httpx.AsyncClient, address: str) -> Any:
    answer = await client.get(address)
    answer.raise_for_status()
    document = answer.json()
    return document.get("data") if isinstance(document, dict) else None


def judge(seen: Seen) -> list[Finding]:
    """Judge targets, rules and alerts."""
    return [*_targets(seen), *_rules(seen), *_alerts(seen)]


def _targets(seen: Seen) -> list[Finding]:
    there = {target["labels"].get("job") for target in seen.targets}
    found = [UNSCRAPED.found(f"no target has the label job={job}", job=job) for job in JOBS if job not in there]
    found += [
        DOWN.found(f"{target['labels'].get('job')} {target['labels'].get('instance')}: {target.get('lastError', '')}")
        for target in seen.targets
        if target["health"] == "down" and target["labels"].get("job") in OURS
    ]
    ours = sum(target["labels"].get("job") in OURS for target in seen.targets)
    return found or [SCRAPES.well(f"{ours} targets are up")]


def _rules(seen: Seen) -> list[Finding]:
    alerts = [rule for rule in seen.rules if rule["type"] == "alerting" and rule["name"].startswith(ALERT)]
    recording = [rule for rule in seen.rules if rule["type"] == "recording" and rule["name"].startswith(RECORDED)]
    if not alerts or not recording:
        saw = f"{len(alerts)} alerts, {len(recording)} recording rules"
        return [NO_RULES.found(saw, address=seen.address)]
    found = [
        RULE_FAILS.found(f"{rule['name']}: {rule.get('lastError', '')}")
        for rule in (*alerts, *recording)
        if rule["health"] == "err"
    ]
    return found or [RULES.well(f"{len(alerts)} alerts, {len(recording)} recording rules")]


def _alerts(seen: Seen) -> list[Finding]:
    found = []
    for rule in seen.rules:
        for alert in rule.get("alerts", ()):
            if alert["state"] != "firing" or not rule["name"].startswith(ALERT):
                continue
            labels, notes = alert["labels"], alert.get("annotations", {})
            kind = FIRES_PAGE if labels.get("severity") == PAGE else FIRES
            name = labels.get("alertname", rule["name"])
            runbook = notes.get("runbook_url") or f"docs/runbooks/{name}.md"
            found.append(kind.found(f"{name}: {notes.get('summary', '')}", runbook=runbook))
    return found or [ALERTS.well("none fires")]
