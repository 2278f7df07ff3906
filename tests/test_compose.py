"""`docker compose up` from nothing: a whole system that works, lets nobody in unasked, and mends itself.

It takes minutes, so `make proof-deploy` plays it, and `make test` only where PCARE_TEST_CONTAINERS is 1.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError, TopicDeletionDisabledError

from composed import ROOT, VERSION, WANTED, Composed, lacks, left_out, names, running
from events import referral
from pcare_audit import checkpoint
from pcare_audit.signed_note import Verifier
from pcare_cli.doctor import seal_rules
from pcare_cli.doctor.seal_reading import newest_on_topic
from pcare_compose import secrets

pytestmark = pytest.mark.containers

ONCE = {"migrate", "topics", "kafka-users", "demo-providers"}
OURS = {"ingest", "recorder", "kpi-aggregator", "watch", "sealer", "simulator", *ONCE}
LOOPBACK = "127.0.0.1"
UID = "10001"


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Run the system with the profile `demo` for the tests of this module."""
    reason = lacks() if os.environ.get(WANTED) == "1" else f"it takes minutes: make proof-deploy, or {WANTED}=1"
    if reason:
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("composed")) as system:
        yield system


def test_after_one_command_everything_is_well(composed):
    states = {one["Name"]: one["State"] for one in composed.containers()}
    stays = {name for name, state in states.items() if state["Running"]}
    healthy = {name for name in stays if states[name].get("Health", {}).get("Status") == "healthy"}
    assert {name for name in stays - healthy if "simulator" not in name} == set()
    assert {name: state["ExitCode"] for name, state in states.items() if name not in stays} == dict.fromkeys(
        states.keys() - stays, 0
    )
    expected = {"kafka", "postgres", "prometheus", *OURS - ONCE}
    running_services = set(names([one for one in composed.containers() if one["State"]["Running"]]))
    assert expected <= running_services
    assert not left_out().keys() & expected


def test_what_made_up_providers_send_is_accepted_recorded_and_counted(composed):
    composed.until(lambda: composed.total('pcare_recorder_cursor_events{outcome="recorded"}') > 500)
    composed.until(lambda: composed.total('pcare:kpi_value{borough="NCL"}') > 0)
    refused = composed.total('pcare_recorder_cursor_events{outcome="rejected"}')
    assert refused < composed.total("pcare_recorder_cursor_events") / 2


def test_the_watcher_sees_what_no_service_can_know_alone(composed):
    composed.until(lambda: composed.asked('up{job="watch"}') and composed.total('up{job="watch"}') == 1)
    composed.until(lambda: composed.total("pcare_watch_kpi_compared_seconds") > 0)
    assert composed.total("pcare_watch_kpi_difference") == 0
    places = {dict(labels)["path"] for labels in composed.asked("pcare_watch_disk_free_bytes")}
    assert places == {"/watched/kafka", "/watched/postgres", "/watched/prometheus"}
    ends = composed.asked("pcare_watch_certificate_ends_seconds")
    assert len(ends) == 2
    assert min(ends.values()) > time.time()


def test_what_is_recorded_is_sealed_and_an_auditor_can_verify_the_signature(composed):
    composed.until(lambda: composed.total("pcare_seal_checkpoint_size") > 0)
    before = composed.total("pcare_seal_checkpoint_size")
    composed.until(lambda: composed.total("pcare_seal_checkpoint_size") > before)
    options = composed.kafka_options("auditor")
    on_topic = composed.until(lambda: newest_on_topic(options))
    public = Verifier.load(composed.secrets / secrets.PUBLIC_KEY)
    assert checkpoint.parse(public.open(on_topic.note)).size == on_topic.size >= before
    assert composed.total("pcare_seal_refused") == 0


def test_the_doctor_looks_at_checkpoints_too(composed):
    said = composed.compose("run", "--rm", "-T", "pcare", "doctor", "--json", status=None, seconds=120)
    looked = {one["check"]: one for one in json.loads(said)["checks"]}
    for check in (seal_rules.SEALED, seal_rules.SAME, seal_rules.SIGNED):
        assert looked[check.words]["level"] == "ok", looked[check.words]


def test_no_topic_can_be_deleted(composed):
    """Not even by whoever may delete records of it, as an erasure does."""
    with closing(KafkaAdminClient(**composed.kafka_options("operator"))) as admin:
        admin.delete_records({TopicPartition("interventions.submitted", 0): 0})
        with pytest.raises(TopicDeletionDisabledError):
            admin.delete_topics(["interventions.submitted"])


def test_a_provider_that_is_let_in_is_recorded_and_nobody_else_is(composed):
    said = composed.compose(
        *["run", "--rm", "pcare", "providers", "add", "RKE", "--key", "--who", "ada", "--why"], "a test", seconds=120
    )
    key = re.search(r"pcare_[a-z]{12}_[A-Za-z]{45}", said)
    assert key, said
    event = referral()
    address = f"{composed.address('INGEST')}/events"
    headers = {"Content-Type": "application/cloudevents+json"}
    assert httpx.post(address, json=event, headers=headers).status_code == 401
    with_key = headers | {"X-API-Key": key[0]}
    accepted = composed.until(lambda: _taken(httpx.post(address, json=event, headers=with_key)), seconds=30)
    receipt = f"{composed.address('INGEST')}{accepted}"
    composed.until(lambda: httpx.get(receipt, headers=with_key).json().get("status") == "recorded")


def _taken(answer: httpx.Response) -> str:
    """Return where the receipt is, once the credential is known: ingest looks every few seconds."""
    return answer.headers["Location"] if answer.status_code == 202 else ""


def test_nothing_is_reached_from_elsewhere(composed):
    bound = {
        (name, binding["HostIp"])
        for one in composed.containers()
        for name, bindings in (one["HostConfig"]["PortBindings"] or {}).items()
        for binding in bindings
    }
    assert bound
    assert {address for _, address in bound} == {LOOPBACK}


def test_our_containers_may_do_no_more_than_they_need(composed):
    ours = [one for one in composed.containers() if set(names([one])) & OURS]
    assert set(names(ours)) == OURS
    for one in ours:
        host = one["HostConfig"]
        assert one["Config"]["User"] == UID, one["Name"]
        assert host["ReadonlyRootfs"], one["Name"]
        assert host["CapDrop"] == ["ALL"], one["Name"]
        assert "no-new-privileges:true" in host["SecurityOpt"], one["Name"]
        assert 0 < host["Memory"] <= 1024**3, one["Name"]
        labels = one["Config"]["Labels"]
        assert labels["org.opencontainers.image.version"] == VERSION
        assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


@pytest.mark.parametrize("service", sorted(OURS - ONCE))
def test_whoever_gets_into_a_container_changes_nothing_and_installs_nothing(composed, service):
    asked = composed.compose("exec", "-T", service, "sh", "-c", "id -u; touch /opt/pcare/x 2>&1; touch /x 2>&1; true")
    assert asked.splitlines()[0] == UID
    assert asked.count("Read-only file system") == 2
    for python in ("python", "/opt/pcare/bin/python"):
        for module in ("pip", "ensurepip", "setuptools"):
            look = f"import importlib.util as util; print(util.find_spec({module!r}))"
            assert composed.compose("exec", "-T", service, python, "-c", look).strip() == "None", (python, module)
    assert composed.compose("exec", "-T", service, "sh", "-c", "command -v gcc cc make git curl; true").strip() == ""


@pytest.mark.parametrize("service", ["kafka", "postgres", "prometheus"])
def test_no_server_runs_as_root(composed, service):
    (container,) = composed.containers(service)
    processes = subprocess.run(
        ["docker", "top", container["Id"], "-eo", "pid,uid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]
    assert processes
    assert [line for line in processes if line.split()[1] == "0"] == []


def test_no_secret_is_seen_from_outside(composed):
    seen = composed.inspected() + composed.logs()
    keys = json.loads(composed.compose("exec", "-T", "simulator", "cat", "/var/lib/pcare/keys.json"))
    hidden = {file.name: composed.secret(file.name) for file in composed.secrets.iterdir() if file.suffix != ".pem"}
    hidden |= keys
    assert len(hidden) > 20
    found = [name for name, text in hidden.items() for line in _telling(text) if line in seen]
    assert found == []


def _telling(text: str) -> list[str]:
    """Return the lines of a secret; of a key in PEM those that hold it."""
    return [line for line in text.splitlines() if not line.startswith("-----")]


def test_kafka_and_the_board_let_nobody_in_unasked(composed):
    options = composed.kafka_options("auditor")
    KafkaAdminClient(**options).close()
    with pytest.raises(KafkaError):
        KafkaAdminClient(**options | {"sasl_plain_password": "another"}, bootstrap_timeout_ms=3000)
    board = f"{composed.address('KPI')}/kpis"
    assert httpx.get(board).status_code == 401
    token = {"Authorization": f"Bearer {composed.secret('kpi-token')}"}
    assert httpx.get(board, headers=token).status_code == 200
    assert httpx.get(f"{composed.address('INGEST')}/metrics").status_code == 401


def test_users_and_topics_of_kafka_are_as_planned(composed):
    for what in ("kafka", "topics"):
        composed.compose("run", "--rm", "pcare-administrator", what, "check", seconds=120)


def test_three_recorders_share_the_work_and_prometheus_sees_each(composed):
    composed.up("--scale", "recorder=3")
    assert len(composed.containers("recorder")) == 3
    composed.until(lambda: list(composed.asked('up{job="recorder"}').values()) == [1.0] * 3)
    sharing = 'count by (instance) (pcare_recorder_next_offset{job="recorder"}) > 0'
    composed.until(lambda: len(composed.asked(sharing)) == 3)
    before = composed.total('pcare_recorder_cursor_events{outcome="recorded"}')
    composed.until(lambda: composed.total('pcare_recorder_cursor_events{outcome="recorded"}') > before)


@pytest.mark.parametrize("service", ["ingest", "kpi-aggregator", "postgres", "kafka"])
def test_what_is_killed_comes_back(composed, service):
    (before,) = composed.containers(service)
    if os.geteuid() == 0:
        os.kill(before["State"]["Pid"], signal.SIGKILL)
    else:
        composed.compose("exec", "-T", "--user", "root", service, "sh", "-c", "kill -TERM 1")
    composed.until(lambda: composed.containers(service)[0]["RestartCount"] > before["RestartCount"])
    composed.until(lambda: composed.containers(service)[0]["State"]["Health"]["Status"] == "healthy")
    recorded = composed.total('pcare_recorder_cursor_events{outcome="recorded"}')
    composed.until(lambda: composed.total('pcare_recorder_cursor_events{outcome="recorded"}') > recorded)


def test_every_password_can_be_changed_with_the_data_in_place(composed):
    old = {file.name: file.read_text() for file in composed.secrets.glob("[pk]*-*") if not file.suffix}
    assert {"postgres-pcare", "postgres-recorder", "kafka-admin", "kafka-recorder", "kpi-token"} <= old.keys()
    for name in old:
        (composed.secrets / name).unlink()
    secrets.make(composed.secrets)
    assert not [name for name, text in old.items() if (composed.secrets / name).read_text() == text]
    composed.compose("up", "--detach", "--wait", "--force-recreate", "kafka", "postgres")
    composed.compose("exec", "-T", "kafka", "/etc/pcare/administrator-password", seconds=120)
    composed.compose("exec", "-T", "postgres", "/etc/pcare/owner-password")
    composed.up("--force-recreate")
    recorded = composed.total('pcare_recorder_cursor_events{outcome="recorded"}')
    composed.until(lambda: composed.total('pcare_recorder_cursor_events{outcome="recorded"}') > recorded)


def test_taken_down_nothing_of_it_is_left(composed):
    composed.down()
    for kind in ("container", "volume", "network"):
        everything = ["--all"] if kind == "container" else []
        label = f"label=com.docker.compose.project={composed.project}"
        listed = ["docker", kind, "ls", "--quiet", *everything, "--filter", label]
        assert subprocess.run(listed, capture_output=True, text=True, check=True, cwd=ROOT).stdout == ""


def test_nothing_of_the_working_copy_but_sources_goes_into_an_image():
    ignored = (Path(ROOT) / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert not [line for line in ignored if line.startswith("!") and "compose" in line]
