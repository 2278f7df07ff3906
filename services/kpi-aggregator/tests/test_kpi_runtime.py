"""The seam with Faust: what is pinned, and the few places where its behaviour is ours."""

from importlib.metadata import version

import faust
import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from kpi_records import Record
from pydantic import SecretStr

from pcare_common.kafka import KafkaSettings
from pcare_kpi_aggregator import runtime
from pcare_schemas.topics import RECORDED


class Worker:
    def __init__(self) -> None:
        self.assigned: list[dict[int, int]] = []
        self.suspended = 0

    def suspend(self):
        self.suspended += 1

    def assign(self, ends):
        self.assigned.append(dict(ends))

    def take(self, chunks):
        raise NotImplementedError


@pytest.fixture
def build(tmp_path):
    """Build apps, and close what each opens though it never starts: its consumer's thread has a loop already."""
    built: list[runtime.LogApp] = []

    def _build(worker=None, kafka=None) -> runtime.LogApp:
        kafka = kafka or KafkaSettings(kafka_bootstrap_servers="one:9092,two:9093")
        built.append(
            runtime.build(
                kafka, worker or Worker(), pytest.fail, group="kpi-aggregator", session_seconds=10, data=tmp_path
            )
        )
        return built[-1]

    yield _build
    for app in built:
        if app._consumer is not None:
            app._consumer._thread.thread_loop.close()


def test_the_versions_are_those_whose_source_was_read():
    assert version("faust-streaming") == "0.15.3"
    assert version("mode-streaming") == "0.7.1"
    assert version("aiokafka").startswith("0.14.")


async def test_faust_is_a_runtime_and_nothing_more(build):
    app = build()
    conf = app.conf
    assert conf.id == "kpi-aggregator"
    assert [str(url) for url in conf.broker_consumer] == ["kafka://one:9092", "kafka://two:9093"]
    assert (conf.topic_allow_declare, conf.topic_disable_leader, conf.web_enabled) == (False, True, False)
    assert conf.processing_guarantee.value == "at_least_once"
    assert (conf.table_standby_replicas, len(app.tables)) == (0, 0)
    assert conf.stream_wait_empty is False
    assert conf.broker_session_timeout == 10
    assert conf.broker_heartbeat_interval <= conf.broker_session_timeout / 3
    (agent,) = app.agents.values()
    assert (agent.concurrency, agent.channel.topics) == (1, (RECORDED,))
    assert agent.channel.value_serializer == "raw"


async def test_credentials_are_passed_on(build):
    kafka = KafkaSettings(
        kafka_bootstrap_servers="one:9092",
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_username="aggregator",
        kafka_sasl_password=SecretStr("a secret"),
    )
    credentials = build(kafka=kafka).conf.broker_credentials
    assert (credentials.username, credentials.password, credentials.mechanism.value) == (
        "aggregator",
        "a secret",
        "SCRAM-SHA-512",
    )


async def test_what_was_fetched_of_a_partition_is_delivered_as_one_message(build):
    consumer = build().consumer
    assert isinstance(consumer, runtime.LogConsumer)
    tp = TP(RECORDED, 3)
    fetched = [FetchedRecord(offset) for offset in (5, 6, 7)]
    ((delivered_tp, chunk),) = consumer.scheduler.iterate({tp: fetched, TP(RECORDED, 4): []})
    message = consumer._to_message(delivered_tp, chunk)
    assert (message.tp, message.offset, message.records) == (tp, 7, fetched)


class FetchedRecord(Record):
    topic, partition, timestamp_type, headers, key, checksum = RECORDED, 3, 1, (), b"person:1", None
    serialized_key_size = serialized_value_size = 0

    def __init__(self, offset: int) -> None:
        super().__init__(offset, b"{}")


async def test_faust_starts_at_the_end_of_the_log_once_an_assignment(build, monkeypatch):
    worker = Worker()
    consumer = build(worker).consumer
    done: list[object] = []

    async def highwaters(*partitions):
        return {tp: 100 + tp.partition for tp in partitions}

    async def commit(offsets):
        done.append(("commit", dict(offsets)))
        return True

    async def seek(self):
        done.append("seek to what is committed")

    monkeypatch.setattr(consumer, "assignment", lambda: {TP(RECORDED, 1), TP(RECORDED, 2)})
    monkeypatch.setattr(consumer, "highwaters", highwaters)
    monkeypatch.setattr(consumer, "_commit", commit)
    monkeypatch.setattr(driver.Consumer, "perform_seek", seek)
    consumer.app.consumer_generation_id = 7
    await consumer.perform_seek()
    assert done == [
        ("commit", {TP(RECORDED, 1): 101, TP(RECORDED, 2): 102}),
        "seek to what is committed",
    ]
    assert worker.assigned == [{1: 101, 2: 102}]
    await consumer.perform_seek()  # a fetch that came back during the next revocation
    assert len(done) == 2
    consumer.app.consumer_generation_id = 8
    await consumer.perform_seek()
    assert len(worker.assigned) == 2


async def test_revocation_suspends_and_an_empty_assignment_is_an_assignment(build):
    worker = Worker()
    app = build(worker)
    await app.on_partitions_revoked.send({TP(RECORDED, 1)})
    assert worker.suspended == 1
    await app.on_partitions_assigned.send({TP(RECORDED, 1)})
    assert worker.assigned == []  # the ends are asked for first, by perform_seek
    await app.on_partitions_assigned.send(set())
    assert worker.assigned == [{}]


def test_the_seams_that_are_used_still_exist():
    assert driver.Transport.Consumer is driver.Consumer
    for name in ("perform_seek", "highwaters", "assignment", "_commit", "_to_message"):
        assert callable(getattr(driver.Consumer, name))
    assert hasattr(faust.App, "transport")
