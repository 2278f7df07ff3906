"""When to try again: always with the same ids, never for ever, and never all at once."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from pcare_client.credentials import Credentials
from pcare_client.errors import UnavailableError
from pcare_client.exchange import Flow, Lost, Reply, Request, Wait, ask

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
UNAUTHENTICATED = 401
LONGEST_RETRY_AFTER = 300.0


@dataclass(frozen=True, slots=True)
class Retry:
    """How often to try, and how long to wait between: doubling from `first` to `longest` seconds, less a random part.

    Never shorter than `Retry-After` says. With `attempts=1` nothing is tried again.
    """

    attempts: int = 8
    first: float = 0.25
    longest: float = 30.0

    def seconds(self, failed: int, retry_after: float | None, chance: float) -> float:
        """Return the wait after so many attempts that failed; `chance` is from 0 to 1."""
        own = min(self.first * 2.0 ** min(failed - 1, 30), self.longest) * (0.5 + chance / 2)
        if retry_after is None:
            return own
        return max(min(retry_after, LONGEST_RETRY_AFTER) + chance * self.first, own)


@dataclass(frozen=True, slots=True)
class Context:
    """What every flow needs to know."""

    credentials: Credentials
    retry: Retry
    now: Callable[[], float]
    """Seconds since 1970: how long a token still holds."""
    chance: Callable[[], float] = field(default=random.random)


class Tries:
    """Counts the attempts of one call."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._failed = 0

    def pause(self, why: str, retry_after: float | None) -> Flow[None]:
        """Wait before the next attempt; raises UnavailableError if there is none left."""
        self._failed += 1
        retry = self._context.retry
        if self._failed >= retry.attempts:
            raise UnavailableError(why)
        yield Wait(retry.seconds(self._failed, retry_after, self._context.chance()))


def attempt(request: Request, context: Context) -> Flow[Reply | Lost]:
    """Ask once, under the credentials; where a token was refused, once more under a new one."""
    for last in (False, True):
        headers = yield from context.credentials.headers(context.now)
        if isinstance(headers, (Lost, Reply)):
            return headers
        outcome = yield from ask(_with(request, headers))
        refused = isinstance(outcome, Reply) and outcome.status == UNAUTHENTICATED
        if last or not refused or not context.credentials.renew():
            return outcome
    raise AssertionError("the last round returns")


def until_answered(request: Request, context: Context) -> Flow[Reply]:
    """Ask until there is an answer that asking again would not change. Raises UnavailableError."""
    tries = Tries(context)
    while True:
        outcome = yield from attempt(request, context)
        if not is_again(outcome) and isinstance(outcome, Reply):
            return outcome
        yield from tries.pause(why(outcome), retry_after(outcome))


def is_again(outcome: Reply | Lost) -> bool:
    """Whether to ask again later."""
    return isinstance(outcome, Lost) or outcome.status in AGAIN


def why(outcome: Reply | Lost) -> str:
    """Say in a word what stood in the way."""
    return outcome.why if isinstance(outcome, Lost) else f"status {outcome.status}"


def retry_after(outcome: Reply | Lost) -> float | None:
    """Return the seconds that the answer asks to wait, if it says so in seconds."""
    text = outcome.headers.get("retry-after", "") if isinstance(outcome, Reply) else ""
    return float(text) if text.isascii() and text.isdigit() else None


def _with(request: Request, headers: dict[str, str]) -> Request:
    return Request(request.method, request.path, {**request.headers, **headers}, request.content)
