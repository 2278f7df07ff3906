"""`pcare doctor`: it names what is broken, on one broker and on three, and what its pages say is so."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from pcare_cli import topics
from pcare_cli.topic_plan import read_plan
from pcare_local.kafka import KafkaServer
from pcare_local.testing import running_kafka
from proof_deploy.step import Step, by_tests
from proof_provider.checks import Checks

AREA = "doctor"
SECONDS = 90.0


async def lose_a_broker(checks: Checks, directory: Path) -> None:
    """Run three brokers, lose one, and get it back."""
    with running_kafka(directory / "kafka", brokers=3) as kafka:
        await asyncio.to_thread(_make_topics, kafka)
        found = await _found(kafka)
        checks.that("three brokers with three copies of each are well", found <= {"group-empty"}, found)
        kafka.nodes[2].kill9()
        found = await _until(kafka, {"kafka-broker-missing", "kafka-under-replicated"})
        checks.that(
            "a broker that is lost is named", {"kafka-broker-missing", "kafka-under-replicated"} <= found, found
        )
        checks.that("and no more is claimed: events are still taken", "kafka-too-few-in-sync" not in found, found)
        await asyncio.to_thread(kafka.start)
        found = await _until(kafka, set(), gone={"kafka-broker-missing", "kafka-under-replicated"})
        checks.that("when it is back all is well again", found <= {"group-empty"}, found)


def _make_topics(kafka: KafkaServer) -> None:
    with topics.admin_of({"bootstrap_servers": kafka.bootstrap_servers}) as admin:
        topics.create(admin, read_plan())


async def _until(kafka: KafkaServer, wanted: set[str], gone: set[str] = frozenset()) -> set[str]:  # type: ignore[assignment]
    deadline = time.monotonic() + SECONDS
    while True:
        found = await _found(kafka)
        if (wanted <= found and not gone & found) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(1)


async def _found(kafka: KafkaServer) -> set[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PCARE_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pcare_cli", "doctor", "--json"),
        env=environment | {"PCARE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    document: dict[str, Any] = json.loads(said)
    return {one["finding"] for one in document["checks"] if one["finding"]}


STEPS: tuple[Step, ...] = (
    by_tests(
        AREA,
        "a real system is broken in one way after another: each is named, and the command that is named mends it",
        "tests/test_doctor.py",
    ),
    Step(AREA, "of three brokers one is lost: it is named, with what that means, and so is its return", lose_a_broker),
    by_tests(
        AREA,
        "each kind of finding comes from facts and says what to do, and the page of all of them is theirs",
        "services/cli/tests/test_doctor_rules.py",
        "services/cli/tests/test_doctor_showing.py",
    ),
)
