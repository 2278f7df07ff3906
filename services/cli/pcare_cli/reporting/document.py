"""What a report holds, as JSON: all that the page shows, and nothing that the page does not."""

import msgspec

from pcare_cli.reporting.replayed import Counted, Replayed

FORMAT = 1


class Kpi(msgspec.Struct, frozen=True):
    """What is to be known of a KPI to show it."""

    id: str
    component: str
    title: str
    unit: str
    kind: str
    course: str
    personal: bool
    words: str | None


class Number(msgspec.Struct, frozen=True):
    """One number counted in three ways, and where it stands. `suppressed`: it is withheld, whatever it is."""

    kpi: str
    area: str
    year: str
    exact: bool
    replay: Counted | None
    sql: Counted | None
    stream: Counted | None
    replay_at_stream: Counted | None = None
    target: int | float | None = None
    trajectory: int | float | None = None
    words: str | None = None
    suppressed: bool = False


class Point(msgspec.Struct, frozen=True):
    """A KPI's value at an instant (ISO 8601, UTC), and its trajectory then."""

    at: str
    value: int | float | None
    trajectory: int | float | None


class Course(msgspec.Struct, frozen=True):
    """How a KPI of the whole of NCL went through a year: as it opened, at each month's end, and at the last instant.

    `opening` and `target` are the two ends of the trajectory.
    """

    kpi: str
    year: str
    points: list[Point]
    opening: int | float | None
    target: int | float | None


class Checkpoint(msgspec.Struct, frozen=True):
    """The newest signed checkpoint, and what came of verifying it. `verified` is None where nobody could tell."""

    note: str
    size: int
    made_at: str
    verified: bool | None
    words: str
    findings: list[str] = []


class ActsHead(msgspec.Struct, frozen=True):
    """The last act of the audit trail and its hash, which stands for all before it."""

    position: int
    hash: str


class Report(msgspec.Struct, frozen=True):
    """A whole report. `public`: disclosure control was applied. A `…_why_not` says why something is missing."""

    format: int
    system: str
    made_at: str
    who: str
    why: str
    public: bool
    result_sha256: str
    replay: Replayed
    catalogue: str
    targets_sha256: str
    kpis: list[Kpi]
    numbers: list[Number]
    courses: list[Course]
    courses_why_not: str | None
    checkpoint: Checkpoint | None
    checkpoint_why_not: str | None
    acts: ActsHead | None
    acts_why_not: str | None
    notes: list[str] = []


def as_json(report: Report) -> bytes:
    """Return the report as JSON, the same bytes each time, with a line break at the end."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def from_json(document: bytes) -> Report:
    """Read what `as_json` wrote. Raises msgspec.MsgspecError."""
    return msgspec.json.decode(document, type=Report)
