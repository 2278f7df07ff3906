"""What the doctor can find. Each kind of finding says what it means and what to do; docs/doctor.md is made of them.

Pure. A check has one row or several: that all is well, what is not, or why nobody looked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

ALL_WELL = 0
SOMETHING_IS_WRONG = 1
COULD_NOT_LOOK = 2


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    WRONG = "wrong"
    UNSEEN = "not looked at"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row. `saw` is what was found, `do` what to do in words, `command` what to type, a line each.

    `failed` says of a check that nobody looked at, that it was meant to be: it did not answer, or went wrong.
    """

    area: str
    check: str
    level: Level
    saw: str
    do: str = ""
    command: str = ""
    kind: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Something that is looked at, in an area: a part of the system, in the order in which events pass."""

    area: str
    words: str

    def well(self, saw: str) -> Finding:
        """Return the row for all being well."""
        return Finding(self.area, self.words, Level.OK, saw)

    def unseen(self, why: str, do: str = "", *, failed: bool = False) -> Finding:
        """Return the row for a check that nobody looked at, and what would let it."""
        return Finding(self.area, self.words, Level.UNSEEN, why, do, failed=failed)

    def kind(self, name: str, level: Level, *, means: str, do: str, command: str = "") -> "Kind":
        """Declare what this check may find. `do` and `command` may hold {names}, which each finding fills in."""
        made = Kind(name, self, level, means, do, command)
        if KINDS.setdefault(name, made) is not made:
            raise ValueError(f"two kinds of finding are called {name}")
        return made


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding."""

    name: str
    check: Check
    level: Level
    means: str
    do: str
    command: str = ""

    def found(self, saw: str, **values: object) -> Finding:
        """Return a finding of this kind. Raises KeyError where a value is missing that `do` or `command` names."""
        return Finding(
            self.check.area,
            self.check.words,
            self.level,
            saw,
            self.do.format(**values),
            self.command.format(**values),
            self.name,
        )


KINDS: dict[str, Kind] = {}
"""Every kind by name, in the order of declaration."""


class _Rank(IntEnum):
    OK = 0
    UNSEEN = 1
    WARN = 2
    WRONG = 3


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All rows, and what they come to."""

    findings: tuple[Finding, ...]
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """The exit status: 1 where something is wrong, 2 where it could not be looked, else 0."""
        if any(one.level is Level.WRONG for one in self.findings):
            return SOMETHING_IS_WRONG
        looked = any(one.level is not Level.UNSEEN for one in self.findings)
        if not looked or any(one.failed for one in self.findings):
            return COULD_NOT_LOOK
        return ALL_WELL

    def count(self, level: Level) -> int:
        """Return how many rows there are of a level."""
        return sum(one.level is level for one in self.findings)

    @property
    def verdict(self) -> str:
        """The last line: what it comes to, and of how many rows."""
        counts = ", ".join(f"{self.count(level)} {level}" for level in Level)
        words = {
            ALL_WELL: "All is well" if not self.count(Level.WARN) else "Nothing is wrong; see the warnings",
            SOMETHING_IS_WRONG: "Something is WRONG",
            COULD_NOT_LOOK: "It COULD NOT LOOK at everything that it was asked to",
        }[self.status]
        return f"{words}: {counts} (in {self.seconds:.0f} s)."


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the rows that ask for something, the worst first, else in their order."""
    asked = [one for one in findings if one.level in {Level.WRONG, Level.WARN}]
    return sorted(asked, key=lambda one: -_Rank[one.level.name])
