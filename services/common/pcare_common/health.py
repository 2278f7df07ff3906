"""Health is progress: what a probe asks and what a service answers."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """An answer to a probe. `reasons` says, in plain words, what is missing; empty when all is well."""

    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is missing."""
        return not self.reasons


Probe = Callable[[], Health]


def always_well() -> Health:
    """Answer that all is well: for a probe that being answered at all is the proof of."""
    return Health()


def all_of(*probes: Probe) -> Probe:
    """Return a probe that says what each of them finds missing."""

    def answer() -> Health:
        return Health(tuple(reason for probe in probes for reason in probe().reasons))

    return answer
