"""How a service reaches Kafka: one set of settings, spelled for each of the client libraries."""

import ssl
from typing import Any, Literal

from pydantic import Field, SecretStr, model_validator

from pcare_common.settings import Settings


class KafkaSettings(Settings):
    """Address and credentials of the brokers."""

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port, several separated by commas")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="of the brokers' listener: `SASL_SSL` where they check who comes, over TLS"
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="how the password is proved"
    )
    kafka_sasl_username: str | None = Field(
        None, description="the service's own user: `pcare kafka add` makes it, see [kafka-access.md](kafka-access.md)"
    )
    kafka_sasl_password: SecretStr | None = Field(None, description="a secret")
    kafka_ssl_cafile: str | None = Field(None, description="the certificate authority of the brokers")

    @model_validator(mode="after")
    def _credentials_where_asked(self) -> "KafkaSettings":
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError(
                f"PCARE_KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs PCARE_KAFKA_SASL_USERNAME "
                "and PCARE_KAFKA_SASL_PASSWORD"
            )
        return self

    @model_validator(mode="after")
    def _certificates_can_be_read(self) -> "KafkaSettings":
        """Or a file that is missing would look like brokers that are away."""
        if self.kafka_ssl_cafile and self.kafka_security_protocol.endswith("SSL"):
            try:
                ssl.create_default_context(cafile=self.kafka_ssl_cafile)
            except OSError as error:  # an SSLError is one
                raise ValueError(
                    f"PCARE_KAFKA_SSL_CAFILE names no file of certificates in PEM that can be read ({error.strerror})"
                ) from error
        return self

    def servers(self) -> list[str]:
        """Return the bootstrap servers as a list of `host:port`."""
        return [server.strip() for server in self.kafka_bootstrap_servers.split(",") if server.strip()]

    def kafka_python_options(self) -> dict[str, Any]:
        """Return the connection options of kafka-python's clients."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers(),
            "security_protocol": self.kafka_security_protocol,
        }
        if self.kafka_ssl_cafile:
            options["ssl_cafile"] = self.kafka_ssl_cafile
        if self.kafka_sasl_password is not None:
            options["sasl_mechanism"] = self.kafka_sasl_mechanism
            options["sasl_plain_username"] = self.kafka_sasl_username
            options["sasl_plain_password"] = self.kafka_sasl_password.get_secret_value()
        return options

    def aiokafka_options(self) -> dict[str, Any]:
        """Return the connection options of aiokafka's clients."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers(),
            "security_protocol": self.kafka_security_protocol,
        }
        if self.kafka_security_protocol.endswith("SSL"):
            from aiokafka.helpers import create_ssl_context  # noqa: PLC0415 - ingest does without aiokafka

            options["ssl_context"] = create_ssl_context(cafile=self.kafka_ssl_cafile)
        if self.kafka_sasl_password is not None:
            options["sasl_mechanism"] = self.kafka_sasl_mechanism
            options["sasl_plain_username"] = self.kafka_sasl_username
            options["sasl_plain_password"] = self.kafka_sasl_password.get_secret_value()
        return options
