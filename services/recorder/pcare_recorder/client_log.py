"""What aiokafka says, but not a hundred times a second: while a broker is away it repeats itself at every attempt."""

import logging
from collections.abc import Callable

PERIOD_SECONDS = 30.0
CLIENT = "aiokafka"


class OncePerPeriod(logging.Filter):
    """Lets each message of the client pass once in `PERIOD_SECONDS`, whatever values it is filled with.

    `now` returns seconds that never go back. Other loggers are not touched.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self._passed: dict[str, float] = {}  # as many entries as the client has messages

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is to be written."""
        if record.name.partition(".")[0] != CLIENT:
            return True
        now = self._now()
        last = self._passed.get(str(record.msg))
        if last is not None and now - last < PERIOD_SECONDS:
            return False
        self._passed[str(record.msg)] = now
        return True


def quieten(now: Callable[[], float]) -> None:
    """Apply this to every line that the process writes from now on."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(OncePerPeriod(now))
