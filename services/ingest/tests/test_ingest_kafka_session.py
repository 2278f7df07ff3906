"""Opening a session where there is no Kafka: the real client, and something else at the address."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from pcare_common.errors import TransientError
from pcare_ingest import kafka_session
from pcare_ingest.kafka_session import Session, Target

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_session, "OPEN_WITHIN_SECONDS", 0.3)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@asynccontextmanager
async def something_at(port: int, talk: Talk) -> AsyncIterator[Target]:
    talking: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.append(asyncio.current_task())  # type: ignore[arg-type]
        with contextlib.suppress(ConnectionError):
            await talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    yield Target("submitted", {"bootstrap_servers": [f"127.0.0.1:{port}"]}, 8.0)
    await asyncio.gather(*talking)
    server.close()
    await server.wait_closed()


async def says_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hangs_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    return


async def talks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    await writer.drain()


async def answers_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"\x00\x00\x00\x06\x00\x00\x00\x01\xff\xff")
    await writer.drain()


@pytest.mark.parametrize("talk", [says_nothing, hangs_up, talks_http, answers_nonsense])
async def test_what_is_not_kafka_is_told_as_such_and_left_alone(talk: Talk, unused_tcp_port: int) -> None:
    before = asyncio.all_tasks()
    async with something_at(unused_tcp_port, talk) as target:
        with pytest.raises(TransientError, match=f"Kafka at 127.0.0.1:{unused_tcp_port} cannot be used"):
            await Session.open(target)

    assert asyncio.all_tasks() <= before


async def test_nobody_at_the_address(unused_tcp_port: int) -> None:
    target = Target("submitted", {"bootstrap_servers": [f"127.0.0.1:{unused_tcp_port}"]}, 8.0)

    with pytest.raises(TransientError, match="KafkaConnectionError"):
        await Session.open(target)


async def test_opening_can_be_cancelled(unused_tcp_port: int) -> None:
    async with something_at(unused_tcp_port, says_nothing) as target:
        opening = asyncio.create_task(Session.open(target))
        await asyncio.sleep(0.05)
        opening.cancel()

        with pytest.raises(asyncio.CancelledError):
            await opening
