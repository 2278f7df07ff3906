"""How the commands reach a kpi-aggregator: with its token, and over TLS by the authority that it is told of."""

import ssl
from typing import Any

from pydantic import Field, SecretStr, model_validator

from pcare_common.settings import Settings, load


class AggregatorClientSettings(Settings):
    """What a command brings to a kpi-aggregator."""

    kpi_token: SecretStr | None = Field(None, description="the token of a kpi-aggregator that wants one")
    kpi_cafile: str | None = Field(
        None, description="the certificate authority of a kpi-aggregator's https address; default the system's"
    )

    @model_validator(mode="after")
    def _certificates_can_be_read(self) -> "AggregatorClientSettings":
        try:
            ssl.create_default_context(cafile=self.kpi_cafile)
        except OSError as error:  # an SSLError is one
            raise ValueError(
                f"PCARE_KPI_CAFILE names no file of certificates in PEM that can be read ({error.strerror})"
            ) from error
        return self

    def options(self) -> dict[str, Any]:
        """Return the arguments of an httpx client."""
        token = "" if self.kpi_token is None else self.kpi_token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return {
            "headers": headers,
            "verify": ssl.create_default_context(cafile=self.kpi_cafile),
            "trust_env": False,
        }


def client_options() -> dict[str, Any]:
    """Return the arguments of an httpx client, as the environment says."""
    return load(AggregatorClientSettings).options()
