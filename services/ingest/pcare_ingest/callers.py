"""Who is calling, and for whom they may speak.

The one place where the edge decides this. What comes after asks `Caller.may_speak_for` and nothing else.
"""

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import HTTPConnection

from pcare_ingest.rate_limit import Rate


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who sends events.

    `name` is a provider's code. `sources` are the organisations that they may speak for; None: any. `credential` is
    the id of what they proved it by; None: nothing was asked. `rate` is how much they may send; None: without limit.
    """

    name: str
    sources: frozenset[str] | None
    credential: str | None = None
    rate: Rate | None = None

    def may_speak_for(self, source: str) -> bool:
        """Whether an event of `source` may come from this caller."""
        return self.sources is None or source in self.sources


class Callers(Protocol):
    """Tells who is calling."""

    async def identify(self, connection: HTTPConnection) -> Caller:
        """Return who sent this request, judged by its headers alone. Called before a byte of the body is read.

        Raises RefusedError when they do not prove who they are.
        """
        ...


ANYONE = Caller(name="anyone", sources=None)


class OpenCallers:
    """Anyone may speak for any provider.

    For one machine, or behind a gateway that checks who calls: the settings refuse to listen beyond loopback with it
    unless PCARE_INGEST_ALLOW_OPEN=true says that this is meant.
    """

    async def identify(self, connection: HTTPConnection) -> Caller:  # noqa: ARG002 - nothing to look at
        """Return the caller that may say anything."""
        return ANYONE
