"""Sends events as a provider that speaks to Kafka itself, to the topic of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from pcare_cli.sending import Fate, acknowledged
from pcare_cli.simulation.postings import Posting

SECONDS_FOR_AN_ACKNOWLEDGEMENT = 120


class KafkaSender:
    """Sends deliveries. `options` are kafka-python's connection options. Blocks: not for an event loop's thread."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._producer = KafkaProducer(
            client_id="pcare-simulate",
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            delivery_timeout_ms=SECONDS_FOR_AN_ACKNOWLEDGEMENT * 1000,
            **options,
        )

    def send(self, delivery: Sequence[Posting]) -> list[Fate]:
        """Send, and return of each whether every in-sync replica has it.

        The producer itself repeats what is not acknowledged at once, for as long as its delivery timeout.
        """
        waiting = [
            (posting, self._producer.send(posting.organisation.topic, value=posting.value, key=posting.key))
            for posting in delivery
        ]
        fates = []
        for posting, future in waiting:
            try:
                future.get(timeout=SECONDS_FOR_AN_ACKNOWLEDGEMENT + 10)
                fates.append(acknowledged(posting))
            except KafkaError:
                fates.append(Fate.UNANSWERED)
        return fates

    def close(self) -> None:
        """Disconnect."""
        self._producer.close(timeout=10)
