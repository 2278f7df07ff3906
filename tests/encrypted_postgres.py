"""A PostgreSQL that speaks TLS, and lets nobody in without it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import asyncpg

from certificates import self_signed
from pcare_local.postgres import PostgresServer
from pcare_local.testing import running_postgres
from tools import tool


@dataclass(frozen=True, slots=True)
class Encrypted:
    """`dsn` is the administrator's address without a word about TLS, `authority` whose signature the server shows."""

    server: PostgresServer
    dsn: str
    authority: Path

    def address(self, dsn: str | None = None, *, authority: Path | None = None, mode: str = "verify-full") -> str:
        """Return an address that asks for TLS, by default as production's do."""
        return f"{dsn or self.dsn}?{urlencode({'sslmode': mode, 'sslrootcert': str(authority or self.authority)})}"


@asynccontextmanager
async def encrypted_postgres(directory: Path) -> AsyncIterator[Encrypted]:
    """Run it, with a certificate for 127.0.0.1 and for no name."""
    binaries = Path(tool("postgres")).parent
    made = directory / "made"
    made.mkdir(parents=True)
    certificate, key = self_signed(made, "postgres")
    with running_postgres(directory / "postgres", binaries=binaries) as server:
        owner = server.data.stat()
        for file in (certificate, key):
            kept = server.data / file.name
            shutil.copy(file, kept)
            os.chown(kept, owner.st_uid, owner.st_gid)
            kept.chmod(0o600)
        (server.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        connection = await asyncpg.connect(server.dsn)
        try:
            for setting in ("ssl_cert_file = 'certificate.pem'", "ssl_key_file = 'key.pem'", "ssl = on"):
                await connection.execute(f"ALTER SYSTEM SET {setting}")
        finally:
            await connection.close()
        server.stop()
        server.start()
        yield Encrypted(server, server.dsn, certificate)
