"""Where ingest listens, and how whoever calls there is known."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from pcare_common.http_settings import LOOPBACK, MetricsSettings, certificate_can_be_used
from pcare_common.postgres import certificates_can_be_read

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - an address


class CallerSettings(MetricsSettings):
    """What the gate goes by. Durations are seconds."""

    ingest_host: str = Field("127.0.0.1", description="the address to listen on")
    ingest_port: int = Field(8080, ge=1, le=65535, description="the port to listen on")
    ingest_credentials: Literal["open", "register"] = Field(
        "open",
        description="open: anyone may speak for any provider, and is given pseudonyms without a limit; register: by "
        "the credentials of `pcare providers`. On loopback behind a gateway, open means whomever the gateway lets in",
    )
    ingest_allow_open: bool = Field(
        False, description="listen beyond loopback although anyone may speak for any provider"
    )
    ingest_tls_certificate: Path | None = Field(
        None, description="the server's certificate and its chain, in PEM; read again when it has changed"
    )
    ingest_tls_key: Path | None = Field(None, description="the certificate's private key, in PEM, without a password")
    ingest_tls_at_proxy: bool = Field(
        False, description="listen beyond loopback with credentials and without TLS: it ends at a proxy before ingest"
    )
    postgres_dsn: SecretStr | None = Field(
        None,
        description="postgresql://user:password@host:port/database, a login with the role pcare_edge: the register "
        "is read there, and what became of events, and the audit trail is written. Needed with "
        "PCARE_INGEST_CREDENTIALS=register; without it POST /pseudonyms answers only where PCARE_INGEST_HOST is "
        "loopback, and what it gives is in the log alone: set it where a gateway on this machine lets others in",
    )
    ingest_register_poll: float = Field(
        2.0, gt=0, le=60, description="how often it looks whether register or credentials have changed"
    )
    ingest_register_stale: float = Field(
        3600.0, gt=0, description="how long it goes on with what it last knew when PostgreSQL is away; then 503"
    )
    ingest_events_per_second: int = Field(
        5_000, ge=1, description="what each copy takes of a provider for which the register says nothing else"
    )
    ingest_burst_seconds: float = Field(
        10.0, ge=1, le=3600, description="so many seconds' worth of events may come at once, after a pause"
    )
    ingest_pseudonyms_per_second: int = Field(
        50,
        ge=1,
        description="NHS numbers for which each copy gives a provider pseudonyms: a rate of its own, because whoever "
        "may ask for any number of them can make a table of all numbers",
    )
    ingest_pseudonyms_burst: int = Field(1_000, ge=1, description="so many of those at once, after a pause")
    ingest_token_key_file: Path | None = Field(
        None,
        description="the key that signs access tokens, the same for all copies (`pcare keys token FILE` makes one). "
        "Needed with PCARE_INGEST_CREDENTIALS=register",
    )
    ingest_token_url: str | None = Field(
        None,
        description="the address of POST /oauth2/token as providers know it, which their assertions name as `aud`; "
        "several separated by commas. Needed with credentials beyond loopback",
    )
    ingest_token_seconds: int = Field(600, ge=60, le=3600, description="how long an access token is valid")

    @model_validator(mode="after")
    def _not_open_to_a_network_by_accident(self) -> "CallerSettings":
        beyond = self.ingest_host not in LOOPBACK
        if beyond and self.ingest_credentials == "open" and not self.ingest_allow_open:
            raise ValueError(
                f"PCARE_INGEST_HOST={self.ingest_host} can be reached from other machines, and without credentials "
                "anyone there could speak for any provider. Set PCARE_INGEST_CREDENTIALS=register; or listen on "
                "127.0.0.1 behind a gateway that checks who calls, with PCARE_POSTGRES_DSN set, or what is given at "
                "POST /pseudonyms is in no audit trail; or set PCARE_INGEST_ALLOW_OPEN=true where the "
                "network is closed (a container)"
            )
        if beyond and self.ingest_credentials == "register" and not (self.tls or self.ingest_tls_at_proxy):
            raise ValueError(
                f"PCARE_INGEST_HOST={self.ingest_host} can be reached from other machines, and without TLS whoever "
                "listens on the way reads the credentials. Set PCARE_INGEST_TLS_CERTIFICATE and PCARE_INGEST_TLS_KEY, "
                "or PCARE_INGEST_TLS_AT_PROXY=true where TLS ends at a proxy before ingest"
            )
        return self

    @model_validator(mode="after")
    def _register_has_what_it_needs(self) -> "CallerSettings":
        if self.ingest_credentials != "register":
            return self
        if self.postgres_dsn is None:
            raise ValueError(
                "PCARE_INGEST_CREDENTIALS=register needs PCARE_POSTGRES_DSN: a login with the role pcare_edge, to "
                "read the register and the credentials"
            )
        if self.ingest_token_key_file is None:
            raise ValueError(
                "PCARE_INGEST_CREDENTIALS=register needs PCARE_INGEST_TOKEN_KEY_FILE: `pcare keys token FILE` makes it"
            )
        if self.ingest_host not in LOOPBACK and not self.ingest_token_url:
            raise ValueError(
                f"PCARE_INGEST_CREDENTIALS=register on {self.ingest_host} needs PCARE_INGEST_TOKEN_URL: the address "
                f"of {TOKEN_PATH} as providers know it, such as https://ingest.example.nhs.uk{TOKEN_PATH}"
            )
        return self

    @model_validator(mode="after")
    def _certificate_and_key_belong_together(self) -> "CallerSettings":
        if (self.ingest_tls_certificate is None) != (self.ingest_tls_key is None):
            raise ValueError("PCARE_INGEST_TLS_CERTIFICATE and PCARE_INGEST_TLS_KEY are set together, or neither is")
        if self.tls is not None:
            certificate_can_be_used("PCARE_INGEST_TLS_CERTIFICATE", "PCARE_INGEST_TLS_KEY", *self.tls)
        return self

    @model_validator(mode="after")
    def _database_certificates_can_be_read(self) -> "CallerSettings":
        if self.postgres_dsn is not None:
            certificates_can_be_read(self.postgres_dsn)
        return self

    @property
    def tls(self) -> tuple[Path, Path] | None:
        """Certificate and key, where ingest itself speaks TLS."""
        if self.ingest_tls_certificate is None or self.ingest_tls_key is None:
            return None
        return self.ingest_tls_certificate, self.ingest_tls_key

    @property
    def token_urls(self) -> tuple[str, ...]:
        """What an assertion may name as its audience."""
        if self.ingest_token_url:
            return tuple(url.strip() for url in self.ingest_token_url.split(",") if url.strip())
        scheme = "http" if self.tls is None else "https"
        host = f"[{self.ingest_host}]" if ":" in self.ingest_host else self.ingest_host
        return (f"{scheme}://{host}:{self.ingest_port}{TOKEN_PATH}",)
