"""What the sealer reads from the environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from pcare_audit.signed_note import NoteError, Verifier
from pcare_cli.settling import RECORDER_GROUP
from pcare_common.http_settings import HttpSettings
from pcare_common.kafka import KafkaSettings
from pcare_common.postgres import PostgresSettings


class SealSettings(PostgresSettings, KafkaSettings, HttpSettings):
    """Settings of the sealer. Durations are seconds."""

    http_service: ClassVar[str] = "seal"

    seal_http_host: str = Field("127.0.0.1", description="where /metrics and /health are served")
    seal_http_port: int = Field(8084, ge=0, le=65535)
    seal_seconds: float = Field(
        300.0, gt=0, le=3600, description="how often a checkpoint is made, where there is anything new"
    )
    seal_key_file: Path = Field(
        description="the private key that signs, Ed25519 in PEM: `pcare audit key new` makes it. Nobody else reads it"
    )
    seal_name: str = Field(
        "record",
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="the name of the log, in each checkpoint, and of the key, as `pcare audit key new --name` had it. "
        "Never changed",
    )
    seal_earlier_keys: str = Field(
        "", description="public keys that signed earlier checkpoints of this log, separated by spaces"
    )
    recorder_group: str = Field(RECORDER_GROUP, min_length=1, description="the recorders' consumer group")

    @field_validator("seal_earlier_keys")
    @classmethod
    def _are_keys(cls, text: str) -> str:
        for key in text.split():
            try:
                Verifier.parse(key)
            except NoteError as error:
                raise ValueError(str(error)) from error
        return text

    def earlier_keys(self) -> tuple[Verifier, ...]:
        """Return the keys whose checkpoints stand although they sign no more."""
        return tuple(Verifier.parse(key) for key in self.seal_earlier_keys.split())
