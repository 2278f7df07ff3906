"""What the recorder reads from the environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from pcare_common.http_settings import HttpSettings
from pcare_common.kafka import KafkaSettings
from pcare_common.postgres import PostgresSettings
from pcare_common.settings import Settings
from pcare_common.tracing.settings import TracingSettings


class MigrationSettings(PostgresSettings):
    """What `python -m pcare_recorder.migrate` reads: the KPI files that the aggregator is given, for SQL to follow."""

    kpi_catalogue: Path | None = Field(None, description="a KPI catalogue instead of the built-in one")
    kpi_targets: Path | None = Field(None, description="targets instead of the built-in ones")


class RegisterSettings(Settings):
    """Who may send, beside the built-in register: for whoever reaches a verdict."""

    provider_register: Path | None = Field(None, description="a YAML file of further providers")


class RecorderSettings(PostgresSettings, TracingSettings, KafkaSettings, RegisterSettings, HttpSettings):
    """Everything the recorder can be told.

    Durations are seconds. A batch is at most `recorder_batch_events` events and about
    `recorder_batch_bytes` bytes; three of them are in memory at a time.
    """

    http_service: ClassVar[str] = "recorder"

    recorder_http_host: str = Field("127.0.0.1", description="where /metrics and /health are served")
    recorder_http_port: int = Field(8081, ge=0, le=65535)
    recorder_group: str = Field("pcare-recorder", min_length=1, description="the consumer group of all copies")
    recorder_session_seconds: int = Field(
        30, ge=6, le=300, description="a copy silent for so long loses its partitions"
    )
    recorder_batch_events: int = Field(2000, ge=1, le=20_000, description="the most events of one transaction")
    recorder_batch_bytes: int = Field(
        8 * 1024 * 1024, ge=1024 * 1024, description="about the most bytes of one transaction"
    )
    recorder_breaker_window: int = Field(
        500, ge=0, le=100_000, description="so many records of a partition in a row are looked at; 0 = never stop"
    )
    recorder_breaker_share: float = Field(
        0.5, gt=0, le=1, description="if this share of them is rejected, the topic is read no further"
    )
    recorder_not_ready_after: float = Field(
        45.0,
        gt=0,
        description="lag without progress for so long is not ready; found out within 10 more. A loop that does not "
        "turn for so long ends the process",
    )
    recorder_exit_after: float = Field(
        180.0, gt=0, description="lag without progress for so long although both dependencies answer: exit 75"
    )
