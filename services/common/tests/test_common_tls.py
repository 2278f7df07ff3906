"""TLS of the HTTP server."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from certificates import self_signed
from pcare_common.http import HttpServer
from pcare_common.tls import Certificate
from pcare_local.ports import free_ports

APP = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("here"))])


@asynccontextmanager
async def serving(certificate: Certificate) -> AsyncIterator[int]:
    port = free_ports(1)[0]
    server = HttpServer(APP, host="127.0.0.1", port=port, certificate=certificate)
    await server.start()
    try:
        yield port
    finally:
        await server.stop()


async def ask(port: int, trusted: Path, maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> str:
    context = ssl.create_default_context(cafile=str(trusted))
    context.maximum_version = maximum
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        return (await client.get(f"https://127.0.0.1:{port}/")).text


def renew(directory: Path) -> Path:
    certificate, _ = self_signed(directory)
    for file in directory.iterdir():  # a second later, for file systems whose clock is coarse
        os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns + 10**9))
    return certificate


async def test_it_speaks_tls_from_1_2_on_and_nothing_else(tmp_path: Path) -> None:
    file, key = self_signed(tmp_path)
    certificate = Certificate(file, key)
    assert certificate.context.minimum_version is ssl.TLSVersion.TLSv1_2
    async with serving(certificate) as port:
        assert await ask(port, file) == "here"
        assert await ask(port, file, ssl.TLSVersion.TLSv1_2) == "here"
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(f"http://127.0.0.1:{port}/")


async def test_a_certificate_that_was_renewed_is_shown_to_whoever_comes_next(tmp_path: Path) -> None:
    certificate = Certificate(*self_signed(tmp_path))
    async with serving(certificate) as port:
        assert not certificate.renew()
        file = renew(tmp_path)
        with pytest.raises(httpx.ConnectError):
            await ask(port, file)
        assert certificate.renew()
        assert await ask(port, file) == "here"


async def test_a_renewal_that_is_half_done_leaves_the_certificate_as_it_was(tmp_path: Path) -> None:
    file, key = self_signed(tmp_path)
    before = file.read_bytes()
    certificate = Certificate(file, key)
    async with serving(certificate) as port:
        renew(tmp_path)
        new = file.read_bytes()
        (tmp_path / "trusted").write_bytes(before)
        for content in (before, b"", new[: len(new) // 2]):
            file.write_bytes(content)
            assert not certificate.renew()
        file.unlink()
        assert not certificate.renew()
        assert await ask(port, tmp_path / "trusted") == "here"
        file.write_bytes(new)
        assert certificate.renew()
        assert await ask(port, file) == "here"


async def test_the_server_looks_after_its_certificate_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pcare_common.http.RENEW_AFTER_TICKS", 1)
    async with serving(Certificate(*self_signed(tmp_path))) as port:
        file = renew(tmp_path)
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await ask(port, file) == "here"
                    return
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)


def test_what_is_no_certificate_is_told_at_the_start(tmp_path: Path) -> None:
    file, key = self_signed(tmp_path)
    key.write_text("nothing")
    with pytest.raises(ssl.SSLError):
        Certificate(file, key)
