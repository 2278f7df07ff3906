"""Why brokers let nobody in, told without brokers; with them in tests/test_kafka_access.py."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from aiokafka.helpers import create_ssl_context

from pcare_common.errors import OperatorError
from pcare_common.kafka_login import refusal_at_login, start
from pcare_local.kafka_security import Security, secure
from pcare_local.ports import LOOPBACK, free_ports


@asynccontextmanager
async def listening(context: ssl.SSLContext | None) -> AsyncIterator[str]:
    """Answer every connection with a few bytes, as what is no broker does."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no broker here")
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0, ssl=context)
    async with server:
        yield f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"


def serving(security: Security) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(security.broker)
    return context


def over_tls(*servers: str, trusted: Path | None = None) -> dict[str, Any]:
    context = create_ssl_context(cafile=str(trusted) if trusted else None)
    return {"bootstrap_servers": list(servers), "security_protocol": "SSL", "ssl_context": context}


def made(directory: Path, now: dt.datetime | None = None) -> Security:
    return secure(directory, now=now or dt.datetime.now(dt.UTC))


async def test_a_certificate_that_nobody_known_signed(tmp_path: Path) -> None:
    security, other = made(tmp_path / "one"), made(tmp_path / "other")
    async with listening(serving(security)) as server:
        for trusted in (None, other.authority):
            told = await refusal_at_login(over_tls(server, trusted=trusted))
            assert "PCARE_KAFKA_SSL_CAFILE must name the authority" in str(told)
            assert server in str(told)


async def test_a_certificate_that_has_expired(tmp_path: Path) -> None:
    old = made(tmp_path, dt.datetime.now(dt.UTC) - dt.timedelta(days=30))
    async with listening(serving(old)) as server:
        assert "expired" in str(await refusal_at_login(over_tls(server, trusted=old.authority)))


async def test_a_listener_without_tls() -> None:
    async with listening(None) as server:
        assert "PCARE_KAFKA_SECURITY_PROTOCOL" in str(await refusal_at_login(over_tls(server)))


async def test_brokers_that_are_away_refuse_nothing(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    assert await refusal_at_login(over_tls(f"{LOOPBACK}:{port}")) is None
    assert await refusal_at_login({"bootstrap_servers": [f"{LOOPBACK}:{port}"]}) is None
    security = made(tmp_path)
    async with listening(serving(security)) as server:  # the handshake is well, and then no broker answers
        assert await refusal_at_login(over_tls(server, trusted=security.authority)) is None


async def test_the_first_refusal_is_told_though_another_broker_is_away(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with listening(serving(made(tmp_path))) as server:
        assert server in str(await refusal_at_login(over_tls(f"{LOOPBACK}:{port}", server)))


async def test_a_client_says_what_to_do_where_there_is_something_to_do(tmp_path: Path) -> None:
    async with listening(serving(made(tmp_path))) as server:
        connection = over_tls(server)
        producer = AIOKafkaProducer(**connection)
        with pytest.raises(OperatorError, match="PCARE_KAFKA_SSL_CAFILE"):
            await start(producer, connection)
        await producer.stop()
    connection = {"bootstrap_servers": [f"{LOOPBACK}:{free_ports(1)[0]}"]}
    producer = AIOKafkaProducer(**connection)
    with pytest.raises(KafkaConnectionError):
        await start(producer, connection)
    await producer.stop()
