"""How batches are followed, said without OpenTelemetry; and how nothing is followed: by doing nothing."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from pcare_recorder.recording import Page
from pcare_recorder.verdicts import Checked, Verdicts
from pcare_schemas.origin import Origin

if TYPE_CHECKING:
    from pcare_common.tracing.exporting import Tracing

_NOTHING = contextlib.nullcontext()


class BatchTrace(Protocol):
    """The traces of one batch. A batch that is dropped is told nothing more, and leaves none."""

    @property
    def traceparents(self) -> Mapping[Origin, str]:
        """What goes on, into the row and the header of what is published, of each record that is followed."""
        ...

    def step(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Show how long a step takes, and that it failed. Log lines within name the trace."""
        ...

    def judged(self, verdicts: Verdicts) -> None:
        """Note what became of the records."""
        ...

    def end(self) -> None:
        """Note that all of it is published and committed."""
        ...


class Following(Protocol):
    """Follows batches through the recorder. It changes no verdict."""

    def now(self) -> int:
        """Return the time, in nanoseconds since 1970, for `batch` to begin at."""
        ...

    def batch(self, page: Page, checked: Sequence[Checked], begun: int) -> BatchTrace:
        """Return the traces of a batch that was begun then and has been checked."""
        ...


class _Untraced:
    traceparents: Mapping[Origin, str] = {}

    def step(self, name: str) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002
        return _NOTHING

    def judged(self, verdicts: Verdicts) -> None:
        """Nobody asks."""

    def end(self) -> None:
        """Nobody asks."""


class _NotFollowed:
    def now(self) -> int:
        return 0

    def batch(self, page: Page, checked: Sequence[Checked], begun: int) -> BatchTrace:  # noqa: ARG002
        return UNTRACED


UNTRACED: BatchTrace = _Untraced()
NOT_FOLLOWED: Following = _NotFollowed()


def following_of(tracing: "Tracing | None") -> Following:
    """Return what follows batches with this tracing."""
    if tracing is None:
        return NOT_FOLLOWED
    from pcare_recorder.batch_spans import BatchSpans  # noqa: PLC0415 - off, it costs not even the import

    return BatchSpans(tracing.tracer)
