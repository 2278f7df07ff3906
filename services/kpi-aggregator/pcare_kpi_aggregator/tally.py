"""What one subject adds to the counts, being made up rule by rule."""

from pcare_kpi_aggregator.years import END_OF_TIME

Cell = tuple[str, str, int]
"""One additive count: the part (a KPI's id, or the id and a member), the borough (GSS code), the financial year."""

Contribution = dict[Cell, int]


class Tally:
    """Collects a contribution at the instant `at`, and the next instant at which time alone may change it.

    Only facts whose time is before `at` count. A rule that leaves one out because of `at`, or counts one that will
    cease, says so with `wake`.
    """

    __slots__ = ("at", "contribution", "next_due")

    def __init__(self, at: int) -> None:
        self.at = at
        self.contribution: Contribution = {}
        self.next_due: int | None = None

    def add(self, part: str, borough: str, year: int, number: int = 1) -> None:
        """Count `number` more (or fewer) in one cell."""
        cell = (part, borough, year)
        total = self.contribution.get(cell, 0) + number
        if total:
            self.contribution[cell] = total
        else:
            self.contribution.pop(cell, None)

    def move(self, part: str, before: str | None, after: str | None, year: int) -> None:
        """Count a change of state in `year`: from counting in borough `before` to borough `after` (None: nowhere)."""
        if before == after:
            return
        if before is not None:
            self.add(part, before, year, -1)
        if after is not None:
            self.add(part, after, year, 1)

    def wake(self, instant: int) -> None:
        """State that the contribution may change at `instant`. What has come, or never comes, is ignored."""
        if self.at < instant < END_OF_TIME and (self.next_due is None or instant < self.next_due):
            self.next_due = instant
