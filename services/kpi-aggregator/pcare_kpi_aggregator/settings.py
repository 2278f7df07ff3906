"""What the kpi-aggregator reads from its environment."""

import tempfile
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from pcare_common.http_settings import SHORTEST_TOKEN, HttpSettings
from pcare_common.kafka import KafkaSettings
from pcare_common.tracing.settings import TracingSettings

SHORTEST_SESSION_SECONDS = 6.0  # brokers refuse less (group.min.session.timeout.ms)
LONGEST_SESSION_SECONDS = 60.0


class AggregatorSettings(TracingSettings, KafkaSettings, HttpSettings):
    """Settings of the kpi-aggregator; each variable is `PCARE_` and the field's name in capitals."""

    http_service: ClassVar[str] = "kpi"
    tokens_wanted: ClassVar[tuple[str, ...]] = ("metrics_token", "kpi_token")

    kpi_token: SecretStr | None = Field(
        None,
        min_length=SHORTEST_TOKEN,
        description="a secret that the board and /kpis want, whose small numbers are not for everybody: as a bearer "
        "token, or as the password that a browser asks for, with any user name. `pcare kpis` sends it",
    )
    kpi_http_host: str = Field("127.0.0.1", description="where /kpis, /metrics and /health are served")
    kpi_http_port: int = Field(8082, ge=0, le=65535)
    kpi_catalogue: Path | None = Field(None, description="a KPI catalogue instead of the built-in one")
    kpi_targets: Path | None = Field(None, description="targets instead of the built-in ones")
    kpi_group: str = Field("kpi-aggregator", min_length=1, description="the consumer group that shares the log")
    kpi_state_dir: Path = Field(
        Path(tempfile.gettempdir()) / "pcare-kpi-aggregator",
        description="where exits are remembered; losing it costs three restarts at worst",
    )
    kpi_session_seconds: float = Field(
        10.0,
        ge=SHORTEST_SESSION_SECONDS,
        le=LONGEST_SESSION_SECONDS,
        description="after this long without a sign of life a worker's partitions go to the others",
    )
    kpi_stall_seconds: float = Field(60.0, ge=5.0, description="lag without progress for this long ends the process")
    kpi_held_megabytes: int = Field(64, ge=1, description="live events held while the log is read")
