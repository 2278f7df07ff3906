"""Faust, as a runtime: it joins the group, fetches and hands over batches. It keeps no state of ours.

Each setting below is pinned on purpose; what goes wrong otherwise is said beside it. Offsets are committed for
operators' tools only: what was counted is decided by the state, which the log rebuilds.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import faust
from faust.auth import SASLCredentials, SSLCredentials
from faust.transport.drivers import aiokafka as driver
from yarl import URL

from pcare_common.kafka import KafkaSettings
from pcare_common.leave import Leave
from pcare_kpi_aggregator.owned import LogRecord
from pcare_schemas.topics import RECORDED

CHUNK_RECORDS = 1_000
"""The most records of one fetch, and so of one chunk: they are counted in one go, which must not stop the loop long."""

BATCH_CHUNKS = 16
BATCH_SECONDS = 0.05
BUFFERED_CHUNKS = 16
HEARTBEATS_A_SESSION = 4


class Worker(Protocol):
    """What the runtime drives. All of it runs on the loop's thread."""

    def suspend(self) -> None:
        """Keep the states, stop counting: the partitions were revoked."""
        ...

    def assign(self, ends: Mapping[int, int]) -> None:
        """Own exactly these partitions, each with the log's end after the assignment."""
        ...

    def take(self, chunks: Sequence[tuple[int, Sequence[LogRecord]]]) -> None:
        """Take in live records, in chunks of one partition each. Must not raise."""
        ...


class ChunkScheduler:
    """Hands over what was fetched of a partition as one chunk, where Faust's own schedulers go record by record.

    Faust spends about a tenth of a millisecond on each thing it delivers: several times what counting an event takes.
    """

    def iterate(self, records: Mapping[Any, list[Any]]) -> Iterator[tuple[Any, list[Any]]]:
        """Return each partition's records."""
        return ((tp, chunk) for tp, chunk in records.items() if chunk)


class LogConsumer(driver.Consumer):
    """Faust's consumer, but that it delivers chunks, and starts at the end of the log: the reader reads up to there.

    A chunk is a message of Faust's: the last record's, with all of them in `records`. Faust takes the offsets between
    two messages for a gap in the log, and commits over it, which is right.

    Faust seeks every partition to its committed offset after each rebalance. Here that offset is first moved to the
    log's end, taken now: after the assignment, so that nothing committed lies behind it. So the history is never
    streamed through Faust only to be dropped.
    """

    logger = logging.getLogger("faust.consumer")

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._seeking = asyncio.Lock()
        self._positioned: int | None = None

    def _to_message(self, tp: Any, record: Any) -> Any:
        message: Any = super()._to_message(tp, record[-1])
        message.records = record
        return message

    async def perform_seek(self) -> None:
        """Go to the end of each assigned partition, once an assignment."""
        async with self._seeking:
            generation = self.app.consumer_generation_id
            if self._positioned == generation:
                # The fetcher asks for it too, when a fetch comes back while the flow is stopped: at the same time as
                # the rebalance does, or when the next revocation is near and this assignment does not matter any more.
                return
            ends = dict(await self.highwaters(*self.assignment()))
            await self._commit(ends)
            await super().perform_seek()
            self._positioned = generation
        worker: Worker = self.app.worker  # type: ignore[attr-defined]
        worker.assign({tp.partition: end for tp, end in ends.items()})


class LogTransport(driver.Transport):
    """Faust's transport with our consumer."""

    Consumer = LogConsumer


class LogApp(faust.App):
    """A Faust app that knows its worker."""

    logger = logging.getLogger("faust.app")  # mode would name it after this module, and tell of each start and stop
    worker: Worker


def build(
    kafka: KafkaSettings, worker: Worker, leave: Leave, *, group: str, session_seconds: float, data: Path
) -> LogApp:
    """Return the Faust app that reads the log as a member of `group`. Call it on the loop that will run it."""
    app = LogApp(
        group,
        broker=[URL(f"kafka://{server}") for server in kafka.servers()],
        broker_credentials=_credentials(kafka),
        autodiscover=False,
        datadir=str(data),
        # Tables, changelogs and standbys would be second states, with the traps of Faust's commit. There are none.
        store="memory://",
        table_standby_replicas=0,
        processing_guarantee="at_least_once",
        # Topics are made by `pcare topics create`, from one file; Faust makes none, nor its leader topic.
        topic_allow_declare=False,
        topic_disable_leader=True,
        reply_create_topic=False,
        # Its web server answers OK whatever happens, and listens on all addresses.
        web_enabled=False,
        # The history is read in bulk by the log reader, never through Faust.
        consumer_auto_offset_reset="earliest",
        # Waiting for unacknowledged events has no deadline, and nothing depends on their acknowledgement.
        stream_wait_empty=False,
        stream_recovery_delay=0,
        ConsumerScheduler=ChunkScheduler,
        stream_buffer_maxsize=BUFFERED_CHUNKS,
        broker_max_poll_records=CHUNK_RECORDS,
        broker_session_timeout=session_seconds,
        broker_heartbeat_interval=session_seconds / HEARTBEATS_A_SESSION,
        broker_rebalance_timeout=max(session_seconds, 10.0),
        broker_request_timeout=max(2 * session_seconds, 30.0),
        broker_commit_interval=5.0,
        # Faust and mode would set up logging of their own.
        logging_config=None,
    )
    app.worker = worker
    app.transport = LogTransport(app.conf.broker_consumer, app)
    topic = app.topic(RECORDED, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(topic, concurrency=1, name="fold")
    async def fold(stream: Any) -> None:
        # An exception that leaves this loop would acknowledge the batch and go on without it: the worker ends the
        # process itself where it cannot count an event, and waits for nothing here.
        async for events in stream.take_events(BATCH_CHUNKS, within=BATCH_SECONDS):
            try:
                worker.take([(event.message.partition, event.message.records) for event in events])
            except Exception as error:  # noqa: BLE001 - whatever it is, the batch must not be acknowledged
                leave("a fault in the program while counting", kind=type(error).__name__, show_stacks=True)

    @app.on_partitions_revoked.connect
    async def revoked(*_arguments: Any, **_more: Any) -> None:
        worker.suspend()

    @app.on_partitions_assigned.connect  # type: ignore[arg-type]
    async def assigned(_app: Any, partitions: Any, *_arguments: Any, **_more: Any) -> None:
        if not partitions:  # more workers than partitions: there is nothing to seek, so perform_seek is not asked
            worker.assign({})

    return app


def _credentials(kafka: KafkaSettings) -> Any:
    options = kafka.aiokafka_options()
    context = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return SASLCredentials(
            mechanism=options["sasl_mechanism"],
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=context,
        )
    return SSLCredentials(context=context) if context is not None else None
