"""What ingest reads from the environment. The variable of a field is PCARE_ and its name in capitals."""

from pathlib import Path

from pydantic import Field, model_validator

from pcare_common.kafka import KafkaSettings
from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class IngestSettings(KafkaSettings):
    """Settings of the ingest service, save the pseudonym key: see `pcare_ingest.keys`."""

    ingest_host: str = Field("127.0.0.1", description="the address to listen on")
    ingest_port: int = Field(8080, ge=1, le=65535, description="the port to listen on")
    ingest_allow_open: bool = Field(
        False, description="listen beyond loopback although anyone may speak for any provider"
    )
    ingest_max_events_in_hand: int = Field(
        20_000,
        ge=MAX_BATCH_EVENTS,
        description="events being checked or waiting for Kafka; beyond it requests are answered 503",
    )
    ingest_max_bytes_in_hand: int = Field(
        64 * 1024 * 1024, ge=2 * MAX_BATCH_BYTES, description="bytes of the same; beyond it requests are answered 503"
    )
    ingest_answer_within_seconds: float = Field(
        8.0, gt=0, le=20, description="the longest wait for Kafka's acknowledgement before an event is answered 503"
    )
    ingest_read_within_seconds: float = Field(
        20.0, gt=0, le=60, description="the longest a client may take to send a body"
    )
    ingest_not_ready_after: float = Field(
        30.0,
        gt=0,
        description="events that Kafka does not acknowledge for so long are not ready; a loop that does not turn for "
        "so long ends the process",
    )
    ingest_exit_after: float = Field(
        60.0, gt=0, description="an event without any answer for so long: stacks to the log, exit 75"
    )
    provider_register: Path | None = Field(None, description="a file of further providers, merged with our own")

    @model_validator(mode="after")
    def _not_open_to_a_network_by_accident(self) -> "IngestSettings":
        if self.ingest_host not in LOOPBACK and not self.ingest_allow_open:
            raise ValueError(
                f"PCARE_INGEST_HOST={self.ingest_host} can be reached from other machines, and without credentials "
                "anyone there could speak for any provider. Listen on 127.0.0.1 behind a gateway that checks who "
                "calls, or set PCARE_INGEST_ALLOW_OPEN=true where the network is closed (a container)"
            )
        return self
