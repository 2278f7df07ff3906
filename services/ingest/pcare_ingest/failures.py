"""Callers who fail to prove who they are: of which kind, how often, and what a log says of it.

A failure never stands in the way of a credential that is good: checking one costs no more than the request itself, and
a secret of 256 bits is not guessed. What is held back is the noise: after a burst of failures from one address the
answer is 429, and the log is silent.
"""

import math
from collections.abc import Callable
from enum import StrEnum

from starlette.requests import HTTPConnection

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_ingest.rate_limit import Rate, RateLimit

PER_ADDRESS = Rate(per_second=1, burst=30)

log = logs.get(__name__)


class Failed(StrEnum):
    """What is wrong with a proof."""

    MISSING = "missing"
    MALFORMED = "malformed"
    KEY_UNKNOWN = "key_unknown"
    TOKEN_UNKNOWN = "token_unknown"  # noqa: S105 - the name of a failure
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ASSERTION_WRONG = "assertion_wrong"
    ASSERTION_UNTRUSTED = "assertion_untrusted"
    ASSERTION_REPEATED = "assertion_repeated"
    ASSERTIONS_TOO_MANY = "assertions_too_many"


class FailedError(Exception):
    """The caller did not prove who they are. `words` may be told to anybody and hold no secret; they are ASCII.

    `credential` is the id of the credential, where that is proven or stands in the register; never what was sent.
    """

    def __init__(self, kind: Failed, words: str, credential: str | None = None) -> None:
        super().__init__(str(kind))
        self.kind = kind
        self.words = words
        self.credential = credential


class Failures:
    """Counts failures, and says when to stop answering them one by one."""

    def __init__(self, count: Callable[[str], None], clock: Clock) -> None:
        self._count = count
        self._clock = clock
        self._limit = RateLimit()

    def note(self, error: FailedError, connection: HTTPConnection) -> int:
        """Note a failure. Return 0, or how many seconds its sender should stay away."""
        self._count(str(error.kind))
        address = connection.client.host if connection.client is not None else ""
        wait = self._limit.take(address, 1, PER_ADDRESS, self._clock.monotonic())
        if wait > 0:
            return math.ceil(wait)
        log.info("a caller was refused", kind=str(error.kind), credential=error.credential, address=address)
        return 0
