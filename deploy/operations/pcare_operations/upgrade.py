"""`make upgrade`: from the version that runs to the one in the working directory, with the data in place.

Downstream first, so that whatever is sent meets somebody who knows it: aggregator, recorder, ingest. Events that come
meanwhile wait in Kafka; the only moment in which none can come is when ingest itself is exchanged. May be repeated.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pcare_operations import backup, trail
from pcare_operations.compose import Compose
from pcare_operations.deployments import DATABASE, KAFKA, POSTGRES, RECORDER, WRITERS, InCompose
from pcare_operations.errors import OperationError
from pcare_operations.trail import By

AGGREGATOR = "kpi-aggregator"
OWN_PASSWORDS = {KAFKA: "/etc/pcare/administrator-password", POSTGRES: "/etc/pcare/owner-password"}
"""What gives those who set all other passwords their own: data that an earlier version made may not know it."""
COUNT = "SELECT (SELECT count(*) FROM pcare.interventions), (SELECT count(*) FROM pcare.rejections)"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class How:
    """Whether to back up first, to pull images, not build them; which services are not to be started; who does it."""

    back_up: bool = True
    pull: bool = False
    without: tuple[str, ...] = ()
    by: By = field(default_factory=lambda: By("to this version"))


def upgrade(compose: Compose, directory: Path, how: How, *, now: dt.datetime, say: Say) -> None:
    """Exchange everything that differs from the project as it is now, in order, and check it afterwards.

    Raises OperationError at the step that failed; then what runs is a mixture of both versions that loses nothing, and
    the command may be repeated.
    """
    copies = compose.copies()
    if POSTGRES not in copies or KAFKA not in copies:
        raise OperationError(
            "PostgreSQL and Kafka do not run. Start what is to be upgraded: docker compose up -d --wait."
        )
    project = InCompose(compose, say)
    before = _counts(project)
    say(f"before: {before[0]:,} events and {before[1]:,} rejections are in the database")
    made = None
    if how.back_up:
        made = backup.back_up(project.server, directory, now=now, rehearse=False, say=say)
    _get_images(compose, pull=how.pull, say=say)
    # with those that an upgrade has stopped which came to no end
    _exchange(compose, compose.copies(stopped=True), how.without, say)
    after = _counts(project)
    if after[0] < before[0] or after[1] < before[1]:
        raise OperationError(
            f"The database has fewer rows than before: {after} in place of {before}. Run `make rebuild`."
        )
    say(f"after: {after[0]:,} events and {after[1]:,} rejections; all services are healthy")
    told = {"backup": None if made is None else made.name, "events": after[0], "rejections": after[1]}
    trail.put_down(project.server, how.by, "system-upgraded", told, say=say)


def _get_images(compose: Compose, *, pull: bool, say: Say) -> None:
    say("getting the images; what runs goes on")
    if pull:
        compose.call("pull", "--quiet")
    else:
        compose.call("build", "--quiet")


def _exchange(compose: Compose, copies: Mapping[str, int], without: Sequence[str], say: Say) -> None:
    services = compose.services()
    once = _one_shots(services)
    say("1/4 Kafka and PostgreSQL, if they differ; ingest answers 503 meanwhile")
    compose.up([KAFKA, POSTGRES], {})
    for service, program in OWN_PASSWORDS.items():
        compose.call("exec", "-T", service, program)
    say("2/4 recorders and sealer stop; schema, topics, logins and users are brought up to date")
    compose.stop(WRITERS)
    for service in once:
        compose.run(service)
    say("3/4 the kpi-aggregator, then the new recorders: they go on where the old ones were")
    compose.up([AGGREGATOR], copies, wait=False)
    compose.up([RECORDER], copies)
    say("4/4 everything else, ingest among it")
    compose.up([name for name in services if name not in {*once, *without}], copies)


def _one_shots(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the services that others wait for to complete, in the order they need."""
    left = {
        name
        for service in services.values()
        for name, how in service.get("depends_on", {}).items()
        if how.get("condition") == "service_completed_successfully"
    }
    ordered: list[str] = []
    while left:
        ready = sorted(name for name in left if not left.intersection(services[name].get("depends_on", {})))
        if not ready:
            raise OperationError(f"{', '.join(sorted(left))} wait for each other: mend docker-compose.yml.")
        ordered += ready
        left.difference_update(ready)
    return ordered


def _counts(project: InCompose) -> tuple[int, int]:
    events, rejections = project.server.query(COUNT, database=DATABASE).split("|")
    return int(events), int(rejections)
