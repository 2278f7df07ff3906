"""Certificates and when they end: those that servers show, and those in files. `judge` is pure."""

import asyncio
import datetime as dt
import socket
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from pcare_cli.doctor.doors import CONNECT_SECONDS, in_thread
from pcare_cli.doctor.findings import Check, Finding, Level

WARN = dt.timedelta(days=21)
POSTGRES_PORT = 5432
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)

CERTIFICATES = Check("certificates", "none is about to end")

EXPIRED = CERTIFICATES.kind(
    "certificate-expired",
    Level.WRONG,
    means="A certificate has ended: whoever checks it, and all of ours do, does not connect any more.",
    do="Put a new certificate and its key into the files that the server reads (docs/day-2.md, 'Renew a certificate'). "
    "ingest, recorder, kpi-aggregator, watcher and sealer read them again by themselves.",
    command="openssl x509 -noout -subject -enddate -in FILE",
)
EXPIRES = CERTIFICATES.kind(
    "certificate-expires",
    Level.WARN,
    means="A certificate ends within three weeks.",
    do="Renew it now (docs/day-2.md, 'Renew a certificate').",
    command="openssl x509 -noout -subject -enddate -in FILE",
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and when it ends; or why there is none where one was expected."""

    where: str
    until: dt.datetime | None = None
    trouble: str | None = None


def judge(certificates: Iterable[Certificate], now: dt.datetime) -> list[Finding]:
    """Say which have ended, or are about to."""
    found, ends, failed = [], [], []
    for one in certificates:
        if one.until is None:
            failed.append(CERTIFICATES.unseen(f"{one.where}: {one.trouble}", "See that it can be reached and read."))
            continue
        ends.append(one.until)
        if one.until - now < WARN:
            kind = EXPIRED if one.until <= now else EXPIRES
            found.append(kind.found(f"{one.where}: {one.until:%d %B %Y %H:%M} UTC"))
    if not found and ends:
        found = [CERTIFICATES.well(f"{len(ends)} of them; the first ends on {min(ends):%d %B %Y}")]
    return [*found, *failed]


async def shown_by(addresses: Iterable[tuple[str, str, int, bool]]) -> list[Certificate]:
    """Ask servers (name, host, port, whether it is PostgreSQL) for theirs. It is not checked who signed them."""
    return list(
        await asyncio.gather(*(in_thread(lambda one=address: _shown(*one)) for address in addresses))  # type: ignore[misc]
    )


def in_files(files: Iterable[Path]) -> list[Certificate]:
    """Read certificates in PEM: of each file the one that ends first."""
    found = []
    for file in files:
        try:
            ends = [one.not_valid_after_utc for one in x509.load_pem_x509_certificates(file.read_bytes())]
            found.append(Certificate(str(file), min(ends)))
        except (OSError, ValueError) as error:
            found.append(Certificate(str(file), trouble=f"{type(error).__name__}"))
    return found


def _shown(name: str, host: str, port: int, postgres: bool) -> Certificate:
    where = f"{name} at {host}:{port}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what has ended, or is somebody else's, is to be seen all the same
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as raw:
            if postgres:
                raw.sendall(_SSL_REQUEST)
                if raw.recv(1) != b"S":
                    return Certificate(where, trouble="it speaks no TLS")
            with context.wrap_socket(raw, server_hostname=host) as secured:
                shown = secured.getpeercert(binary_form=True)
    except OSError as error:
        return Certificate(where, trouble=f"{type(error).__name__}: {error}")
    if shown is None:
        return Certificate(where, trouble="it showed none")
    return Certificate(where, x509.load_der_x509_certificate(shown).not_valid_after_utc)


def of_url(name: str, url: str) -> tuple[str, str, int, bool] | None:
    """Return where a base address that begins with https shows a certificate; None for one that does not."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        return None
    return name, parts.hostname, parts.port or 443, False
