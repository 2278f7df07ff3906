"""Where spans are sent, and how many. Without an endpoint there is no tracing."""

import os
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from pcare_common.settings import Settings

STANDARD_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
STANDARD_OFF = "OTEL_SDK_DISABLED"
TRACES_PATH = "/v1/traces"


class TracingSettings(Settings):
    """Settings of tracing, the same for each service."""

    tracing_endpoint: str | None = Field(
        None,
        description="the OTLP/HTTP address of a collector, as `http://127.0.0.1:4318`; else "
        f"`{STANDARD_ENDPOINT}`; without either there is no tracing: see [tracing.md](tracing.md)",
    )
    tracing_headers: SecretStr | None = Field(
        None, description="a secret: headers for the collector, as `authorization=Bearer abc,tenant=x`"
    )
    tracing_cafile: str | None = Field(None, description="the certificate authority of the collector, where it has one")
    tracing_ratio: float = Field(
        0.1, ge=0, le=1, description="the share that is traced of requests whose sender has not decided about it"
    )
    tracing_queue_spans: int = Field(
        2048, ge=64, le=65_536, description="spans that wait for the collector; beyond it they are dropped and counted"
    )

    @model_validator(mode="before")
    @classmethod
    def _standard_names(cls, values: Any) -> Any:
        """Follow OpenTelemetry's own variables where ours say nothing."""
        if os.environ.get(STANDARD_OFF, "").strip().lower() == "true":
            return {**values, "tracing_endpoint": None}
        if not values.get("tracing_endpoint"):
            return {**values, "tracing_endpoint": os.environ.get(STANDARD_ENDPOINT) or None}
        return values

    @field_validator("tracing_endpoint")
    @classmethod
    def _is_an_address(cls, endpoint: str | None) -> str | None:
        if endpoint is None:
            return None
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"is no address like http://127.0.0.1:4318; nor is {STANDARD_ENDPOINT}, if that is set")
        if parts.username or parts.password:
            raise ValueError("holds a password: put it into PCARE_TRACING_HEADERS")
        return endpoint

    @field_validator("tracing_headers")
    @classmethod
    def _are_headers(cls, headers: SecretStr | None) -> SecretStr | None:
        if headers is not None and not all(name and value for name, value in pairs(headers.get_secret_value())):
            raise ValueError("is no list like authorization=Bearer abc,tenant=x")
        return headers

    @property
    def traces_address(self) -> str | None:
        """Where traces are posted: the endpoint, with the path that OTLP/HTTP has for them."""
        if self.tracing_endpoint is None:
            return None
        endpoint = self.tracing_endpoint.rstrip("/")
        return endpoint if endpoint.endswith(TRACES_PATH) else endpoint + TRACES_PATH


def pairs(headers: str) -> list[tuple[str, str]]:
    """Return `a=b,c=d` as names, in small letters, and values; either is empty where it is missing."""
    parts = (one.partition("=") for one in headers.split(",") if one.strip())
    return [(name.strip().lower(), value.strip()) for name, _, value in parts]
