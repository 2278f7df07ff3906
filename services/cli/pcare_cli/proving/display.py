"""A bar while a record is read, on a terminal; elsewhere nothing."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """Shows how many of how many are done. What is not known yet may be said later."""

    def __init__(self, words: str, total: int | None = None, console: Console | None = None) -> None:
        shown = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=shown,
            transient=True,
            disable=not shown.is_terminal,
        )
        self._task = self._progress.add_task(words, total=total)
        self._done = 0

    def advance(self, number: int = 1) -> None:
        """Show that so many more are done."""
        self._done += number
        if number > 1 or self._done % 1_000 == 0:  # one by one it would cost more than the work
            self._progress.update(self._task, completed=self._done)

    def expect(self, total: int) -> None:
        """Show that there are so many, now that it is known."""
        self._progress.update(self._task, total=total)

    def begin(self, words: str, total: int | None = None) -> None:
        """Begin with something else."""
        self._done = 0
        self._progress.reset(self._task, description=words, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()
