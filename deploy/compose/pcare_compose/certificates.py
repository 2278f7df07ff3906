"""Certificates for the system in containers: an authority, made once, and a certificate that it signs for each server.

The authority's key signs whatever the clients of this system trust: no container gets it.
"""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from pcare_compose import files
from pcare_local.certificates import Issued, authority, read, signed

AUTHORITY = "authority"
BROKER = "kafka"
"""The one server whose key stands in one file with its chain, as Kafka reads it; it is known to itself by this name."""
SERVERS = (BROKER, "postgres", "ingest", "recorder", "kpi-aggregator", "watch", "sealer")
"""The services that others come to, by the name that each has in docker-compose.yml."""
OF_THIS_MACHINE = ("localhost", "127.0.0.1")
DAYS = 397
AUTHORITY_DAYS = 3650


def make(directory: Path, now: dt.datetime, hosts: Sequence[str] = (), *, anew: bool = False, days: int = DAYS) -> None:
    """Make the certificates that are missing; with `anew` all but the authority's.

    The authority's key is needed only where something is missing: it may be kept elsewhere meanwhile.

    `hosts`: names and addresses by which other machines reach this one. Raises OSError for a file that cannot be
    written or read, ValueError for an authority that is not ours, or whose key is elsewhere and is needed.
    """
    files.prepare(directory)
    anew = anew or not files.is_there(directory / f"{AUTHORITY}.pem")  # nobody would trust what another one signed
    missing = [server for server in SERVERS if anew or not _is_whole(directory, server)]
    if not missing:
        return
    signer = _authority(directory, now)
    for server in missing:
        _write(directory, server, signed(signer, server, [server, *OF_THIS_MACHINE, *hosts], now, days), signer)


def expires(directory: Path) -> dt.datetime:
    """Return when the first of the servers' certificates ends."""
    ends = (read(directory / f"{name}.pem", directory / f"{name}.key").certificate for name in SERVERS)
    return min(certificate.not_valid_after_utc for certificate in ends)


def _authority(directory: Path, now: dt.datetime) -> Issued:
    certificate, key = directory / f"{AUTHORITY}.pem", directory / f"{AUTHORITY}.key"
    if files.is_there(certificate) and files.is_there(key):
        return read(certificate, key)
    if files.is_there(certificate):
        raise ValueError(
            f"{key} is not there, and {certificate} is. Another authority would be one that nobody trusts who trusts "
            f"this one: put the key back. Or, if it is lost, delete {certificate}, make all of them anew, and give the "
            "new authority's certificate to whoever has the old one"
        )
    made = authority("Personalised Care Recorder, authority of this installation", now, AUTHORITY_DAYS)
    files.write(key, made.key_pem, files.FOR_OWNER)
    files.write(certificate, made.pem)
    return made


def _is_whole(directory: Path, server: str) -> bool:
    made = [f"{server}.pem", f"{server}.key", *([f"{server}-keystore.pem"] if server == BROKER else [])]
    return all(files.is_there(directory / name) for name in made)


def _write(directory: Path, server: str, made: Issued, signer: Issued) -> None:
    files.write(directory / f"{server}.key", made.key_pem)
    files.write(directory / f"{server}.pem", made.pem + signer.pem)
    if server == BROKER:
        files.write(directory / f"{server}-keystore.pem", made.key_pem + made.pem + signer.pem)
