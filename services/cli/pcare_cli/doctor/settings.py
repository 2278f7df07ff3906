"""What `pcare doctor` reads from the environment: where to look. What is not given is not looked at."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from pcare_cli.publishing.settings import PublishSettings
from pcare_common.kafka import KafkaSettings
from pcare_common.postgres import certificates_can_be_read


class DoctorSettings(KafkaSettings, PublishSettings):
    """Addresses of a running system, and with which logins to look at it.

    Addresses are base addresses, several separated by commas: name each copy by itself, never a balancer before them.
    """

    postgres_dsn: SecretStr | None = Field(
        None, description="postgresql://user:password@host:port/database; a login with the role pcare_auditor sees all"
    )
    recorder_group: str = Field("pcare-recorder", min_length=1, description="the recorder's consumer group")
    kpi_group: str = Field("kpi-aggregator", min_length=1, description="the kpi-aggregator's consumer group")
    metrics_token: SecretStr | None = Field(
        None, description="the bearer token that /metrics wants, where it wants one"
    )
    kpi_token: SecretStr | None = Field(None, description="the token that /kpis wants, where it wants one")
    doctor_ingest: str = Field("", description="addresses of the copies of ingest: http://127.0.0.1:8080")
    doctor_recorder: str = Field("", description="addresses of the copies of the recorder: http://127.0.0.1:8081")
    doctor_kpi_aggregator: str = Field(
        "", description="addresses of the copies of the kpi-aggregator: http://127.0.0.1:8082"
    )
    doctor_watch: str = Field("", description="the address of `pcare audit watch`: http://127.0.0.1:8083")
    doctor_sealer: str = Field("", description="the address of `pcare audit seal`: http://127.0.0.1:8084")
    doctor_checkpoint_keys: str = Field(
        "", description="files of the public keys that auditors verify checkpoints with, separated by commas"
    )
    seal_seconds: float = Field(300.0, gt=0, description="how often the sealer makes a checkpoint")
    seal_key_file: Path | None = Field(
        None, description="the sealer's private key, where the doctor runs beside it: it looks whether it can be read"
    )
    doctor_prometheus: str = Field("", description="the address of Prometheus: http://127.0.0.1:9090")
    doctor_ssl_cafile: Path | None = Field(
        None, description="the certificate authority of those addresses that begin with https"
    )
    doctor_certificates: str = Field(
        "", description="files of certificates in PEM whose expiry is to be looked at, separated by commas"
    )
    doctor_postgres_gigabytes: float | None = Field(
        None, gt=0, description="how large PostgreSQL's disk is: it does not say so itself"
    )
    doctor_send_allowed: bool = Field(
        False, description="this is a test system: `pcare doctor --send` may send an event that counts"
    )

    @model_validator(mode="after")
    def _database_certificates_can_be_read(self) -> "DoctorSettings":
        if self.postgres_dsn is not None:
            certificates_can_be_read(self.postgres_dsn)
        return self

    @property
    def kafka_given(self) -> bool:
        """Whether somebody said where Kafka is: the default is a guess."""
        return "kafka_bootstrap_servers" in self.model_fields_set

    @property
    def services(self) -> dict[str, list[str]]:
        """The addresses of every copy, by the name of its service."""
        return {
            "ingest": listed(self.doctor_ingest),
            "recorder": listed(self.doctor_recorder),
            "kpi-aggregator": listed(self.doctor_kpi_aggregator),
            "watch": listed(self.doctor_watch),
            "sealer": listed(self.doctor_sealer),
        }


def bearer(token: SecretStr | None) -> dict[str, str]:
    """Return the header that shows a token; none where there is none."""
    return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}


SERVICE_SETTINGS = {
    "ingest": "PCARE_DOCTOR_INGEST",
    "recorder": "PCARE_DOCTOR_RECORDER",
    "kpi-aggregator": "PCARE_DOCTOR_KPI_AGGREGATOR",
    "watch": "PCARE_DOCTOR_WATCH",
    "sealer": "PCARE_DOCTOR_SEALER",
}


def listed(text: str) -> list[str]:
    """Return the parts of a list separated by commas, without a slash at their end."""
    return [part.strip().rstrip("/") for part in text.split(",") if part.strip()]
