"""`python -m pcare_kubernetes.generate` writes what is declared elsewhere as Kubernetes resources; `--check` compares.

Of each overlay: topics and users, from deploy/kafka and the overlay's `declared.yaml`, which says how many brokers
there are and which providers write to Kafka themselves. Of all: the rules, from deploy/prometheus. An overlay that is
kept elsewhere is named as an argument. And the list of the dashboards of deploy/grafana.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from pcare_cli.kafka_access import plan as access_plan
from pcare_cli.topic_plan import read_plan as read_topics
from pcare_kubernetes.grafana import kustomization
from pcare_kubernetes.rules import prometheus_rule
from pcare_kubernetes.strimzi import topics, users

DIRECTORY = Path(__file__).resolve().parents[1]
PROMETHEUS = DIRECTORY.parent / "prometheus"
OVERLAYS = DIRECTORY / "overlays"
GENERATED = DIRECTORY / "base" / "monitoring" / "generated"
GRAFANA = DIRECTORY.parent / "grafana"
COMMAND = "python -m pcare_kubernetes.generate"


class Declared(BaseModel):
    """What an overlay says of its Kafka."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    brokers: Annotated[int, Field(ge=1)]
    providers: list[str] = []


def files(overlays: Iterable[Path]) -> dict[Path, str]:
    """Return the text of every file that is made, by path. Raises what names the mistake in a declaration."""
    made = {GENERATED / "rules.yaml": _text("deploy/prometheus/rules", _rules()), **_grafana()}
    for overlay in overlays:
        declared = Declared.model_validate(yaml.safe_load((overlay / "declared.yaml").read_text(encoding="utf-8")))
        of_topics = topics(read_topics(), declared.providers, declared.brokers)
        of_users = users(access_plan.read_plan(), declared.providers)
        generated = overlay / "generated"
        made[generated / "topics.yaml"] = _text("deploy/kafka/topics.yaml and declared.yaml", of_topics)
        made[generated / "users.yaml"] = _text("deploy/kafka/access.yaml and declared.yaml", of_users)
    return made


def own_overlays() -> list[Path]:
    """Return the overlays of this repository."""
    return sorted(file.parent for file in OVERLAYS.glob("*/declared.yaml"))


def stale(made: dict[Path, str]) -> list[Path]:
    """Return those of the files that are not there, or not as they would be made now."""
    return [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def _rules() -> list[dict[str, Any]]:
    every = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))["global"]["evaluation_interval"]
    return [
        prometheus_rule(file.stem, yaml.safe_load(file.read_text(encoding="utf-8")), every)
        for file in sorted((PROMETHEUS / "rules").glob("*.yml"))
    ]


def _grafana() -> dict[Path, str]:
    """Return what takes dashboards into the cluster. It stands beside them: kustomize reads no file from elsewhere."""
    dashboards = sorted(file.name for file in (GRAFANA / "dashboards").glob("*.json"))
    taken = ["rules.yaml"]
    made = {}
    if dashboards:
        taken.append("../../../../grafana")
        made[GRAFANA / "kustomization.yaml"] = _text("the files of deploy/grafana", [kustomization(dashboards)])
    resources = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": taken}
    made[GENERATED / "kustomization.yaml"] = _text("what there is to watch with", [resources])
    return made


def _text(source: str, documents: Iterable[dict[str, Any]]) -> str:
    told = f"# Generated from {source} by `{COMMAND}`; a test fails when it is stale.\n"
    return told + yaml.safe_dump_all(documents, sort_keys=False, width=120, explicit_start=True, allow_unicode=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or say which are stale. Returns the exit status."""
    parser = argparse.ArgumentParser(description="Write what is declared elsewhere as Kubernetes resources.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if anything is stale")
    parser.add_argument(
        "overlays", nargs="*", type=Path, help="directories of overlays; default: those of the repository"
    )
    given = parser.parse_args(arguments)
    made = files(given.overlays or own_overlays())
    changed = stale(made)
    if given.check:
        sys.stderr.writelines(f"{path} is stale: run `{COMMAND}`\n" for path in changed)
        return 1 if changed else 0
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
