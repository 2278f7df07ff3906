"""Where a submitted record stood."""

import re
from dataclasses import dataclass

_ORIGIN = re.compile(r"([a-zA-Z0-9._-]{1,249})/([0-9]{1,10})/([0-9]{1,19})")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A record's place: topic, partition and offset. As text, "topic/partition/offset"."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Read what `str` wrote. Raises ValueError for anything else."""
        found = _ORIGIN.fullmatch(text)
        if found is None:
            raise ValueError("not an origin: topic/partition/offset")
        return cls(found[1], int(found[2]), int(found[3]))
