"""How far this worker's reading of the log is, for those who wait for the first numbers."""

from pcare_kpi_aggregator.board.status import Progress
from pcare_kpi_aggregator.owned import Phase
from pcare_kpi_aggregator.ownership import Ownership


def reading(ownership: Ownership) -> list[Progress]:
    """Return the partitions that this worker reads, and how many of their events it has read.

    A reader's thread is at work on these states. Its offset is one number, looked at and not touched.
    """
    return [
        Progress(partition, min(owned.state.applied_through + 1, owned.end), owned.end)
        for partition, owned in sorted(ownership.owned.items())
        if owned.phase is Phase.READING
    ]
