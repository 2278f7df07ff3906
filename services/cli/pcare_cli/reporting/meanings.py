"""What each kind of difference means to somebody who is no programmer, and what to do about it."""

from collections.abc import Mapping
from typing import NamedTuple


class Meaning(NamedTuple):
    """A kind of difference in words."""

    title: str
    means: str
    do: str


MEANINGS: Mapping[str, Meaning] = {
    "row-missing": Meaning(
        "On the log, not in the database",
        "The log holds an event of which the database has no row: the row was deleted, or a restore brought back an "
        "older state. SQL counts too few.",
        "Find out in the acts (`pcare audit trail`) and PostgreSQL's own log who deleted or restored. Then rebuild the "
        "database from the log (`pcare rebuild`), and replay again.",
    ),
    "row-not-in-log": Meaning(
        "In the database, not on the log",
        "The database has a row that the log does not hold: it was put in by hand, or its record on the log is lost. "
        "SQL counts something that nobody else can show.",
        "Ask the provider whether they sent this event. Compare with the signed checkpoints (`pcare audit verify`): "
        "they tell whether it was ever published.",
    ),
    "row-differs": Meaning(
        "A column of a row is not what the event says",
        "The row's text and its columns disagree, or its column disagrees with the log: somebody changed one cell. "
        "What was expected is what the log says.",
        "Find out who could write to the table. Rebuild the database from the log (`pcare rebuild`), and replay again.",
    ),
    "text-differs": Meaning(
        "The stored text is not the text on the log",
        "The database keeps each event's text to the byte; this one is another than the log's. One of the two was "
        "changed after it was published.",
        "Verify against the signed checkpoints (`pcare audit verify`): they show which of the two is the one that was "
        "sealed.",
    ),
    "log-record-missing": Meaning(
        "Missing on the log",
        "The database recorded and published an event that does not stand on the log: the topic was deleted, cut off "
        "or made again. The board counts too few.",
        "See whether the topic's settings were changed (`pcare topics check`). Publish again from the database, as "
        "docs/disaster-recovery.md says.",
    ),
    "log-repeat-differs": Meaning(
        "Two records of one event are not the same",
        "A record may stand on the log twice, after a crash, but then with the same bytes. These two differ: one of "
        "them was written by something else than the recorder.",
        "Find out who may write to interventions.recorded (`pcare kafka check`), and keep both records' places.",
    ),
    "verdict-differs": Meaning(
        "The checks reach another verdict today",
        "Judged again under the same rules version, the event would be refused where it was accepted, or the other way "
        "round. The rules or the program were changed under the same name, or the verdict was forged.",
        "Compare the rules versions of this report with those that were in force then. Ask the developers; do not "
        "repair it by hand.",
    ),
    "rejection-missing": Meaning(
        "A refusal is missing",
        "A record was refused, and the refusal stands neither where it is kept nor on its topic. The provider was "
        "never told, or cannot be shown any more what was refused.",
        "Look for it in the acts (`pcare audit trail`): an erasure would say so. If there is none, tell the provider.",
    ),
    "rejection-differs": Meaning(
        "A refusal's reasons are not those that the checks give",
        "The refusal is there, with another reason than the checks find today under the same rules version.",
        "Compare the rules versions; tell the provider if they were given a wrong reason.",
    ),
    "submitted-unaccounted": Meaning(
        "Received, and then nothing",
        "A provider's event was received, and it is neither recorded, nor a repeat, nor refused. It may be lost.",
        "Ask the provider to send it again: to repeat is safe. Keep the place; it tells the operators where to look.",
    ),
    "rejected-record-missing": Meaning(
        "A refusal is not on its topic",
        "The database has the refusal, and interventions.rejected does not, where the providers' own systems read it.",
        "See how long the topic keeps its records; within that time it must be there. Publish it again.",
    ),
    "content-hash-differs": Meaning(
        "An event's fingerprint is wrong",
        "Each row holds a fingerprint (SHA-256) of what the event says. Worked out again it is another: the content, "
        "or the fingerprint, was changed.",
        "Take the log's text as the truth only after `pcare audit verify` has found it sealed.",
    ),
    "kpi-differs": Meaning(
        "A number is not the same in all three ways of counting",
        "The replay of the log, the database and the running service do not agree about a KPI. At least one of the "
        "three rests on other events than the others, or counts wrongly.",
        "If other differences are listed above, repair these first: the number often follows. If not, ask for its "
        "provenance: `pcare audit explain`. Do not publish the number until then.",
    ),
    "count-differs": Meaning(
        "The sums do not agree",
        "Received is not recorded + repeated + refused, or a tally that a service keeps is not what is there. "
        "Something was lost, or a tally was changed.",
        "`pcare doctor` names the partition and says what to do.",
    ),
    "link-differs": Meaning(
        "A person's link is not the one that was published",
        "The table that joins a pseudonym to a person in the record disagrees with the log: two persons may count as "
        "one, or one as two.",
        "See in the acts (`pcare audit trail`) whether persons were merged or erased at the time. If not, rebuild the "
        "database from the log (`pcare rebuild`).",
    ),
}

UNKNOWN = Meaning(
    "Differences of a kind that this version cannot explain",
    "The replay was made by a newer version, which tells more kinds of difference apart.",
    "Make the report with the version that made the replay.",
)


def meaning(kind: str) -> Meaning:
    """Return what a kind of difference means."""
    return MEANINGS.get(kind, UNKNOWN)
