"""Accepting connections that begin with a TLS handshake: so many of those at once, and each within seconds.

A server that the loop makes knows of a connection only once its handshake is done, and gives that a minute: whoever
opens connections and says nothing uses up all files, and nobody else gets in. So connections are accepted here, and
counted from then on. Where too many have not finished, the one that has waited longest makes room for the next: a
client that speaks needs a moment, one that does not needs its whole time.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

from pcare_common import logs

MAX_HANDSHAKES: Final = 200
"""Connections that have been accepted and have not finished their handshake. More than are accepted in one turn."""

HANDSHAKE_SECONDS: Final = 5.0

ACCEPTED_AT_ONCE: Final = 32
"""How many connections are accepted in one turn of the loop: the turns of a busy loop are long."""

PAUSE_SECONDS: Final = 1.0
"""How long nothing is accepted when the system gives no more files."""

log = logs.get(__name__)


class Handshakes:
    """Accepts from `listener`, which is bound, and gives each connection a protocol once it speaks TLS.

    It is closed as a server of asyncio is: `close`, then `wait_closed`.
    """

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, make: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self._listener = listener
        self._context = context
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[asyncio.Task[None], None] = {}  # in the order in which they came
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused: asyncio.TimerHandle | None = None

    def start(self, backlog: int) -> None:
        """Begin to accept."""
        self._listener.setblocking(False)
        self._listener.listen(backlog)
        self._go_on()

    def close(self) -> None:
        """Accept no more, and drop those that have not finished their handshake."""
        self._loop.remove_reader(self._listener)
        if self._paused is not None:
            self._paused.cancel()
        for task in self._tasks:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until those are gone. Connections that were handed over are not waited for."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go_on(self) -> None:
        self._paused = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warning("no connection can be accepted for a moment", error=error.strerror)
                self._loop.remove_reader(self._listener)
                self._paused = self._loop.call_later(PAUSE_SECONDS, self._go_on)
                return
            connection.setblocking(False)
            self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        if len(self._waiting) >= MAX_HANDSHAKES:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.cancel()
        task = self._loop.create_task(self._shake_hands(connection))
        self._waiting[task] = None
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._waiting.pop(task, None)
        self._tasks.discard(task)

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._make, connection, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except OSError:  # an SSLError is one: it does not speak TLS, or not ours, or went away, or said nothing
            return
