"""What somebody wants compared, and what they cannot mean. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from pcare_audit.replaying.frame import Span, Where
from pcare_audit.replaying.ranges import Bounds
from pcare_schemas.topics import RECORDED, provider_of_topic


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants compared. `topics` are the topics to read, None for all; `log` is read as the log."""

    begin: Bounds
    end: Bounds
    topics: frozenset[str] | None = None
    log: str = RECORDED
    aggregator: str | None = None

    def reads(self, topic: str) -> bool:
        """Whether a topic is to be read."""
        return self.topics is None or topic in self.topics

    @property
    def whole(self) -> bool:
        """Whether everything is to be compared."""
        return self.topics is None and not self.begin.any and not self.end.any


class NothingThereError(Exception):
    """A topic or a partition that was asked for by name is not one that is read. The message says which."""


def refuse_what_is_not_read(wanted: Wanted, held: Mapping[Where, Span]) -> None:
    """Raise NothingThereError for what was misspelt: of nothing, everything would be equal."""
    topics = {wanted.log if topic == RECORDED else topic for topic in wanted.topics or ()}
    if unread := sorted(topics - {where.topic for where in held}):
        raise NothingThereError(
            f"--topic {unread[0]} names no topic that is compared, that Kafka has, and that this user may read."
        )
    if lost := sorted((wanted.begin.offsets.keys() | wanted.end.offsets.keys()) - held.keys()):
        raise NothingThereError(f"--from or --to names {lost[0]}, which is no partition that is read.")


def is_submitted(topic: str) -> bool:
    """Whether events come by a topic."""
    try:
        provider_of_topic(topic)
    except ValueError:
        return False
    return True
