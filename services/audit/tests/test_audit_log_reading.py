"""Reading the log as it stands on a real broker."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import msgspec
import pytest
from audit_lines import CAMDEN, line
from kafka import KafkaAdminClient, KafkaProducer

from backends import Backend
from pcare_audit.log_reading import LogUnreadableError, read_log, read_records
from pcare_schemas.log import LogLine

pytestmark = pytest.mark.integration


class Log:
    """A topic of three partitions."""

    def __init__(self, servers: str) -> None:
        self.options = {"bootstrap_servers": servers}
        self.topic = f"audit-{uuid4().hex}"
        admin = KafkaAdminClient(**self.options)
        admin.create_topics({self.topic: {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
        admin.close()

    def write(self, *lines: LogLine | bytes | None, partition: int, commit: bool = True) -> None:
        producer = KafkaProducer(**self.options, transactional_id=uuid4().hex)
        producer.init_transactions()
        producer.begin_transaction()
        for one in lines:
            value = msgspec.json.encode(one) if isinstance(one, LogLine) else one
            producer.send(self.topic, value, key=b"key", partition=partition)
        producer.flush()
        producer.commit_transaction() if commit else producer.abort_transaction()
        producer.close()

    def read(self) -> list[tuple[int, str]]:
        return sorted((partition, one.id) for partition, one in read_records(self.options, self.topic))


@pytest.fixture
def log(backend: Backend) -> Iterator[Log]:
    return Log(backend.bootstrap_servers)


async def test_all_partitions_are_read_to_their_ends_and_nothing_that_was_taken_back(log: Log) -> None:
    first, second, again = (line("pam-scored", "2024-05-01", id=name, borough=CAMDEN) for name in "abc")
    await asyncio.to_thread(log.write, first, second, partition=0)
    await asyncio.to_thread(log.write, line("pam-scored", "2024-05-01", id="gone"), partition=0, commit=False)
    await asyncio.to_thread(log.write, again, again, partition=2)
    assert await asyncio.to_thread(log.read) == [(0, "a"), (0, "b"), (2, "c"), (2, "c")]
    assert await asyncio.to_thread(log.read) == [(0, "a"), (0, "b"), (2, "c"), (2, "c")]  # nothing was committed
    lines = await asyncio.to_thread(lambda: list(read_log(log.options, log.topic)))
    assert lines[0].data == {"borough": CAMDEN}


async def test_an_empty_log_is_read_at_once(log: Log) -> None:
    assert await asyncio.to_thread(log.read) == []


async def test_a_topic_that_is_not_there_is_named(log: Log) -> None:
    log.topic = f"audit-{uuid4().hex}"
    with pytest.raises(LogUnreadableError, match=f"there is no topic {log.topic}"):
        await asyncio.to_thread(log.read)


@pytest.mark.parametrize("record", [b"{}", b"", None, b'{"x":' + b"[" * 100_000])
async def test_what_is_no_event_is_named_by_its_place(record: bytes | None, log: Log) -> None:
    await asyncio.to_thread(log.write, record, partition=1)
    with pytest.raises(LogUnreadableError, match=f"{log.topic}/1@0 is no event"):
        await asyncio.to_thread(log.read)


async def test_what_comes_after_the_reading_began_is_left_out(log: Log) -> None:
    await asyncio.to_thread(log.write, *(line("pam-scored", "2024-05-01", id=f"{n}") for n in range(3)), partition=0)
    reading = read_records(log.options, log.topic)
    first = await asyncio.to_thread(next, reading)
    await asyncio.to_thread(log.write, line("pam-scored", "2024-05-01", id="late"), partition=0)
    rest = await asyncio.to_thread(list, reading)
    assert [one.id for _, one in (first, *rest)] == ["0", "1", "2"]
