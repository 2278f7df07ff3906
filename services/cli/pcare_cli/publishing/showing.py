"""What a person sees while a file goes. Counts only: no cell of a row is ever shown."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SHORTEST_WAIT_SHOWN = 2.0


class Display:
    """A bar on a terminal; elsewhere nothing but notes."""

    def __init__(self, name: str, total: int, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rejected]} rejected"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(name, total=total, rejected=0, note="")

    def show(self, rows: int, rejected: int) -> None:
        """Show how many rows have their verdict, and how many of those are rejected."""
        self._progress.update(self._task, completed=rows, rejected=rejected, note="")

    def waiting(self, seconds: float) -> None:
        """Say that ingest cannot take more now."""
        if seconds >= SHORTEST_WAIT_SHOWN:
            self._progress.update(self._task, note=f"ingest cannot take more now: waiting {seconds:.0f} s")
            if not self._console.is_terminal:
                sys.stderr.write(f"ingest cannot take more now: waiting {seconds:.0f} s\n")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()
