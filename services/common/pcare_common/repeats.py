"""Keeps client libraries from filling the log while Kafka is away: they say the same dozens of times a second."""

import logging

from pcare_common.clock import Clock

NOISY = frozenset({"aiokafka", "faust", "kafka", "mode"})
REPEAT_AFTER_SECONDS = 30.0
_MOST_MESSAGES = 1_000


class OnceInAWhile(logging.Filter):
    """Lets each of a noisy library's messages pass once in a while; everybody else's always.

    Messages are told apart by their wording without its arguments. Belongs on a handler: there, and only there, all
    of a library's loggers pass.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._passed: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record may pass."""
        if record.name.partition(".")[0] not in NOISY:
            return True
        now, what = self._clock.monotonic(), (record.name, str(record.msg))
        if now - self._passed.get(what, -REPEAT_AFTER_SECONDS) < REPEAT_AFTER_SECONDS:
            return False
        if len(self._passed) >= _MOST_MESSAGES:
            self._passed.clear()  # some library words its messages anew each time
        self._passed[what] = now
        return True
