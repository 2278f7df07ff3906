"""What `pcare publish` reads from the environment: secrets do not belong on a command line."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from pcare_client import Anyone, ApiKey, ClientCredentials, Credentials
from pcare_common.errors import OperatorError
from pcare_common.settings import Settings


class PublishSettings(Settings):
    """Settings of the command that publishes files."""

    ingest_url: str = Field("http://127.0.0.1:8080", description="the address of ingest; --address goes before")
    source: str | None = Field(None, description="whose events: ODS code, slug or URI; --source goes before")
    api_key: SecretStr | None = Field(None, description="the API key that the programme gave you")
    api_key_file: Path | None = Field(None, description="a file that holds it")
    client_id: str | None = Field(None, description="OAuth 2: your client id, in place of an API key")
    client_key_file: Path | None = Field(None, description="OAuth 2: your private key, PEM")
    client_key_id: str | None = Field(None, description="OAuth 2: the `kid` of its public half in your JWKS")
    token_audience: str | None = Field(
        None, description="OAuth 2: the token endpoint as ingest names itself; default its address and /oauth2/token"
    )
    publish_id_key_file: Path | None = Field(
        None, description="the key that ids of rows are derived under; default ~/.config/pcare/publish-id.key"
    )

    @model_validator(mode="after")
    def _one_way_of_saying_who(self) -> "PublishSettings":
        ways = [self.api_key is not None, self.api_key_file is not None, self.client_id is not None]
        if sum(ways) > 1:
            raise ValueError("set one of PCARE_API_KEY, PCARE_API_KEY_FILE and PCARE_CLIENT_ID")
        if self.client_id is not None and (self.client_key_file is None or self.client_key_id is None):
            raise ValueError("PCARE_CLIENT_ID needs PCARE_CLIENT_KEY_FILE and PCARE_CLIENT_KEY_ID")
        return self

    def credentials(self, address: str) -> Credentials:
        """Return who calls. Raises OperatorError."""
        try:
            if self.api_key is not None:
                return ApiKey(self.api_key.get_secret_value())
            if self.api_key_file is not None:
                return ApiKey(self.api_key_file.read_text(encoding="ascii"))
            if self.client_id is not None and self.client_key_file is not None:
                audience = self.token_audience or address.rstrip("/") + "/oauth2/token"
                return ClientCredentials.from_file(
                    self.client_id, self.client_key_file, self.client_key_id or "", audience=audience
                )
        except OSError as error:
            raise OperatorError(f"The credentials cannot be read: {error}") from error
        except ValueError as error:
            raise OperatorError("The credentials are neither an API key nor a private key in PEM.") from error
        return Anyone()
