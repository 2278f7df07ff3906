"""The look at certificates: when each ends, read from a file, or from a server as its clients are shown it."""

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from prometheus_client import CollectorRegistry

from pcare_common import metrics
from pcare_common.errors import TransientError

ANSWERS_WITHIN_SECONDS = 10.0
_POSTGRES = "postgresql://"
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@dataclass
class Certificates:
    """Looks at each of `named`: a file in PEM, `host:port`, or `postgresql://host:port`."""

    named: Sequence[str]

    def register(self, registry: CollectorRegistry) -> "Certificates":
        """Make its metric."""
        self._ends = metrics.gauge("pcare_watch_certificate_ends_seconds", registry)
        return self

    async def look(self) -> None:
        """Look at all. Raises TransientError that names those which were not had; of these the last word stands."""
        missing = []
        for name in self.named:
            try:
                ends = await ends_of(name)
            # an SSLError is an OSError; ValueError: no certificate in there; EOFError: a server hung up
            except (OSError, ValueError, EOFError) as error:
                missing.append(f"{name} ({str(error) or type(error).__name__})")
            else:
                self._ends.labels(name).set(ends)
        if missing:
            raise TransientError(f"no certificate was had of {', '.join(missing)}")


async def ends_of(name: str) -> float:
    """Return when a certificate, the first of its file, ends in seconds since 1970.

    Raises OSError, ValueError, EOFError.
    """
    if name.startswith(_POSTGRES) or (not name.startswith(("/", ".")) and name.rpartition(":")[2].isdigit()):
        found = [x509.load_der_x509_certificate(await asyncio.wait_for(_shown(name), ANSWERS_WITHIN_SECONDS))]
    else:
        found = x509.load_pem_x509_certificates(await asyncio.to_thread(Path(name).read_bytes))
    return min(one.not_valid_after_utc.timestamp() for one in found)


async def _shown(name: str) -> bytes:
    """Return the certificate that a server shows. Whether it is to be trusted is not asked: it may have ended."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    address = urlsplit(name if "//" in name else f"//{name}")
    host, port = address.hostname or "", address.port or 5432
    if name.startswith(_POSTGRES):
        reader, writer = await asyncio.open_connection(host, port)
        with contextlib.closing(writer):
            writer.write(_SSL_REQUEST)
            if await reader.readexactly(1) != b"S":
                raise OSError("the server speaks no TLS")
            await writer.start_tls(context, server_hostname=host)
            return _certificate(writer)
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    with contextlib.closing(writer):
        return _certificate(writer)


def _certificate(writer: asyncio.StreamWriter) -> bytes:
    shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = shown.getpeercert(binary_form=True)
    if not certificate:
        raise OSError("the server shows no certificate")
    return certificate
