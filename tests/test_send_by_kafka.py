"""The programs on the page for integrators that write to Kafka, run as they stand there, on brokers that let in few."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from events import pam
from pcare_local.jars import kafka_classpath
from pcare_local.java import find_java
from pcare_schemas.examples import person
from secured import Secured

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[1] / "docs" / "send-by-kafka.md"
SERVERS, PASSWORD, USER = "kafka.example:9094", "THE-PASSWORD", "provider-rke"


def block(language: str, containing: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (one,) = [text for text in found if containing in text]
    return one


@pytest.fixture
def place(secured: Secured, tmp_path: Path) -> Path:
    """A directory as the integrator has it, with the brokers' authority in it."""
    assert secured.kafka.security is not None
    (tmp_path / "ca.pem").write_text(secured.kafka.security.authority.read_text())
    return tmp_path


def stored(done: "subprocess.CompletedProcess[str]") -> bool:
    return done.returncode == 0 and re.search(r"^stored at \d+$", done.stdout, re.MULTILINE) is not None


def program(text: str, secured: Secured) -> str:
    assert SERVERS in text
    assert USER in text
    return text.replace(SERVERS, secured.kafka.bootstrap_servers).replace(PASSWORD, secured.passwords[USER])


async def recorded(secured: Secured, name: str) -> None:
    recorder = await secured.start("recorder")
    try:
        await secured.fetched("SELECT FROM pcare.interventions WHERE id = $1", name)
    finally:
        recorder.terminate()


async def test_the_python_program_stores_an_event_that_is_recorded(secured: Secured, place: Path) -> None:
    text = program(block("python", "KafkaProducer"), secured)
    environment = {**os.environ, "KAFKA_PASSWORD": secured.passwords[USER]}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", text],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert stored(done), done.stderr
    await recorded(secured, "first-by-kafka-0001")


async def test_the_java_program_stores_an_event_that_is_recorded(secured: Secured, place: Path) -> None:
    java = find_java().program
    modules = await asyncio.to_thread(subprocess.run, [java, "--list-modules"], capture_output=True, text=True)
    if "jdk.compiler" not in modules.stdout:
        pytest.skip("this Java has no compiler, and the page's program is a source file: install a JDK")
    (place / "client.properties").write_text(program(block("properties", "jaas"), secured))
    (place / "Send.java").write_text(block("java", "class Send"))
    event = pam(subject=person("of Java"))
    (place / "event.json").write_text(json.dumps(event))
    classpath = ":".join(str(jar) for jar in kafka_classpath())
    done = await asyncio.to_thread(
        subprocess.run,
        [java, "-cp", classpath, "Send.java", event["subject"], "event.json"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert stored(done), done.stdout + done.stderr
    await recorded(secured, event["id"])
