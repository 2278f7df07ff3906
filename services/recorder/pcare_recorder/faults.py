"""Where a test may strike: named instants of the recorder's work, and nothing happens there in production.

Nothing in the environment reaches this: a fault exists only where a program hands one in.
"""

from enum import StrEnum
from typing import Protocol


class Point(StrEnum):
    """The instants, in the order in which a batch meets them."""

    MIDDLE_OF_BATCH = "middle-of-batch"
    """Some rows of the batch are written, in a transaction that is open."""
    BEFORE_DATABASE_COMMIT = "before-database-commit"
    AFTER_DATABASE_COMMIT = "after-database-commit"
    BEFORE_PUBLISH = "before-publish"
    MIDDLE_OF_PUBLISH = "middle-of-publish"
    """The subjects' links are acknowledged, the events and rejections are not sent."""
    WHILE_PUBLISHING_REJECTIONS = "while-publishing-rejections"
    """Some rejections are on their way to the broker, and not acknowledged."""
    AFTER_PUBLISH = "after-publish"
    BEFORE_OFFSET_COMMIT = "before-offset-commit"
    AFTER_OFFSET_COMMIT = "after-offset-commit"
    BEFORE_START = "before-start"
    """Partitions are assigned, and nothing was read of their cursors."""
    MIDDLE_OF_REPUBLISH = "middle-of-republish"


class Faults(Protocol):
    """Something that may raise, wait, or kill the process at an instant."""

    async def reach(self, point: Point) -> None:
        """Be told that the work has come to `point`."""
        ...


class NoFaults:
    """What production runs with."""

    async def reach(self, point: Point) -> None:
        """Do nothing."""
