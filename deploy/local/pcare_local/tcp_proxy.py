"""A TCP proxy on loopback that can go silent, or slow: what a dead peer or a full network looks like from a client.

It runs in a thread of its own, so that a test may wait for what it does to others.
"""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from types import TracebackType

from pcare_local.ports import LOOPBACK

CHUNK_BYTES = 16 * 1024


class TcpProxy:
    """Passes connections on to 127.0.0.1:`to_port` while the `with` block runs; clients connect to `port`."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._passing = asyncio.Event()
        self._passing.set()
        self._turn = asyncio.Lock()
        self._bytes_per_second: float | None = None
        self._served: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    def __enter__(self) -> "TcpProxy":
        self._thread.start()
        self._wait(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def go_silent(self) -> None:
        """Keep every connection, take new ones, and let nothing through in either direction."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def go_on(self) -> None:
        """Let through what waits, and what comes."""
        self._loop.call_soon_threadsafe(self._passing.set)

    def slow_down(self, bytes_per_second: float | None) -> None:
        """Let no more through than this, all connections and both directions together; None for as much as comes."""
        self._bytes_per_second = bytes_per_second

    def _wait(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0, limit=CHUNK_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None  # noqa: S101 - entered before it is left
        self._server.close()
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._served.add(task)
        task.add_done_callback(self._served.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            await self._passing.wait()
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._to_port, limit=CHUNK_BYTES)
            writers.append(far_writer)
            there = asyncio.create_task(self._pump(reader, far_writer))
            back = asyncio.create_task(self._pump(far_reader, writer))
            try:
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in (there, back):
                    pump.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
        except OSError:
            pass  # the server is not there: the client sees its connection closed
        finally:
            for one in writers:
                one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._passing.wait()
                if self._bytes_per_second is not None:
                    async with self._turn:
                        await asyncio.sleep(len(data) / self._bytes_per_second)
                writer.write(data)
                await writer.drain()
