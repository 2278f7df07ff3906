"""What the doctor sees of Kafka. Facts alone: `kafka_reading` reads them, `kafka_rules` judges them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pcare_recorder.cursors import Partition


@dataclass(frozen=True, slots=True)
class Copies:
    """Where the copies of a partition are, by the ids of brokers. `leader` is None where there is none.

    `minimum`: so many must be in sync for an event to be taken (min.insync.replicas).
    """

    partition: Partition
    leader: int | None
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]
    offline: tuple[int, ...] = ()
    minimum: int = 1


@dataclass(frozen=True, slots=True)
class Brokers:
    """The brokers of a cluster by id, and the level of its features.

    `fenced` are those among them that the controller hears nothing of, or not yet: one that was lost is one of them.
    """

    ids: frozenset[int]
    fenced: frozenset[int] = frozenset()
    metadata_version: int | None = None

    @property
    def there(self) -> frozenset[int]:
        """Those that answer."""
        return self.ids - self.fenced


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: its state in Kafka's words, and how many members it has; or that we may not see it."""

    name: str
    state: str
    members: int
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Disk:
    """A directory of a broker. Bytes are None where an older broker does not say; `failed` is what it says instead."""

    broker: int
    directory: str
    total: int | None
    usable: int | None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Brokers, and the copies of every partition that matters."""

    brokers: Brokers
    copies: tuple[Copies, ...]
    sizes: Mapping[str, int] | None = None
