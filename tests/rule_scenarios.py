"""Workers that say things to Prometheus, step by step, and what the recording rules are to make of it.

A scenario becomes a file for `promtool test rules`, which runs the rules as Prometheus does, on a clock of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[1] / "deploy" / "prometheus" / "rules" / "kpi.yml"
STEP_SECONDS = 5
ABSENT = None

_GONE = "gone"


class Worker:
    """What one worker exports at each step: what it said last, until it says something else or is gone."""

    def __init__(self, name: str, *, version: str = "v1") -> None:
        self._where = f'job="kpi-aggregator",instance="{name}"'
        self._version = version
        self._said: dict[int, dict[str, float | str] | str] = {}

    def says(
        self,
        step: int,
        values: Mapping[str, float] | float,
        *,
        applied: tuple[int, ...] = (0, 0),
        ahead: float = 0,
        instants: tuple[float, ...] | None = None,
        complete: bool = True,
        heard: float | None = None,
    ) -> None:
        """Export this from `step` on. `values` are NCL's by KPI, a number alone is that of the KPI `k`.

        Without `instants` (one a partition, in seconds) all speak of the last whole step, by a clock that is `ahead`
        so many seconds; the series then go on by themselves. So does when Kafka was `heard`.
        """
        named = {"k": values} if isinstance(values, int | float) else values
        said: dict[str, float | str] = {f"pcare_kpi_complete{{{self._where}}}": float(complete)}
        said[f'pcare_kpi_catalogue_info{{{self._where},version="{self._version}"}}'] = 1
        for partition, offset in enumerate(applied):
            said[f'pcare_kpi_partition_applied_through{{{self._where},partition="{partition}"}}'] = offset
        for kpi, value in named.items():
            row = f'{self._where},kpi="{kpi}",borough="NCL",year="2023/24"'
            if complete:
                said[f"pcare_kpi_value{{{row}}}"] = value
                said[f"pcare_kpi_target{{{row}}}"] = value + 1000
                said[f"pcare_kpi_trajectory{{{row}}}"] = value + 500
        if complete:
            said[f"pcare_kpi_log_heard_seconds{{{self._where}}}"] = f"clock{ahead:+}" if heard is None else heard
        self._said[step] = said | self._instants(applied, ahead, instants)

    def gone(self, step: int) -> None:
        """Answer no scrape from `step` on."""
        self._said[step] = _GONE

    def _instants(self, applied: tuple[int, ...], ahead: float, instants: tuple[float, ...] | None) -> dict[str, float]:
        clock = f"clock{ahead:+}"
        of_partitions = instants if instants is not None else (clock,) * len(applied)
        oldest = min(instants) if instants is not None else clock
        said: dict[str, Any] = {f"pcare_kpi_instant_seconds{{{self._where}}}": oldest}
        for partition, instant in enumerate(of_partitions):
            said[f'pcare_kpi_partition_instant_seconds{{{self._where},partition="{partition}"}}'] = instant
        return said

    def series(self, steps: int) -> list[dict[str, str]]:
        """Return promtool's input series."""
        names = {name for said in self._said.values() if not isinstance(said, str) for name in said}
        now: dict[str, Any] | str = {}
        rows: dict[str, list[str]] = {name: [] for name in names}
        for step in range(steps):
            before, now = now, self._said.get(step, now)
            for name, row in rows.items():
                row.append(_sample(name, before, now, step))
        return [{"series": name, "values": " ".join(row)} for name, row in sorted(rows.items())]


def _sample(name: str, before: dict[str, Any] | str, now: dict[str, Any] | str, step: int) -> str:
    """Return a sample as a scrape leaves it: a mark where a series has ceased, nothing where it was not there."""
    if isinstance(now, str) or name not in now:
        return "stale" if not isinstance(before, str) and name in before else "_"
    said = now[name]
    if isinstance(said, str):
        said = step * STEP_SECONDS + float(said.removeprefix("clock"))
    return f"{said:g}"


@dataclass
class Scenario:
    """Workers, and what is expected of the recorded series at some steps."""

    workers: list[Worker] = field(default_factory=list)
    _expected: list[dict[str, Any]] = field(default_factory=list)

    def worker(self, name: str, *, version: str = "v1") -> Worker:
        """Return a new worker that has not said anything."""
        self.workers.append(Worker(name, version=version))
        return self.workers[-1]

    def expect(self, step: int, series: str, value: float | None) -> None:
        """Expect a value of a recorded series, or ABSENT, at a step. Without labels: all there is under the name."""
        self.expect_answer(step, series, {} if value is None else {series: value})

    def expect_answer(self, step: int, query: str, answer: Mapping[str, float]) -> None:
        """Expect the answer to a query, by series, at a step."""
        samples = [{"labels": series, "value": value} for series, value in answer.items()]
        self._expected.append({"expr": query, "eval_time": f"{step * STEP_SECONDS}s", "exp_samples": samples})

    def expect_series(self, step: int, name: str, count: int) -> None:
        """Expect so many series under a name at a step."""
        self.expect_answer(step, f"count({name})", {"{}": count})

    def expect_value(self, step: int, value: float | None, kpi: str = "k") -> None:
        """Expect NCL's value of a KPI, or ABSENT."""
        self.expect(step, f'pcare:kpi_value{{kpi="{kpi}",borough="NCL",year="2023/24"}}', value)

    def expect_values(self, values: Mapping[int, float | None]) -> None:
        """Expect NCL's value of the KPI `k` at several steps."""
        for step, value in values.items():
            self.expect_value(step, value)

    def document(self) -> str:
        """Return the file for promtool."""
        steps = 2 + max(int(one["eval_time"].removesuffix("s")) for one in self._expected) // STEP_SECONDS
        test = {
            "interval": f"{STEP_SECONDS}s",
            "input_series": [series for worker in self.workers for series in worker.series(steps)],
            "promql_expr_test": self._expected,
        }
        whole = {"rule_files": [str(RULES)], "evaluation_interval": f"{STEP_SECONDS}s", "tests": [test]}
        return yaml.safe_dump(whole, sort_keys=False, width=10_000)
