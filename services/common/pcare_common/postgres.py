"""How services find PostgreSQL, and what is the matter where TLS with it fails."""

import os
import ssl
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, SecretStr, model_validator

from pcare_common.settings import Settings

_FILES = frozenset({"sslrootcert", "sslcert", "sslkey", "sslcrl"})


class PostgresSettings(Settings):
    """Where the record is kept."""

    postgres_dsn: SecretStr = Field(
        description="postgresql://user:password@host:port/database; beyond this machine with "
        "`?sslmode=verify-full&sslrootcert=<the authority of its certificate, a file>`"
    )

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
        if name == "sslrootcert":
            try:
                ssl.create_default_context(cafile=path)
            except ssl.SSLError as error:
                raise ValueError(
                    "PCARE_POSTGRES_DSN: the file that sslrootcert names holds no certificates in PEM"
                ) from error


def tls_trouble(error: BaseException) -> str | None:
    """Say what is the matter where an error is one of TLS with PostgreSQL, and what to do; else None.

    A service waits all the same: what is wrong may be mended at the server, and then it goes on by itself.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", error)
        return (
            f"PostgreSQL's certificate is not trusted ({why}). sslrootcert in PCARE_POSTGRES_DSN has to name the "
            "authority that signed it; with sslmode=verify-full the certificate also has to name the host of that "
            "address. If it has expired, renew it at the server."
        )
    if isinstance(error, ConnectionError) and "rejected SSL upgrade" in str(error):
        return (
            "PostgreSQL speaks no TLS there, and PCARE_POSTGRES_DSN asks for it: turn ssl on at the server. Take "
            "sslmode out of the address only where the network between is closed."
        )
    return None
