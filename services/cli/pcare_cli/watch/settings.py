"""What the watcher reads from the environment."""

from typing import ClassVar

from pydantic import Field, field_validator

from pcare_cli.aggregator_client import AggregatorClientSettings
from pcare_cli.settling import RECORDER_GROUP
from pcare_common.http_settings import HttpSettings
from pcare_common.kafka import KafkaSettings
from pcare_common.postgres import PostgresSettings


class WatchSettings(PostgresSettings, KafkaSettings, AggregatorClientSettings, HttpSettings):
    """Settings of the watcher. Durations are seconds; lists are separated by commas."""

    http_service: ClassVar[str] = "watch"

    watch_http_host: str = Field("127.0.0.1", description="where /metrics and /health are served")
    watch_http_port: int = Field(8083, ge=0, le=65535)
    watch_seconds: float = Field(15.0, gt=0, description="how often it looks at offsets, cursors, arrivals and disks")
    watch_slow_seconds: float = Field(
        300.0, gt=0, description="how often it looks at certificates, credentials and the age of the pseudonym key"
    )
    watch_kpi_seconds: float = Field(
        900.0, gt=0, description="how often the streamed KPIs are compared with SQL, which then counts everything"
    )
    watch_statement_seconds: float = Field(
        60.0, gt=0, le=3600, description="PostgreSQL gives up a statement of the watcher after so long"
    )
    watch_kpi_address: str = Field("http://127.0.0.1:8082", description="base address of a kpi-aggregator, or several")
    watch_certificates: str = Field(
        "",
        description="certificates whose end it watches: files in PEM, and `host:port` of servers that speak TLS; "
        "`postgresql://host:port` of PostgreSQL",
    )
    watch_paths: str = Field("", description="directories whose file system's free space it watches")
    recorder_group: str = Field(RECORDER_GROUP, min_length=1, description="the recorders' consumer group")

    @field_validator("watch_kpi_address")
    @classmethod
    def _are_addresses(cls, text: str) -> str:
        if not listed(text) or not all(one.startswith(("http://", "https://")) for one in listed(text)):
            raise ValueError("must be an address such as http://127.0.0.1:8082, or several separated by commas")
        return text


def listed(text: str) -> tuple[str, ...]:
    """Return the members of a list that is separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
