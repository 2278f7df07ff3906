"""Whether the record and the log agree, and move: what makes a recorder refuse to run, and what stands still. Pure."""

import re
from collections.abc import Collection

from pcare_cli.doctor.findings import Check, Finding, Kind, Level
from pcare_cli.doctor.record_facts import Progress
from pcare_common.errors import OperatorError
from pcare_recorder.cursors import Cursor, Held, Partition, start
from pcare_schemas.topics import SUBMITTED_PATTERN

RENAMED = ".before-"
"""In the name of a topic that was made anew, as the manual once had it renamed in the database."""

AGREE = Check("record", "PostgreSQL and Kafka agree")
MOVES = Check("record", "what comes is recorded and published")

LOST = AGREE.kind(
    "record-database-lost",
    Level.WRONG,
    means="More was published than the database knows of: it was lost, or restored from an older state (N below C). "
    "The recorder refuses to run. Nothing is lost: the log has it.",
    do="Stop every recorder, rebuild the database from the log, and start them again. First restore the newest backup, "
    "if there is one: the register, the credentials and the audit trail are in no topic.",
    command="pcare migrate\npcare rebuild\npcare keys show",
)
GAP = AGREE.kind(
    "record-gap",
    Level.WRONG,
    means="Retention deleted events before they were recorded: the recorder was away, or a circuit breaker open, for "
    "longer than the topic keeps records. The recorder refuses to run.",
    do="Ask the provider to send the events of that time again, which is safe. Then tell the recorder to go on, and "
    "start it.",
    command="pcare gap accept {partition} {first} {last} --why '...'",
)
REMADE = AGREE.kind(
    "record-topic-remade",
    Level.WRONG,
    means="A topic was deleted and made anew, or lost its newest records: its offsets are given out a second time. "
    "The recorder refuses to run. What is recorded stays right.",
    do="Did all brokers lose power a moment ago? They may say so for a minute: look again. Else restore a broker that "
    "has the records, if there is one; or let it begin where the database stands, as "
    "docs/recorder.md, 'The topic was made anew', says, and have providers send again what was not recorded.",
    command="pcare topics check",
)
GONE = AGREE.kind(
    "record-topic-gone",
    Level.WARN,
    means="Kafka has no topic any more of which events are recorded.",
    do="If it was deleted on purpose, after it was read to its end, nothing is to be done. Else make it again, and see "
    "docs/recorder.md, 'The topic was made anew'.",
    command="pcare topics check",
)
STANDS_STILL = MOVES.kind(
    "record-stands-still",
    Level.WARN,
    means="Events wait and none of a partition was recorded between two looks, some seconds apart.",
    do="Look again in a minute: after a rebalance it is nothing. Else the recorder's /health/ready says why in words: "
    "a circuit breaker, PostgreSQL, Kafka. No recorder at all: start one.",
    command="pcare doctor",
)
UNPUBLISHED = MOVES.kind(
    "record-not-published",
    Level.WARN,
    means="Events are in the database and not on interventions.recorded: no KPI counts them yet.",
    do="A recorder publishes them when it starts or when Kafka takes them. See that one runs, and that partitions have "
    "their leaders.",
)


def of_progress(facts: Progress) -> list[Finding]:
    """Judge both cursors as a recorder would that begins now, and whether they move."""
    refused = _refused(facts)
    gone = _gone(facts)
    agree = [*refused.values(), *gone] or [AGREE.well(f"{len(facts.held)} partitions")]
    return [*agree, *_moving(facts, refused)]


def _refused(facts: Progress) -> dict[Partition, Finding]:
    found = {}
    for partition, held in sorted(facts.held.items()):
        cursor, committed = facts.cursors.get(partition), facts.committed.get(partition)
        unlike = _refusal(partition, cursor, committed, held)
        if unlike is None and facts.found.get(partition) != facts.last.get(partition):
            unlike = REMADE.found(f"{partition}: the last record that was judged is not in it any more")
        if unlike is not None:
            found[partition] = unlike
    return found


def _gone(facts: Progress) -> list[Finding]:
    gone: dict[str, int] = {}
    for partition, cursor in facts.cursors.items():
        ours = re.fullmatch(SUBMITTED_PATTERN, partition.topic) and RENAMED not in partition.topic
        if ours and partition not in facts.held and cursor.next_offset > cursor.base_offset:
            gone[partition.topic] = gone.get(partition.topic, 0) + cursor.recorded
    return [GONE.found(f"{topic}: {events:,} events of it are recorded") for topic, events in sorted(gone.items())]


def _refusal(partition: Partition, cursor: Cursor | None, committed: int | None, held: Held) -> Finding | None:
    try:
        start(partition, cursor=cursor, committed=committed, held=held)
    except OperatorError as error:
        kind = _kind_of(cursor, committed, held)
        first, last = (0 if cursor is None else cursor.next_offset), held.first - 1
        return kind.found(_first_sentences(str(error)), partition=partition, first=first, last=last)
    return None


def _kind_of(cursor: Cursor | None, committed: int | None, held: Held) -> Kind:
    if cursor is None or (committed is not None and cursor.next_offset < committed):
        return LOST
    return GAP if cursor.next_offset < held.first else REMADE


def _first_sentences(message: str) -> str:
    """Return what a recorder's message says was found, without what it says is to be done: that is said beside."""
    return re.split(r" (?:Run `|Ask the |See `)", message)[0]


def _moving(facts: Progress, refused: Collection[Partition]) -> list[Finding]:
    still, unpublished, behind = [], [], 0
    for partition, cursor in sorted(facts.cursors.items()):
        held, later = facts.held.get(partition), facts.later.get(partition, cursor)
        if held is None or partition in refused:
            continue
        waiting = held.end - later.next_offset
        behind += max(0, waiting)
        if waiting > 0 and later.next_offset == cursor.next_offset:
            still.append((partition, waiting))
        committed, later_committed = facts.committed.get(partition), facts.later_committed.get(partition)
        if committed is not None and later_committed == committed < cursor.next_offset:
            unpublished.append((partition, cursor.next_offset - committed))
    found = [
        kind.found(_listed(where, facts.seconds))
        for kind, where in ((STANDS_STILL, still), (UNPUBLISHED, unpublished))
        if where
    ]
    recorded = sum(cursor.recorded for cursor in facts.later.values())
    words = f"{behind:,} wait, and it moves" if behind else "nothing waits"
    return found or [MOVES.well(f"{recorded:,} recorded; {words}")]


def _listed(where: list[tuple[Partition, int]], seconds: float) -> str:
    partition, number = max(where, key=lambda one: one[1])
    total = sum(number for _, number in where)
    return (
        f"{total:,} events in {len(where)} partitions, none moved in {seconds:.0f} s; most of them, {number:,}, in "
        f"{partition}"
    )
