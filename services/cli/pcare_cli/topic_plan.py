"""Which topics there should be and how they should be kept, and in what a cluster differs. Pure: no client.

The plan is deploy/kafka/topics.yaml.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pcare_schemas.topics import provider_topic

DEFAULT_FILE = Path(__file__).resolve().parents[3] / "deploy" / "kafka" / "topics.yaml"
MILLISECONDS_A_DAY = 86_400_000


class TopicPlan(BaseModel):
    """How one topic is kept; the comments of topics.yaml say what each field means."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    partitions: Annotated[int, Field(ge=1, le=1000)]
    fixed: bool = False
    compact: bool = False
    erased_within: Annotated[int, Field(ge=1)] | None = None
    keep: Annotated[int, Field(ge=1)] | Literal["forever"]
    largest_kib: Annotated[int, Field(ge=1, le=16 * 1024)]

    @model_validator(mode="after")
    def _nothing_is_erased_where_all_is_kept(self) -> "TopicPlan":
        if self.erased_within is not None and not self.compact:
            raise ValueError(
                "erased_within: only where the latest record of each key is kept does it take another's place"
            )
        return self

    def configs(self, brokers: int) -> dict[str, str]:
        """Return the topic's settings in Kafka's own names, for a cluster of `brokers`."""
        within = {} if self.erased_within is None else _compacted_within(self.erased_within * MILLISECONDS_A_DAY)
        return within | {
            "cleanup.policy": self._cleanup_policy(),
            "retention.ms": "-1" if self.keep == "forever" else str(self.keep * MILLISECONDS_A_DAY),
            "retention.bytes": "-1",
            "max.message.bytes": str(self.largest_kib * 1024),
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": "2" if copies(brokers) == 3 else "1",
            "unclean.leader.election.enable": "false",
        }

    def _cleanup_policy(self) -> str:
        if not self.compact:
            return "delete"
        return "compact" if self.keep == "forever" else "compact,delete"


def _compacted_within(milliseconds: int) -> dict[str, str]:
    """Return the settings by which a record goes so soon after another has taken its place, and a tombstone as soon."""
    return {"max.compaction.lag.ms": str(milliseconds), "delete.retention.ms": str(milliseconds)}


class Plan(BaseModel):
    """All topics by name, and the template of a provider's own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    topics: dict[str, TopicPlan]
    provider_topic: TopicPlan

    def with_providers(self, codes: Iterable[str]) -> dict[str, TopicPlan]:
        """Return all topics, with those of the providers named by ODS code or slug. Raises ValueError for a bad one."""
        return {**self.topics, **{provider_topic(code): self.provider_topic for code in codes}}


class PlanError(Exception):
    """The file of topics cannot be used. The message says where it is wrong."""


def copies(brokers: int) -> int:
    """Return how many copies of a record a cluster of `brokers` keeps."""
    return min(3, brokers)


def read_plan(file: Path = DEFAULT_FILE) -> Plan:
    """Read the file of topics. Raises PlanError naming each place that is wrong."""
    try:
        return Plan.model_validate(yaml.safe_load(file.read_text()))
    except OSError as error:
        raise PlanError(f"{file} cannot be read ({error.strerror}): name the file of topics with --file") from None
    except yaml.YAMLError as error:
        raise PlanError(f"{file} is not YAML: {error}") from None
    except ValidationError as error:
        places = (f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in error.errors())
        raise PlanError(f"{file} is not right:\n" + "\n".join(f"  {place}" for place in places)) from None


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as a cluster has it: the number of partitions, the fewest copies of any, all its settings."""

    partitions: int
    copies: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a cluster is not as planned. `repair` says what to do; `safe` that `--repair` does it."""

    topic: str
    text: str
    repair: str
    safe: bool = False


def differences(plan: Mapping[str, TopicPlan], found: Mapping[str, Found], brokers: int) -> list[Difference]:
    """Return all ways in which the topics `found` on a cluster of `brokers` differ from the `plan`, by topic."""
    unlike: list[Difference] = []
    for name, planned in sorted(plan.items()):
        if name not in found:
            unlike.append(Difference(name, "is missing", "`pcare topics create` makes it"))
            continue
        unlike += _of_partitions(name, planned, found[name])
        unlike += _of_copies(name, found[name], brokers)
        for setting, value in planned.configs(brokers).items():
            actual = found[name].configs.get(setting)
            if actual != value:
                text = f"{setting} is {actual}, planned {value}"
                unlike.append(Difference(name, text, "`pcare topics create --repair` sets it", safe=True))
    return unlike


def _of_partitions(name: str, planned: TopicPlan, found: Found) -> list[Difference]:
    if found.partitions == planned.partitions:
        return []
    text = f"has {found.partitions} partitions, planned {planned.partitions}"
    if planned.fixed:
        return [
            Difference(
                name,
                text,
                f"never change it: a subject's events must stay in one partition. Write partitions: {found.partitions} "
                "into the file of topics, or begin a new log",
            )
        ]
    if found.partitions > planned.partitions:
        repair = f"Kafka cannot take partitions away: write partitions: {found.partitions} into the file of topics"
        return [Difference(name, text, repair)]
    return [Difference(name, text, "`pcare topics create --repair` adds them", safe=True)]


def _of_copies(name: str, found: Found, brokers: int) -> list[Difference]:
    if found.copies >= copies(brokers):
        return []
    text = f"keeps {found.copies} copies of some partition, planned {copies(brokers)}"
    return [Difference(name, text, "move its partitions with Kafka's kafka-reassign-partitions.sh")]
