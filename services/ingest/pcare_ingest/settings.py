"""What ingest reads from the environment. The variable of a field is PCARE_ and its name in capitals."""

from pathlib import Path

from pydantic import Field

from pcare_common.kafka import KafkaSettings
from pcare_common.tracing.settings import TracingSettings
from pcare_ingest.caller_settings import CallerSettings
from pcare_ingest.limits import MAX_BATCH_BYTES, MAX_BATCH_EVENTS


class IngestSettings(CallerSettings, TracingSettings, KafkaSettings):
    """Settings of the ingest service, save the pseudonym key: see `pcare_ingest.keys`."""

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
        20.0, gt=0, le=60, description="the longest a client may take to send a body; 3 at POST /oauth2/token"
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
