"""What the kit found out: a finding a step, and what they come to together. Values only."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a step went. `unproven`: this address, or this way of playing, cannot show it."""

    passed = "passed"
    failed = "failed"
    unproven = "unproven"


@dataclass(frozen=True, slots=True)
class Finding:
    """How a step went, and what was seen, in words."""

    outcome: Outcome
    saw: str

    @property
    def failed(self) -> bool:
        """Whether it stands against being ready."""
        return self.outcome is Outcome.failed


def passed(saw: str) -> Finding:
    """Return the finding that it is as it must be."""
    return Finding(Outcome.passed, saw)


def failed(saw: str) -> Finding:
    """Return the finding that it is not."""
    return Finding(Outcome.failed, saw)


def unproven(saw: str) -> Finding:
    """Return the finding that it could not be found out here."""
    return Finding(Outcome.unproven, saw)


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the report. `todo` is what to do next if it is not passed."""

    part: str
    name: str
    title: str
    finding: Finding
    todo: str


CONNECTION = "The connection"
OWN = "Your system"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run of the kit found out."""

    provider: str
    url: str
    kinds: Sequence[str]
    at: dt.datetime
    results: Sequence[Result]
    left: Sequence[str] = ()
    """Ids that were recorded by this run and could not be retracted."""

    @property
    def code(self) -> str:
        """The provider's ODS code or slug."""
        return re.split("[/:]", self.provider)[-1]

    @property
    def ready(self) -> bool:
        """Whether nothing stands against it."""
        return not any(result.finding.failed for result in self.results)

    @property
    def verdict(self) -> str:
        """The last word. It begins with `not ready` unless every step that was played is passed or unproven."""
        against = [result for result in self.results if result.finding.failed]
        if against:
            more = f", and {len(against) - 1} more" if len(against) > 1 else ""
            return f"not ready: {against[0].title}{more}"
        open_steps = sum(result.finding.outcome is Outcome.unproven for result in self.results)
        rest = f", except for what could not be shown here ({open_steps} of {len(self.results)})" if open_steps else ""
        if not any(result.part == OWN for result in self.results):
            return f"connection ready{rest}; your own system has not been seen yet (--events or --listen)"
        return f"ready{rest}"

    def document(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "provider": self.provider,
            "url": self.url,
            "at": self.at.isoformat(timespec="seconds"),
            "kinds": list(self.kinds),
            "ready": self.ready,
            "verdict": self.verdict,
            "not_retracted": list(self.left),
            "steps": [
                {
                    "part": result.part,
                    "step": result.name,
                    "title": result.title,
                    "outcome": str(result.finding.outcome),
                    "saw": result.finding.saw,
                    "todo": "" if result.finding.outcome is Outcome.passed else result.todo,
                }
                for result in self.results
            ],
        }
