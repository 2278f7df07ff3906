"""Health is progress: a worker is wedged for real; it says so, and ends, or recovers with what it waits for."""

import json
import re
import uuid
from pathlib import Path

import pytest
from kpi_cluster import Worker, expected, make_topics, population, settled, shuffled, values_of, wait_until
from test_kpi_cluster import publish_now

pytestmark = pytest.mark.integration

FAULTY = Path(__file__).with_name("kpi_with_a_fault.py")
STALL_SECONDS = 15
SLACK = 40.0  # a machine that does other things as well
AGE = re.compile(r"^pcare_kpi_progress_age_seconds (\S+)$", re.MULTILINE)
PEOPLE = population(50, seed=1)
STATEMENTS = shuffled(PEOPLE, seed=2)


@pytest.fixture
def kafka(backend) -> str:
    make_topics(backend.bootstrap_servers)
    return backend.bootstrap_servers


@pytest.fixture
def new_worker(kafka, tmp_path):
    made: list[Worker] = []
    group = f"kpi-{uuid.uuid4()}"

    def _new_worker(*fault: str) -> Worker:
        program = [str(FAULTY), *fault] if fault else ["-m", "pcare_kpi_aggregator"]
        made.append(Worker(kafka, tmp_path, group, program=program, stall_seconds=STALL_SECONDS))
        return made[-1].start()

    yield _new_worker
    for worker in made:
        worker.end()


def age(worker: Worker) -> float | None:
    answer = worker.get("/metrics")
    found = None if answer is None else AGE.search(answer.text)
    return None if found is None else float(found[1])


def stacks(worker: Worker) -> str:
    lines = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
    (last,) = [line for line in lines if "stacks" in line]
    assert (last["level"], last["exit_status"]) == ("critical", 75)
    return json.dumps(last["stacks"])


def until_stands(worker: Worker, reason: str) -> None:
    """Wait until it is not ready for a reason, and the alert metric says so too."""
    wait_until(lambda: any(reason in said for said in worker.reasons()), reason, SLACK, worker.tell)
    wait_until(lambda: (age(worker) or 0.0) > 0.0, "the alert metric to move", SLACK, worker.tell)


def counts_all(worker: Worker) -> None:
    answer = settled(worker.wait_ready(), len(STATEMENTS))
    assert values_of(answer) == expected(PEOPLE, answer)


@pytest.mark.parametrize(
    ("fault", "reason", "where"),
    [
        ("listener", "the group has not assigned partitions", "wait_for_what_never_comes"),
        ("reader", "nothing was counted for", "take_a_lock_that_nobody_releases"),
    ],
)
def test_what_never_returns_is_not_ready_moves_the_alert_and_ends_with_its_place(
    kafka, new_worker, fault, reason, where
):
    publish_now(kafka, STATEMENTS)
    wedged = new_worker(fault)
    until_stands(wedged, reason)
    assert wedged.wait(STALL_SECONDS + SLACK) == 75
    assert where in stacks(wedged)
    counts_all(new_worker())


def test_records_that_are_not_counted_are_not_ready_move_the_alert_and_end_it(kafka, new_worker):
    wedged = new_worker("agent").wait_ready()
    publish_now(kafka, STATEMENTS)
    until_stands(wedged, "nothing was counted for")
    assert wedged.wait(STALL_SECONDS + SLACK) == 75
    assert stacks(wedged)
    counts_all(new_worker())


@pytest.mark.parametrize(("how", "where"), [("sleep", "sleep_on_the_loop"), ("lock", "take_a_lock_that_nobody")])
def test_a_loop_that_stands_still_answers_no_probe_and_is_ended_from_outside(kafka, new_worker, how, where):
    wedged = new_worker(how).wait_ready()
    publish_now(kafka, STATEMENTS)
    assert wedged.wait(SLACK) == 75
    assert where in stacks(wedged)
    counts_all(new_worker())


def test_a_kafka_that_stands_still_is_not_ready_and_nothing_is_missing_afterwards(backend, kafka, new_worker):
    publish_now(kafka, STATEMENTS[:100])
    worker = new_worker().wait_ready()
    backend.stop_kafka()
    try:
        until_stands(worker, "Kafka has not said for")
    finally:
        backend.continue_kafka()
    publish_now(kafka, STATEMENTS[100:])
    counts_all(worker)


def test_one_that_hangs_as_it_joins_does_not_hide_behind_one_that_counts(kafka, new_worker):
    publish_now(kafka, STATEMENTS[:100])
    well = new_worker().wait_ready()
    wedged = new_worker("listener")
    until_stands(wedged, "the group has not assigned partitions")
    assert wedged.wait(2 * STALL_SECONDS + SLACK) == 75
    assert "wait_for_what_never_comes" in stacks(wedged)
    publish_now(kafka, STATEMENTS[100:])
    counts_all(well)
