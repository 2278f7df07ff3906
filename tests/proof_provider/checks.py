"""What has to hold, and whether it did."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to hold. `saw` is shown when it does not."""

    what: str
    holds: bool
    saw: str


@dataclass
class Checks:
    """All that a step looked at."""

    step: str
    words: str
    done: list[Check] = field(default_factory=list)
    seconds: float = 0.0

    def that(self, what: str, holds: object, saw: object = "") -> bool:
        """Note whether something holds."""
        self.done.append(Check(what, bool(holds), str(saw)[:500]))
        return bool(holds)

    def equal(self, what: str, got: object, wanted: object) -> bool:
        """Note whether two things are the same."""
        return self.that(what, got == wanted, f"{got!r}, not {wanted!r}")

    def answer(self, what: str, answer: httpx.Response, status: int, reason: str | None = None) -> bool:
        """Note whether an answer has this status, and as a problem this reason."""
        saw = f"{answer.status_code} {answer.text[:300]}"
        if answer.status_code != status:
            return self.that(what, False, saw)
        if reason is None:
            return self.that(what, True, saw)
        is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        return self.that(what, is_problem and answer.json().get("reason") == reason, saw)

    @property
    def faults(self) -> list[Check]:
        """What did not hold; a step that looked at nothing proves nothing."""
        return [one for one in self.done if not one.holds] or ([] if self.done else [Check("it was played", False, "")])


def faults(all_checks: Iterable[Checks]) -> list[str]:
    """Return in words everything that did not hold."""
    return [f"{checks.step}: {one.what}: {one.saw}" for checks in all_checks for one in checks.faults]
