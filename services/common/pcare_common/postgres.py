"""How services find PostgreSQL."""

import os
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, SecretStr, model_validator

from pcare_common.settings import Settings

_FILES = frozenset({"sslrootcert", "sslcert", "sslkey", "sslcrl"})


class PostgresSettings(Settings):
    """Where the record is kept."""

    postgres_dsn: SecretStr = Field(description="postgresql://user:password@host:port/database")

    @model_validator(mode="after")
    def _certificates_can_be_read(self) -> "PostgresSettings":
        certificates_can_be_read(self.postgres_dsn)
        return self


def certificates_can_be_read(dsn: SecretStr) -> None:
    """Look at the files that a DSN names, or one that is missing would look like a database that is away.

    Its error has no name either. Raises ValueError that names the parameter.
    """
    for name, path in parse_qsl(urlsplit(dsn.get_secret_value()).query):
        if name in _FILES and not os.access(path, os.R_OK):
            raise ValueError(f"PCARE_POSTGRES_DSN: the file that {name} names cannot be read")
