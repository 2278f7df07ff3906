"""Callers who fail to prove who they are: of which kind, how often, and what a log says of it.

A failure never stands in the way of a credential that is good: checking one costs no more than the request itself, and
a secret of 256 bits is not guessed. What is held back is the noise: after a burst of failures from one address the
answer is 429, and the log is silent.

An address is often a proxy's, behind which others fail. So whoever can be told by more than an address is not counted
by it: a known credential that is of no use now, and a token that has expired or is signed by a key that is no more.
They are answered 401 each time, which sends a client for its next token; the log has a burst of each.
"""

import math
from collections.abc import Callable
from enum import StrEnum

from starlette.requests import HTTPConnection

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_ingest.rate_limit import Rate, RateLimit

PER_ADDRESS = Rate(per_second=1, burst=30)
PER_CREDENTIAL = Rate(per_second=1, burst=30)
"""What the log has of one of those that are always answered 401."""

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


ALWAYS_TOLD = frozenset({Failed.TOKEN_UNKNOWN, Failed.TOKEN_EXPIRED})
"""What befalls every client that keeps a token, when its time or the key that signs tokens has gone."""


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
        self._answered = RateLimit()
        self._logged = RateLimit()

    def note(self, error: FailedError, connection: HTTPConnection) -> int:
        """Note a failure. Return 0, or how many seconds its sender should stay away."""
        self._count(str(error.kind))
        address = connection.client.host if connection.client is not None else ""
        now = self._clock.monotonic()
        if error.credential is not None or error.kind in ALWAYS_TOLD:
            whose = f"{error.kind} {address}" if error.credential is None else error.credential
            if self._logged.take(whose, 1, PER_CREDENTIAL, now) > 0:
                return 0
        else:
            wait = self._answered.take(address, 1, PER_ADDRESS, now)
            if wait > 0:
                return math.ceil(wait)
        log.info("a caller was refused", kind=str(error.kind), credential=error.credential, address=address)
        return 0
