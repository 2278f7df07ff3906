"""How the HTTP of a service that only its operators ask is guarded: TLS, and a token for what it counts."""

import ssl
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, model_validator

from pcare_common.settings import PREFIX, Settings
from pcare_common.tls import Certificate

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SHORTEST_TOKEN = 16


class MetricsSettings(Settings):
    """Who may read what a service counts."""

    metrics_token: SecretStr | None = Field(
        None,
        min_length=SHORTEST_TOKEN,
        description="a secret that GET /metrics wants as a bearer token (`openssl rand -hex 32`); without it anyone "
        "who reaches the port may read it. /health never wants it",
    )


class HttpSettings(MetricsSettings):
    """TLS and tokens of one service, which has the fields `<http_service>_http_host` and `<http_service>_http_port`."""

    http_service: ClassVar[str]
    tokens_wanted: ClassVar[tuple[str, ...]] = ("metrics_token",)

    http_tls_certificate: Path | None = Field(
        None, description="the server's certificate and its chain, in PEM; read again when it has changed"
    )
    http_tls_key: Path | None = Field(None, description="the certificate's private key, in PEM, without a password")
    http_allow_open: bool = Field(
        False, description="listen beyond loopback without TLS or without a token, where the network is closed"
    )

    @property
    def http_address(self) -> tuple[str, int]:
        """Where the service listens: host and port."""
        return getattr(self, f"{self.http_service}_http_host"), getattr(self, f"{self.http_service}_http_port")

    @property
    def tls(self) -> tuple[Path, Path] | None:
        """Certificate and key, where the service speaks TLS."""
        if self.http_tls_certificate is None or self.http_tls_key is None:
            return None
        return self.http_tls_certificate, self.http_tls_key

    def certificate(self) -> Certificate | None:
        """Load the certificate, if the service speaks TLS."""
        return None if self.tls is None else Certificate(*self.tls)

    @model_validator(mode="after")
    def _certificate_and_key_belong_together(self) -> "HttpSettings":
        if (self.http_tls_certificate is None) != (self.http_tls_key is None):
            raise ValueError("PCARE_HTTP_TLS_CERTIFICATE and PCARE_HTTP_TLS_KEY are set together, or neither is")
        if self.tls is not None:
            certificate_can_be_used("PCARE_HTTP_TLS_CERTIFICATE", "PCARE_HTTP_TLS_KEY", *self.tls)
        return self

    @model_validator(mode="after")
    def _not_open_to_a_network_by_accident(self) -> "HttpSettings":
        host, _ = self.http_address
        if host in LOOPBACK or self.http_allow_open:
            return self
        missing = [name for name in self.tokens_wanted if getattr(self, name) is None]
        if self.tls is None:
            missing = ["http_tls_certificate", "http_tls_key", *missing]
        if missing:
            names = ", ".join(_variable(name) for name in missing)
            raise ValueError(
                f"PCARE_{self.http_service.upper()}_HTTP_HOST={host} can be reached from other machines, and whoever "
                f"is there could read what is counted. Set {names}; or PCARE_HTTP_ALLOW_OPEN=true where the network "
                "is closed (a container whose port is not published, or TLS that ends at a proxy before it)"
            )
        return self


def certificate_can_be_used(certificate_variable: str, key_variable: str, certificate: Path, key: Path) -> None:
    """Raise ValueError that names both variables unless the files are a certificate and its key."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, _no_password)
    except OSError as error:  # an SSLError is one
        raise ValueError(
            f"{certificate_variable} and {key_variable} name no certificate and its key in PEM that can be read "
            f"({error.strerror or type(error).__name__})"
        ) from error


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _no_password() -> str:
    """Or OpenSSL would ask the terminal for the password of an encrypted key."""
    return ""
