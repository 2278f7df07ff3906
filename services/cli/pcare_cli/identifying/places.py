"""Where something was found: said in words, in which no number ever stands."""

from collections.abc import Callable
from dataclasses import dataclass

MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place and what part of it: `interventions.recorded/3/17` `key`, or `pcare.rejections (4,2)` `errors`."""

    where: str
    part: str

    def __str__(self) -> str:
        return f"{self.where} {self.part}"


@dataclass(frozen=True, slots=True)
class Scanned:
    """How much of something was looked through."""

    what: str
    number: int


Report = Callable[[Place], None]
"""Is told of each place, as it is found."""


class UnreadableError(Exception):
    """Something could not be looked through to its end, so nothing can be said of it. The message says what to do."""
