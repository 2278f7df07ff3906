"""What the doctor sees of a copy of a service over HTTP. Facts alone."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Samples = Mapping[str, Sequence[tuple[Mapping[str, str], float]]]
"""Samples of /metrics by name: labels and value."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a service, by its address. `trouble`: why it did not answer, and then nothing else is known.

    Reasons are those of its probes. `apart` is by how many seconds its clock is ahead of ours. `metrics` is None where
    it does not show them to us.
    """

    service: str
    address: str
    trouble: str | None = None
    not_live: tuple[str, ...] = ()
    not_ready: tuple[str, ...] = ()
    apart: float | None = None
    metrics: Samples | None = None
    asked_at: dt.datetime | None = field(default=None, compare=False)

    def values(self, name: str) -> list[tuple[Mapping[str, str], float]]:
        """Return the samples of a metric, none where it is not known."""
        return list((self.metrics or {}).get(name, ()))
