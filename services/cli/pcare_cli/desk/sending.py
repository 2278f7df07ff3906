"""Sends rejected events in again, to the shared topic, where the recorder judges them like any other."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from pcare_cli.desk.mending import Sendable
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import CLOUDEVENTS_HEADERS
from pcare_schemas.topics import SUBMITTED

SECONDS_FOR_AN_ACKNOWLEDGEMENT = 30
HEADER = "redriveof"
"""Names the rejection in the record itself, beside what the database keeps. Nothing reads it but people."""


class DeskSender:
    """A producer with acks from all in-sync replicas. `options` are kafka-python's connection options. Blocks."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._producer = KafkaProducer(
            client_id="pcare-desk",
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_block_ms=SECONDS_FOR_AN_ACKNOWLEDGEMENT * 1000,
            delivery_timeout_ms=SECONDS_FOR_AN_ACKNOWLEDGEMENT * 1000,
            request_timeout_ms=10_000,
            **options,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.close(timeout=5)

    def send(self, events: Sequence[tuple[Origin, Sendable]]) -> list[Origin | KafkaError]:
        """Send events, each with the origin of its rejection; return where each is acknowledged, or what went wrong."""
        waiting = []
        for origin, event in events:
            headers = [*CLOUDEVENTS_HEADERS, (HEADER, str(origin).encode())]
            try:
                waiting.append(self._producer.send(SUBMITTED, value=event.value, key=event.key, headers=headers))
            except KafkaError as error:
                waiting.append(error)
        return [self._acknowledged(one) for one in waiting]

    def _acknowledged(self, waiting: Any) -> Origin | KafkaError:
        if isinstance(waiting, KafkaError):
            return waiting
        try:
            found = waiting.get(timeout=SECONDS_FOR_AN_ACKNOWLEDGEMENT + 5)
        except KafkaError as error:
            return error
        return Origin(found.topic, found.partition, found.offset)
