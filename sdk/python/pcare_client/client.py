"""The two clients. They carry out what the flows decide, and decide nothing themselves."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

import httpx

from pcare_client import operations
from pcare_client.batches import BATCH_EVENTS, async_batches, batches
from pcare_client.credentials import Anyone, Credentials
from pcare_client.event import Event, source_of
from pcare_client.events import Events
from pcare_client.exchange import Flow, Lost, Outcome, Reply, Request, Wait
from pcare_client.results import Pseudonym, Receipt, Verdict
from pcare_client.retrying import Context, Retry

T = TypeVar("T")
SECONDS_FOR_AN_ANSWER = 30.0
_TRANSIENT = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)


def checked(address: str) -> str:
    """Return the address of a service if it can be one. Raises ValueError."""
    if not address.startswith(("http://", "https://")):
        raise ValueError("The address of the service begins with https:// (or http:// on one machine).")
    return address


class _Base:
    """What both have: who calls, and for whom events are built."""

    def __init__(self, source: str, credentials: Credentials | None, retry: Retry | None, *, compress: bool) -> None:
        self.events = Events(source)
        """Builds events of this client's source: `client.events.pam_scored(...)`."""
        self._source = source_of(source)
        self._context = Context(credentials or Anyone(), retry or Retry(), time.time)
        self._compress = compress

    def __repr__(self) -> str:
        return f"{type(self).__name__}(source={self._source!r})"

    def _deliver(self, events: Sequence[Event], path: str) -> Flow[list[Verdict]]:
        return operations.deliver(events, self._context, path=path, compress=self._compress)

    def _receipt(self, of: Verdict | Event | str) -> Flow[Receipt | None]:
        address = of.receipt if isinstance(of, Verdict) else None
        event = of.event if isinstance(of, Verdict) else of
        if isinstance(event, str):
            return operations.receipt(self._source, event, address, self._context)
        return operations.receipt(event.source or "", event.id or "", address, self._context)


class Client(_Base):
    """Sends events and waits for their verdicts. One thread at a time.

    `source` is your ODS code (RKE), your slug of the provider register, or the whole URI. `compress` sends gzip. `http`
    is an httpx client of your own, with the service as its base address; it is then yours to close.
    """

    def __init__(
        self,
        address: str,
        *,
        source: str,
        credentials: Credentials | None = None,
        retry: Retry | None = None,
        compress: bool = False,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(source, credentials, retry, compress=compress)
        self._own = http is None
        self._http = http or httpx.Client(base_url=checked(address), timeout=SECONDS_FOR_AN_ANSWER)
        self._sleep = sleep

    def send(self, event: Event) -> Verdict:
        """Send one event. Raises UnavailableError and RefusedError."""
        return self._run(self._deliver([event], operations.SEND))[0]

    def send_many(self, events: Iterable[Event], *, batch: int = BATCH_EVENTS) -> Iterator[Verdict]:
        """Send any number of events in batches, and yield the verdict on each, in order; holds one batch at a time.

        Raises UnavailableError and RefusedError: what was yielded before stands.
        """
        for some in batches(events, batch):
            yield from self._run(self._deliver(some, operations.SEND))

    def check(self, events: Iterable[Event], *, batch: int = BATCH_EVENTS) -> Iterator[Verdict]:
        """Have events judged as if they were sent; nothing is stored."""
        for some in batches(events, batch):
            yield from self._run(self._deliver(some, operations.CHECK))

    def receipt(self, of: Verdict | Event | str) -> Receipt | None:
        """Ask what became of an event, best by its verdict; a text is an id of this client's source."""
        return self._run(self._receipt(of))

    def pseudonyms(self, nhs_numbers: Sequence[str]) -> list[Pseudonym]:
        """Return the pseudonyms of persons, in order: the subjects of events that go to Kafka."""
        return self._run(operations.pseudonyms(nhs_numbers, self._context))

    def close(self) -> None:
        """Close the connections."""
        if self._own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                self._sleep(step.seconds)
                outcome = None
            else:
                outcome = self._ask(step)

    def _ask(self, request: Request) -> Reply | Lost:
        try:
            answer = self._http.request(
                request.method, request.path, content=request.content, headers=dict(request.headers)
            )
        except _TRANSIENT as error:
            return Lost(type(error).__name__)
        return _reply(answer)


class AsyncClient(_Base):
    """The same for asyncio; many tasks may use it at once. The arguments are those of Client."""

    def __init__(
        self,
        address: str,
        *,
        source: str,
        credentials: Credentials | None = None,
        retry: Retry | None = None,
        compress: bool = False,
        http: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(source, credentials, retry, compress=compress)
        self._own = http is None
        self._http = http or httpx.AsyncClient(base_url=checked(address), timeout=SECONDS_FOR_AN_ANSWER)
        self._sleep = sleep

    async def send(self, event: Event) -> Verdict:
        """Send one event. Raises UnavailableError and RefusedError."""
        return (await self._run(self._deliver([event], operations.SEND)))[0]

    async def send_many(
        self, events: Iterable[Event] | AsyncIterable[Event], *, batch: int = BATCH_EVENTS, in_flight: int = 4
    ) -> AsyncIterator[Verdict]:
        """Send any number of events, `in_flight` batches at once, and yield the verdicts in order.

        Holds so many batches and no more. Raises UnavailableError and RefusedError: what was yielded before stands.
        """
        flying: deque[asyncio.Task[list[Verdict]]] = deque()
        try:
            async for some in async_batches(events, batch):
                flying.append(asyncio.create_task(self._run(self._deliver(some, operations.SEND))))
                if len(flying) >= in_flight:
                    for verdict in await flying.popleft():
                        yield verdict
            while flying:
                for verdict in await flying.popleft():
                    yield verdict
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)

    async def check(self, events: Iterable[Event], *, batch: int = BATCH_EVENTS) -> AsyncIterator[Verdict]:
        """Have events judged as if they were sent; nothing is stored."""
        for some in batches(events, batch):
            for verdict in await self._run(self._deliver(some, operations.CHECK)):
                yield verdict

    async def receipt(self, of: Verdict | Event | str) -> Receipt | None:
        """Ask what became of an event, best by its verdict; a text is an id of this client's source."""
        return await self._run(self._receipt(of))

    async def pseudonyms(self, nhs_numbers: Sequence[str]) -> list[Pseudonym]:
        """Return the pseudonyms of persons, in order: the subjects of events that go to Kafka."""
        return await self._run(operations.pseudonyms(nhs_numbers, self._context))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _run(self, flow: Flow[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Wait):
                await self._sleep(step.seconds)
                outcome = None
            else:
                outcome = await self._ask(step)

    async def _ask(self, request: Request) -> Reply | Lost:
        try:
            answer = await self._http.request(
                request.method, request.path, content=request.content, headers=dict(request.headers)
            )
        except _TRANSIENT as error:
            return Lost(type(error).__name__)
        return _reply(answer)


def _reply(answer: httpx.Response) -> Reply:
    return Reply(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content)
