"""How events are followed to the count, said without OpenTelemetry; and how nothing is followed: by doing nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from pcare_kpi_aggregator.owned import LogRecord

if TYPE_CHECKING:
    from pcare_common.tracing.exporting import Tracing


class Following(Protocol):
    """Follows events to the count. It changes no number."""

    def now(self) -> int:
        """Return the time, in nanoseconds since 1970, for `counted` to begin at."""
        ...

    def counted(self, chunks: Sequence[tuple[int, Sequence[LogRecord]]], begun: int) -> Sequence[str | None]:
        """Note that records, in chunks of one partition each, came then and are counted now.

        Returns the trace of each record, or nothing at all where none is followed.
        """
        ...


class _NotFollowed:
    def now(self) -> int:
        return 0

    def counted(self, chunks: Sequence[tuple[int, Sequence[LogRecord]]], begun: int) -> Sequence[str | None]:  # noqa: ARG002
        return ()


NOT_FOLLOWED: Following = _NotFollowed()


def following_of(tracing: "Tracing | None") -> Following:
    """Return what follows events with this tracing."""
    if tracing is None:
        return NOT_FOLLOWED
    from pcare_kpi_aggregator.count_spans import CountSpans  # noqa: PLC0415 - off, it costs not even the import

    return CountSpans(tracing.tracer)
