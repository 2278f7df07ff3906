"""When certificates end, as files and as servers show them."""

import asyncio
import datetime as dt
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from prometheus_client import CollectorRegistry

from certificates import self_signed
from pcare_cli.watch.certificates import Certificates, ends_of
from pcare_common.errors import TransientError
from pcare_local.ports import LOOPBACK, free_ports


def end_in(file: Path) -> float:
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()


@asynccontextmanager
async def speaking_tls(certificate: Path, key: Path, *, as_postgres: bool) -> AsyncIterator[str]:
    """Listen as a server of TLS does; as PostgreSQL does that is asked for TLS first."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if as_postgres:
            assert await reader.readexactly(8) == bytes.fromhex("0000000804d2162f")
            writer.write(b"S")
            await writer.start_tls(context)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0, ssl=None if as_postgres else context)
    async with server:
        yield f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"


async def test_a_file_ends_with_the_first_of_its_certificates(tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    (tmp_path / "sooner").mkdir()
    later, _ = self_signed(tmp_path / "later", days=90)
    sooner, _ = self_signed(tmp_path / "sooner", days=-3)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(later.read_bytes() + sooner.read_bytes())
    assert await ends_of(str(later)) == end_in(later)
    assert await ends_of(str(chain)) == end_in(sooner)
    assert end_in(sooner) < dt.datetime.now(dt.UTC).timestamp()


@pytest.mark.parametrize("as_postgres", [False, True])
async def test_a_server_shows_its_certificate_though_it_has_ended(tmp_path: Path, *, as_postgres: bool) -> None:
    certificate, key = self_signed(tmp_path, days=-1)
    async with speaking_tls(certificate, key, as_postgres=as_postgres) as address:
        assert await ends_of(f"postgresql://{address}" if as_postgres else address) == end_in(certificate)


async def test_what_is_not_had_is_named_and_the_others_are_looked_at(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    (port,) = free_ports(1)
    (tmp_path / "empty.pem").write_text("no certificate\n")
    named = (f"{LOOPBACK}:{port}", str(tmp_path / "none.pem"), str(tmp_path / "empty.pem"), str(certificate))
    registry = CollectorRegistry()
    with pytest.raises(TransientError) as raised:
        await Certificates(named).register(registry).look()
    assert all(name in str(raised.value) for name in named[:3])
    ends = registry.get_sample_value("pcare_watch_certificate_ends_seconds", {"certificate": str(certificate)})
    assert ends == end_in(certificate)


async def test_a_server_that_hangs_up_is_one_of_which_no_certificate_was_had() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10_000)
        writer.close()

    async with await asyncio.start_server(hang_up, LOOPBACK, 0) as server:
        address = f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
        for name in (address, f"postgresql://{address}"):
            with pytest.raises(TransientError, match=re.escape(name)):
                await Certificates([name]).register(CollectorRegistry()).look()
