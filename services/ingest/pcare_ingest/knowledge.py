"""What ingest knows of the register: when it was last seen to be current, and what is in the way if it is not.

Without a database it is the register of the files, for ever. With one, what was last read is good for a bounded time.
"""

from collections.abc import Mapping
from dataclasses import replace

from pcare_common.clock import Clock
from pcare_common.health import Health
from pcare_ingest.providers import Credential, Providers
from pcare_schemas.rules import Rules


class UnknownError(Exception):
    """Who may send is not known: the register was not read yet, or too long ago."""


class Knowledge:
    """The current rules and providers, replaced as a whole. `stale` is in seconds.

    `rules` are always there, so that whoever judges needs no word about it: nobody is let in while `providers` raises.
    """

    def __init__(self, rules: Rules, clock: Clock, *, stale: float) -> None:
        self.rules = rules
        self._clock = clock
        self._stale = stale
        self._providers: Providers | None = None
        self._current_at = clock.monotonic()
        self._trouble = "The register has not been read yet."

    def learn(self, rules: Rules, providers: Providers) -> None:
        """Take over what was read a moment ago."""
        self.rules, self._providers = rules, providers
        self.still_current()

    def learn_credentials(self, credentials: Mapping[str, Credential]) -> None:
        """Take over whose credentials stand, where the register read with them is none: the last good one stays.

        That one gets no younger by it, and what is in the way is still told.
        """
        if self._providers is not None:
            self._providers = replace(self._providers, credentials=credentials)

    def still_current(self) -> None:
        """Note that what is known was seen to be current."""
        self._current_at = self._clock.monotonic()
        self._trouble = ""

    def in_the_way(self, trouble: str) -> None:
        """Note why the register cannot be read, and what to do about it."""
        self._trouble = trouble

    def providers(self) -> Providers:
        """Return what is known. Raises UnknownError."""
        if self._providers is None or self.age() > self._stale:
            raise UnknownError
        return self._providers

    def age(self) -> float:
        """Return for how many seconds it has not been seen to be current; before the first time since the start."""
        return self._clock.monotonic() - self._current_at

    def health(self) -> Health:
        """Answer the readiness probe."""
        try:
            self.providers()
        except UnknownError:
            return Health((f"Who may send has not been known for {self.age():.0f} s. {self._trouble}".strip(),))
        return Health()
