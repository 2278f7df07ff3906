"""What an upgrade does first, from the project's own file of services."""

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from pcare_operations import upgrade
from pcare_operations.compose import Compose
from pcare_operations.deployments import InCompose
from pcare_operations.errors import OperationError
from pcare_operations.upgrade import OWN_PASSWORDS, _one_shots

ROOT = Path(__file__).parents[3]
ONCE = "service_completed_successfully"


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {name: one for name, one in found.items() if not one.get("profiles")}


def test_what_prepares_the_rest_is_run_in_the_order_in_which_each_needs_the_others() -> None:
    order = _one_shots(services())
    assert set(order) >= {"migrate", "topics", "logins", "kafka-users"}
    assert order.index("migrate") < order.index("logins")
    assert order.index("migrate") < order.index("kafka-users")
    assert not {"ingest", "recorder", "kpi-aggregator", "kafka", "postgres"} & set(order)


def test_services_that_wait_for_each_other_are_named() -> None:
    circle = {"a": {"depends_on": {"b": {"condition": ONCE}}}, "b": {"depends_on": {"a": {"condition": ONCE}}}}
    with pytest.raises(OperationError, match="a, b wait for each other"):
        _one_shots(circle)


def test_the_programs_that_it_runs_in_containers_are_in_the_repository() -> None:
    for program in OWN_PASSWORDS.values():
        assert (ROOT / "deploy" / "compose" / "mounted" / Path(program).name).is_file()


class Interrupted(Compose):
    """A project whose three recorders were stopped by a command that came to no end."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[tuple[str, ...]] = []

    def containers(self) -> list[dict[str, Any]]:
        running = [{"Service": name, "State": "running"} for name in ("kafka", "postgres", "ingest")]
        return running + [{"Service": "recorder", "State": "exited"}] * 3

    def call(self, *words: str) -> None:
        self.called.append(words)


def test_run_again_as_many_recorders_are_started_as_ran_before_it_broke_off() -> None:
    compose = Interrupted()
    project = InCompose(compose, lambda _: None)
    project.before()
    project.stop_recorders()
    project.start_recorders()
    assert compose.called[0] == ("stop", "recorder", "sealer")
    (recorders,) = [words for words in compose.called if words[0] == "up" and "recorder" in words]
    assert ("--scale", "recorder=3") in itertools.pairwise(recorders)
    assert compose.called[-1] == (
        "up",
        "--detach",
        "--no-deps",
        "sealer",
    )  # after the database is whole, and not waited for
    assert compose.copies(stopped=True)["recorder"] == 3
    assert "recorder" not in compose.copies()


def test_an_upgrade_that_is_run_again_starts_as_many_too(monkeypatch: pytest.MonkeyPatch) -> None:
    compose = Interrupted()
    monkeypatch.setattr(compose, "services", services)
    monkeypatch.setattr(upgrade, "_counts", lambda _: (1, 0))
    upgrade.upgrade(
        compose, Path("unused"), upgrade.How(back_up=False), now=dt.datetime.now(dt.UTC), say=lambda _: None
    )
    started = [words for words in compose.called if words[0] == "up" and "recorder" in words]
    assert started
    assert compose.called.index(("stop", "recorder", "sealer")) < compose.called.index(started[0])
    assert "sealer" in started[-1]
    assert all(("--scale", "recorder=3") in itertools.pairwise(words) for words in started)
