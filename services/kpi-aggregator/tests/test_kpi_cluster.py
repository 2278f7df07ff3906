"""Workers as processes, on real Kafka: killed, stopped, joined and fed with poison, and exact afterwards."""

import asyncio
import signal
import threading
import time
import uuid

import pytest
from kafka.admin import KafkaAdminClient
from kpi_cluster import (
    SESSION_SECONDS,
    Worker,
    delete_topics,
    expected,
    make_topics,
    population,
    publish,
    publish_values,
    settled,
    shuffled,
    values_of,
    wait_until,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def kafka(backend) -> str:
    make_topics(backend.bootstrap_servers)
    return backend.bootstrap_servers


@pytest.fixture
def new_worker(kafka, tmp_path):
    made: list[Worker] = []
    group = f"kpi-{uuid.uuid4()}"

    def _new_worker(**settings) -> Worker:
        made.append(Worker(kafka, tmp_path, group, **settings))
        return made[-1].start()

    yield _new_worker
    for worker in made:
        worker.end()


def publish_now(kafka: str, statements, **more) -> None:
    asyncio.run(publish(kafka, statements, **more))


def publish_beside(kafka: str, statements, pause_every: int = 50) -> threading.Thread:
    """Publish slowly, from a thread."""
    thread = threading.Thread(target=publish_now, args=(kafka, statements), kwargs={"pause_every": pause_every})
    thread.start()
    return thread


def test_one_worker_counts_the_log_and_what_follows_exactly(kafka, new_worker):
    people = population(1500, seed=1)
    statements = shuffled(people, seed=2)
    publish_now(kafka, statements[: len(statements) // 2])
    worker = new_worker()
    live = publish_beside(kafka, statements[len(statements) // 2 :])  # while it reads the log
    worker.wait_ready()
    live.join()
    answer = settled(worker, len(statements))
    assert values_of(answer) == expected(people, answer)
    assert [partition["lag"] for partition in answer["partitions"]] == [0] * 12

    began = time.monotonic()
    worker.send(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert time.monotonic() - began < 20  # ten seconds, and a machine that does other things as well


def test_a_second_worker_joins_the_first_is_killed_and_the_answers_stay_whole(kafka, new_worker):
    people = population(1500, seed=3)
    for said in people.values():  # nothing taken back, so that the number of referrals only grows
        said[:] = [one for one in said if hasattr(one, "kind")]
    statements = shuffled(people, seed=4)
    publish_now(kafka, statements[:2000])
    first = new_worker().wait_ready()
    live = publish_beside(kafka, statements[2000:], pause_every=20)
    second = new_worker().wait_ready()
    wait_until(lambda: 0 < _owned(first) < 12 and first.ready, "the partitions to be shared", 60, first.tell)

    referrals: list[int] = []

    def whole() -> None:
        answer = second.kpis()
        assert answer["complete"], second.tell()
        referrals.append(sum(row["value"] for row in answer["kpis"] if row["kpi"] == "sp_referrals"))

    whole()
    first.send(signal.SIGKILL)
    wait_until(lambda: whole() or (_owned(second) == 12 and second.ready), "the second to take over", 60, second.tell)
    live.join()
    answer = settled(second, len(statements))
    assert referrals == sorted(referrals)
    assert values_of(answer) == expected(people, answer)

    third = new_worker().wait_ready()
    wait_until(lambda: _owned(third) > 0 and third.ready and second.ready, "the third to share", 60, third.tell)
    for worker in (second, third):
        answer = settled(worker, len(statements))
        assert values_of(answer) == expected(people, answer)


def test_a_worker_killed_in_mid_stream_is_exact_after_its_restart(kafka, new_worker):
    people = population(1500, seed=5)
    statements = shuffled(people, seed=6)
    worker = new_worker().wait_ready()
    live = publish_beside(kafka, statements, pause_every=100)
    for _ in range(2):
        wait_until(lambda: _applied(worker) > 300, "some counting", 60, worker.tell)
        worker.send(signal.SIGKILL)
        worker.wait()
        worker.start().wait_ready()
    live.join()
    answer = settled(worker, len(statements))
    assert values_of(answer) == expected(people, answer)


def test_a_stopped_process_leaves_when_it_wakes_and_the_other_one_carries_on(kafka, new_worker):
    people = population(300, seed=7)
    statements = shuffled(people, seed=8)
    publish_now(kafka, statements)
    sleeper, other = new_worker().wait_ready(), new_worker().wait_ready()
    wait_until(lambda: sleeper.ready and _owned(sleeper) > 0, "the partitions to be shared", 60, sleeper.tell)
    sleeper.send(signal.SIGSTOP)
    wait_until(lambda: _owned(other) == 12 and other.ready, "the other to take over", 60, other.tell)
    time.sleep(SESSION_SECONDS / 2)
    sleeper.send(signal.SIGCONT)
    assert sleeper.wait(30) == 75
    assert "stood still" in sleeper.log.read_text()
    answer = settled(other, len(statements))
    assert values_of(answer) == expected(people, answer)


def test_a_record_that_cannot_be_counted_stops_its_partition_alone_after_three_exits(kafka, new_worker):
    people = population(300, seed=9)
    publish_now(kafka, shuffled(people, seed=10))
    worker = new_worker().wait_ready()
    asyncio.run(publish_values(kafka, [("person:poison", b'{"this": "is no event"')], partition=5))
    assert worker.wait(60) == 75  # the first time it comes live, from then on from the log
    assert [worker.start().wait(60) for _ in range(2)] == [75, 75]
    worker.start()
    wait_until(lambda: "fold fails at offset" in str(worker.reasons()), "the alarm", 60, worker.tell)
    assert worker.process.poll() is None
    assert '"this"' not in worker.log.read_text()  # never a payload
    metrics = worker.get("/metrics").text
    assert 'pcare_kpi_partition_blocked_offset{partition="5"}' in metrics
    wait_until(lambda: worker.get("/metrics").text.count("_partition_ready{") == 12, "all partitions", 30)
    wait_until(lambda: _ready(worker) == 11, "the other partitions", 60, worker.tell)


def test_events_of_the_future_are_skipped_counted_and_shown(kafka, new_worker):
    people = population(100, seed=11)
    future = b'{"type":"uk.nhs.ncl.personalised-care.pam-scored.v2","subject":"person:x","data":{"score":"high"}}'
    asyncio.run(publish_values(kafka, [("person:x", future)] * 3))
    statements = shuffled(people, seed=12)
    publish_now(kafka, statements)
    worker = new_worker().wait_ready()
    answer = settled(worker, len(statements) + 3)
    assert values_of(answer) == expected(people, answer)
    assert (
        'pcare_kpi_skipped_events{type="uk.nhs.ncl.personalised-care.pam-scored.v2"} 3.0' in worker.get("/metrics").text
    )


def test_a_broker_that_dies_and_comes_back_costs_nothing(kafka, backend, new_worker):
    people = population(600, seed=13)
    statements = shuffled(people, seed=14)
    publish_now(kafka, statements[:1000])
    worker = new_worker().wait_ready()
    settled(worker, 1000)
    backend.kill_kafka()
    time.sleep(2)
    backend.start_kafka()
    publish_now(kafka, statements[1000:])
    wait_until(lambda: _supervised(worker) and worker.ready, "the worker to be well again", 90, worker.tell)
    answer = settled(worker, len(statements))
    assert values_of(answer) == expected(people, answer)


def test_a_log_that_is_made_anew_is_counted_anew(kafka, new_worker):
    statements = shuffled(population(300, seed=15), seed=16)
    publish_now(kafka, statements)
    worker = new_worker(stall_seconds=10).wait_ready()
    settled(worker, len(statements))
    make_topics(kafka)
    people = population(100, seed=17)
    publish_now(kafka, shuffled(people, seed=18))
    wait_until(lambda: _supervised(worker) and _exact(worker, people), "the new log's numbers", 90, worker.tell)


def test_without_topics_a_worker_waits_and_says_what_to_do(kafka, new_worker):
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        delete_topics(admin)
    finally:
        admin.close()
    worker = new_worker()
    wait_until(lambda: "pcare topics create" in worker.log.read_text(), "a word about topics", 60)
    assert worker.reasons() != []
    make_topics(kafka)
    worker.wait_ready(90)


def test_a_port_that_is_taken_is_said_at_once(new_worker):
    first = new_worker()
    wait_until(lambda: first.get("/health/live") is not None, "the first to answer")
    second = new_worker(http_port=first.port)
    assert second.wait(30) == 78
    assert "Cannot listen" in second.log.read_text()


def _supervised(worker: Worker) -> bool:
    """Start the worker again where it has asked for it, as a supervisor does."""
    if worker.process.poll() is not None:
        assert worker.process.returncode == 75
        worker.start()
    return True


def _exact(worker: Worker, people) -> bool:
    answer = worker.kpis()
    at_rest = answer["complete"] and answer["instant"] == answer["instant_latest"]
    return at_rest and values_of(answer) == expected(people, answer)


def _owned(worker: Worker) -> int:
    return _count(worker, "pcare_kpi_partition_owned")


def _ready(worker: Worker) -> int:
    return _count(worker, "pcare_kpi_partition_ready")


def _applied(worker: Worker) -> int:
    return _count(worker, "pcare_kpi_applied_events_total")


def _count(worker: Worker, name: str) -> int:
    answer = worker.get("/metrics")
    lines = [] if answer is None else answer.text.splitlines()
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith((f"{name}{{", f"{name} ")))
