"""The topics that this copy reads no further because a circuit breaker is open, and how long that lasts.

Nothing of it is kept: a copy that starts anew reads on, and comes to the same end at the same record, unless the
program or its rules are others by then.
"""

from collections.abc import Collection

import asyncpg

from pcare_common import logs
from pcare_common.clock import Clock
from pcare_recorder import breaker, breaker_store
from pcare_recorder.breaker import Tripped
from pcare_recorder.cursors import Partition
from pcare_recorder.instruments import Instruments
from pcare_recorder.progress import Progress

ASK_SECONDS = 2.0

log = logs.get(__name__)


class HeldBack:
    """Which topics are held back, as probes, metrics and the log say it too."""

    def __init__(self, progress: Progress, instruments: Instruments, clock: Clock) -> None:
        self._progress = progress
        self._instruments = instruments
        self._clock = clock
        self._opened: dict[str, Tripped] = {}
        self._asked = clock.monotonic()
        self._rules: dict[str, str] = {}

    def open(self, tripped: Collection[Tripped], rules_version: str) -> None:
        """Hold back the topics of these partitions, which were judged under these rules, and say so once."""
        for one in tripped:
            if one.partition.topic not in self._opened:
                self._opened[one.partition.topic] = one
                self._rules[one.partition.topic] = rules_version
                log.critical("a circuit breaker has opened: somebody has to act", what=breaker.message(one))

    def among(self, assigned: Collection[Partition], rules_version: str) -> set[Partition]:
        """Return those of these partitions that are not to be read.

        What is another copy's now is its own to judge, and other rules may judge the same records well.
        """
        if self.of_other_rules(rules_version):
            log.warning("the rules have changed: what a circuit breaker held back is judged anew")
            self._opened = {topic: one for topic, one in self._opened.items() if self._rules[topic] == rules_version}
        self._opened = {topic: one for topic, one in self._opened.items() if one.partition in assigned}
        self._progress.held_back({topic: breaker.reason_not_ready(one) for topic, one in self._opened.items()})
        self._instruments.breaker({partition.topic for partition in assigned}, self._opened)
        return {partition for partition in assigned if partition.topic in self._opened}

    def of_other_rules(self, rules_version: str) -> bool:
        """Whether one opened under other rules than these."""
        return any(self._rules[topic] != rules_version for topic in self._opened)

    @property
    def ask(self) -> bool:
        """Whether it is time to ask whether a person has released one."""
        return bool(self._opened) and self._clock.monotonic() - self._asked >= ASK_SECONDS

    async def released(self, connection: asyncpg.Connection) -> bool:
        """Return whether one was released since it opened; it is then held back no longer."""
        self._asked = self._clock.monotonic()
        through = await breaker_store.released(connection, [one.partition for one in self._opened.values()])
        found = [one for one in self._opened.values() if through.get(one.partition, 0) > one.released]
        for one in found:
            del self._opened[one.partition.topic]
            log.warning(
                "a circuit breaker was released: what is there is judged, whatever it is",
                topic=one.partition.topic,
                next=through[one.partition],
            )
        return bool(found)
