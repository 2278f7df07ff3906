"""Whether everything adds up: pure, over what was read of the topics and the tables (see `reading`)."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from re import fullmatch

from faults.load import Answers
from faults.reading import Key, Record, Tables, Where
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, SUBMITTED_PATTERN

SHOWN = 3


@dataclass(slots=True)
class Testimony:
    """What was found: faults, a sentence each; and how much was looked at."""

    faults: list[str] = field(default_factory=list)
    submitted: int = 0
    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0
    repeats: int = 0
    """Records of the log beyond one for each event: publishing again makes them, and they are harmless."""


def examine(topics: Mapping[str, Collection[Record]], tables: Tables, answers: Answers) -> Testimony:
    """Say what does not add up between all records of the topics, all rows, and what providers were answered."""
    found = Testimony()
    submitted = [record for name, records in topics.items() if fullmatch(SUBMITTED_PATTERN, name) for record in records]
    _account(found, submitted, tables)
    _accepted(found, answers, tables)
    _log(found, topics[RECORDED], tables)
    _same(found, "rejected", _by_id(topics[REJECTED]), {_name(at): text for at, text in tables.rejections.items()})
    _links(found, topics[SUBJECTS], tables)
    return found


def _account(found: Testimony, submitted: Collection[Record], tables: Tables) -> None:
    """Every submitted record has one outcome, and the cursors count the same to the record."""
    outcomes: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    ends: dict[tuple[str, int], int] = {}
    origins = set(tables.events.values())
    strangers = (origins | set(tables.rejections)) - {record.where for record in submitted}
    _say(found, "rows state an origin at which nothing was submitted", [_name(at) for at in strangers])
    for record in submitted:
        topic, partition, offset = record.where
        was_recorded, was_rejected = record.where in origins, record.where in tables.rejections
        if was_recorded and was_rejected:
            found.faults.append(f"{_name(record.where)} is recorded and rejected")
        elif not was_recorded and not was_rejected and _key_of(record.value) not in tables.events:
            found.faults.append(f"{_name(record.where)} is neither recorded, nor rejected, nor a duplicate")
        outcome = "recorded" if was_recorded else "rejected" if was_rejected else "duplicates"
        outcomes[topic, partition][outcome] += 1
        ends[topic, partition] = max(offset + 1, ends.get((topic, partition), 0))
    for where, counts in outcomes.items():
        base, reached, *stated = tables.cursors.get(where, (0, 0, 0, 0, 0))
        counted = [counts[outcome] for outcome in ("recorded", "duplicates", "rejected")]
        if stated != counted or base != 0 or reached < ends[where]:
            found.faults.append(
                f"{where[0]}/{where[1]}: {sum(counts.values())} submitted up to {ends[where]} = {counted} recorded, "
                f"duplicates, rejected; its cursor says {stated} up to {reached}"
            )
    total = sum(outcomes.values(), Counter())
    found.submitted = total.total()
    found.recorded, found.duplicates, found.rejected = (total[name] for name in ("recorded", "duplicates", "rejected"))


def _accepted(found: Testimony, answers: Answers, tables: Tables) -> None:
    """Every event that was answered as accepted is recorded, or, where only the recorder can tell, rejected."""
    _say(found, "accepted events are not recorded", answers.recorded - set(tables.events))
    _say(found, "accepted events are nowhere", answers.judged - set(tables.events) - tables.rejected)


def _log(found: Testimony, log: Collection[Record], tables: Tables) -> None:
    """The log holds every recorded event, to the byte as its row has it, and nothing else."""
    by_event: dict[str, set[bytes]] = defaultdict(set)
    for record in log:
        by_event[" of ".join(reversed(_key_of(record.value) or ("?", "?")))].add(record.value)
    found.repeats = len(log) - len(by_event)
    _same(
        found,
        "recorded",
        by_event,
        {f"{name} of {source}": tables.texts.get(at, "") for (source, name), at in tables.events.items()},
    )


def _links(found: Testimony, records: Collection[Record], tables: Tables) -> None:
    """Each pseudonym was linked to one subject, in the topic and in the database alike."""
    linked: dict[str, set[bytes]] = defaultdict(set)
    for record in records:
        linked[record.key.decode()].add(json.loads(record.value)["data"]["subject"].encode())
    _same(found, "subjects", linked, tables.subjects)


def _same(found: Testimony, topic: str, published: Mapping[str, set[bytes]], stored: Mapping[str, str]) -> None:
    _say(found, f"rows are not on the topic of {topic}", set(stored) - set(published))
    _say(found, f"records on the topic of {topic} have no row", set(published) - set(stored))
    unlike = [name for name, texts in published.items() if name in stored and texts != {stored[name].encode()}]
    _say(found, f"records on the topic of {topic} say something else than their rows, or than each other", unlike)


def _say(found: Testimony, what: str, which: Collection[object]) -> None:
    if which:
        found.faults.append(f"{len(which)} {what}, such as {', '.join(sorted(map(str, which))[:SHOWN])}")


def _by_id(records: Collection[Record]) -> dict[str, set[bytes]]:
    by_id: dict[str, set[bytes]] = defaultdict(set)
    for record in records:
        by_id[json.loads(record.value)["id"]].add(record.value)
    return by_id


def _key_of(value: bytes) -> Key | None:
    try:
        document = json.loads(value)
        return str(document["source"]), str(document["id"])
    except (ValueError, KeyError, TypeError):
        return None


def _name(where: Where) -> str:
    return "/".join(map(str, where))
