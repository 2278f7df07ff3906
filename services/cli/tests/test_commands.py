import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import kafka.errors
import pytest
from typer.testing import CliRunner

from pcare_cli import topics
from pcare_cli.check_file import events_in
from pcare_cli.console import kafka_advice
from pcare_cli.main import app
from pcare_cli.topic_plan import DEFAULT_FILE, Difference
from pcare_local.demo import PROVIDERS

RUNNER = CliRunner()
GOOD = {
    "specversion": "1.0",
    "id": "one",
    "source": "urn:ncl:provider:demo-council",
    "type": "uk.nhs.ncl.personalised-care.care-plan-declined.v1",
    "subject": "nhs-number:9990000018",
    "time": "2026-01-05T10:00:00Z",
    "data": {"borough": "E09000007", "reason": "not_now"},
}
BAD = {**GOOD, "data": {"borough": "E09000007", "reason": "no_idea"}}


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "simulate",
        "migrate",
        "rebuild",
        "republish",
        "check",
        "conformance",
        "kpis",
        "topics",
        "keys",
        "rejected",
        "breaker",
        "gap",
        "audit",
        "persons",
    ],
)
def test_every_subcommand_explains_itself(command: str) -> None:
    assert command in RUNNER.invoke(app, ["--help"]).output
    assert RUNNER.invoke(app, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["demo", "--exit"], "--exit needs --events"), (["demo", "--report", "x"], "--report needs --exit")],
)
def test_options_that_need_each_other_say_so(arguments: list[str], words: str) -> None:
    outcome = RUNNER.invoke(app, arguments)
    assert outcome.exit_code == 2
    assert words in outcome.output


def test_a_file_of_events_is_checked_as_ingest_would(tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    file.write_text(json.dumps([GOOD, BAD]))
    outcome = RUNNER.invoke(app, ["check", str(file), "--register", str(PROVIDERS)])
    assert outcome.exit_code == 1
    assert "event 1: fine, care-plan-declined one" in outcome.output
    assert '"pointer": "/data/reason"' in outcome.output
    assert "9990000018" not in outcome.output

    file.write_text(json.dumps(GOOD))
    assert RUNNER.invoke(app, ["check", str(file), "--register", str(PROVIDERS)]).exit_code == 0
    assert RUNNER.invoke(app, ["check", str(tmp_path / "none")]).exit_code == 2


@pytest.mark.parametrize(
    ("content", "count"), [(b'[{"a": 1}, {"b": 2}]', 2), (b'{"a": 1}\n\n{"b": 2}\n', 2), (b'{"a":\n 1}', 1), (b"?", 1)]
)
def test_a_file_holds_an_array_or_lines_or_one_event(content: bytes, count: int) -> None:
    assert len(list(events_in(content))) == count


def test_the_plan_of_topics_is_shown_without_a_cluster() -> None:
    output = RUNNER.invoke(app, ["topics", "show", "--provider", "RKE"]).output
    assert "interventions.submitted.rke" in output
    assert "for ever" in output


def test_drift_ends_with_status_1_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    difference = Difference("interventions.recorded", "is missing", "make it")
    monkeypatch.setattr(topics, "admin_of", lambda _options: nullcontext())
    monkeypatch.setattr(topics, "check", lambda *_: [difference])
    outcome = RUNNER.invoke(app, ["topics", "check", "--file", str(DEFAULT_FILE)])
    assert outcome.exit_code == 1
    assert "interventions.recorded: is missing. What to do: make it." in outcome.output
    monkeypatch.setattr(topics, "check", lambda *_: [])
    assert RUNNER.invoke(app, ["topics", "check"]).exit_code == 0


def test_a_broken_file_of_topics_is_one_message(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("topics: {}\n")
    outcome = RUNNER.invoke(app, ["topics", "show", "--file", str(file)])
    assert outcome.exit_code == 1
    assert "provider_topic" in outcome.output


def test_simulate_without_a_key_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PCARE_PSEUDONYM_KEY_FILE", "PCARE_PSEUDONYM_KEY"):
        monkeypatch.delenv(name, raising=False)
    outcome = RUNNER.invoke(app, ["simulate"])
    assert outcome.exit_code == 78
    assert "PCARE_PSEUDONYM_KEY_FILE" in outcome.output


@pytest.mark.parametrize("since", ["last year", "2015-06-01", "2999-01-01"])
def test_a_history_begins_on_a_day_that_has_been(since: str) -> None:
    outcome = RUNNER.invoke(app, ["simulate", "--since", since])
    assert outcome.exit_code == 2
    assert "--since takes a day" in outcome.output


def test_kpis_of_nobody_is_one_line() -> None:
    outcome = RUNNER.invoke(app, ["kpis", "--address", "http://127.0.0.1:9"])
    assert outcome.exit_code == 1
    assert "--address" in outcome.output


def test_a_key_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "key"
    assert RUNNER.invoke(app, ["keys", "new", str(file)]).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert RUNNER.invoke(app, ["keys", "new", str(file)]).exit_code != 0


def test_a_key_for_tokens_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "key"
    made = RUNNER.invoke(app, ["keys", "token", str(file)])
    assert made.exit_code == 0
    assert f"PCARE_INGEST_TOKEN_KEY_FILE={file}" in made.output
    assert file.stat().st_mode & 0o077 == 0
    assert RUNNER.invoke(app, ["keys", "token", str(file)]).exit_code != 0


@pytest.mark.integration
def test_topics_with_kafka_away_says_what_to_do(unused_tcp_port: int) -> None:
    away = os.environ | {"PCARE_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{unused_tcp_port}"}
    command = [sys.executable, "-m", "pcare_cli", "topics", "check"]
    ended = subprocess.run(command, env=away, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Kafka cannot do it now (KafkaTimeoutError: ")
    assert "See that the brokers run, and that PCARE_KAFKA_BOOTSTRAP_SERVERS says where" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (kafka.errors.KafkaTimeoutError("no answer"), "repeating is safe"),
        (kafka.errors.TopicAuthorizationFailedError(), "what this user may do"),
        (kafka.errors.SaslAuthenticationFailedError(), "PCARE_KAFKA_SASL_MECHANISM"),
        (kafka.errors.InvalidReplicationFactorError(), "start the missing ones"),
        (kafka.errors.InvalidRequestError(), "report it"),
    ],
)
def test_each_kind_of_error_of_kafka_asks_for_something(error: Exception, words: str) -> None:
    assert words in kafka_advice(error)
