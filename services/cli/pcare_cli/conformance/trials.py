"""What the kit does on purpose to requests that pass through it, and when. Pure.

A system that has only ever been answered 202 has not been tried. So the first delivery is told to wait, a later one
is stored and answered as if that were not known, and another is refused though nothing is wrong with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WAIT_SECONDS: Final = 2
UNAVAILABLE: Final = 503
ALL_REJECTED: Final = 400
ORDER: Final = ("wait", "lost", "refused")


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing done on purpose: what is answered, and whether the request goes through all the same."""

    name: str
    status: int
    document: Mapping[str, Any]
    forwarded: bool

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says besides."""
        return {"Retry-After": str(WAIT_SECONDS)} if self.status == UNAVAILABLE else {}

    def to_batch(self, events: Sequence[Mapping[str, Any] | None]) -> tuple[int, list[dict[str, Any]]]:
        """Return status and verdicts with which a batch is answered: one verdict an event, as ever."""
        later = self.status == UNAVAILABLE
        word = "unavailable" if later else "rejected"
        verdicts = [
            {"index": index, **_identity(event), "status": word, "problem": self.document}
            for index, event in enumerate(events)
        ]
        return self.status if later else ALL_REJECTED, verdicts


def _identity(event: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: (event or {}).get(name) for name in ("source", "id")}


def _problem(status: int, reason: str, title: str, detail: str) -> dict[str, Any]:
    type_ = f"urn:ncl:personalised-care:problem:{reason}"
    return {"type": type_, "title": title, "status": status, "detail": detail, "reason": reason, "errors": []}


TRIALS: Final = {
    "wait": Trial(
        "wait",
        503,
        _problem(503, "overloaded", "A trial of the conformance kit: nothing was stored", "Wait as Retry-After says."),
        forwarded=False,
    ),
    "lost": Trial(
        "lost",
        503,
        _problem(503, "unknown", "A trial of the conformance kit: it is not known what was stored", "Send it again."),
        forwarded=True,
    ),
    "refused": Trial(
        "refused",
        422,
        _problem(422, "invalid_data", "A trial of the conformance kit: refused on purpose", "Put it aside."),
        forwarded=False,
    ),
}

REAL_PERSON: Final = _problem(
    422,
    "identifiable_data",
    "The conformance kit takes test persons only",
    "Nothing was sent on. Use an NHS number from 999 000 0000 to 999 999 9999.",
)


class Trials:
    """Decides what each delivery gets: a trial is played on an event that was not seen before, and only once."""

    def __init__(self) -> None:
        self._left = list(ORDER)
        self._pause = 0

    def next(self, *, new: bool) -> Trial | None:
        """Return the trial of a delivery, or None if it is to pass. `new`: no event of it was seen before."""
        if not self._left or not new:
            return None
        if self._pause:
            self._pause -= 1
            return None
        self._pause = 1
        return TRIALS[self._left.pop(0)]
