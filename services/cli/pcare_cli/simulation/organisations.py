"""The made-up organisations that send events, as deploy/local/pcare_local/demo_providers.yaml registers them."""

from dataclasses import dataclass
from enum import Enum

from pcare_schemas.topics import provider_topic

SOURCE_PREFIX = "urn:ncl:provider:"


class Way(Enum):
    """How an organisation's events travel."""

    HTTP = "http"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Organisation:
    """One sender. `borough` is the GSS code of the borough it works in, None for one that works in all.

    `by_number`: it names people by NHS number; otherwise by the pseudonym that ingest gave it.
    """

    slug: str
    borough: str | None = None
    way: Way = Way.HTTP
    by_number: bool = False

    @property
    def source(self) -> str:
        """The CloudEvents source of its events."""
        return SOURCE_PREFIX + self.slug

    @property
    def topic(self) -> str:
        """The topic of its own, if it speaks to Kafka itself."""
        return provider_topic(self.slug)


BOROUGHS = {
    "E09000003": "barnet",
    "E09000007": "camden",
    "E09000010": "enfield",
    "E09000014": "haringey",
    "E09000019": "islington",
}
SURGERIES = {code: Organisation(f"demo-surgery-{name}", code, by_number=True) for code, name in BOROUGHS.items()}
TRUST = Organisation("demo-trust", way=Way.KAFKA)
COUNCIL = Organisation("demo-council", by_number=True)
LINK_WORKERS = Organisation("demo-link-workers")
ICB = Organisation("demo-icb")
ORGANISATIONS = (*SURGERIES.values(), TRUST, COUNCIL, LINK_WORKERS, ICB)
