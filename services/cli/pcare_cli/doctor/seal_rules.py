"""Whether what is recorded is sealed, and whether table and topic say the same about it. Pure."""

import datetime as dt
from collections.abc import Sequence

from pcare_audit import checkpoint, signed_note
from pcare_cli.doctor.findings import Check, Finding, Level
from pcare_cli.doctor.seal_facts import Sealed, Sealing

SEALER = "sealer"
SCHEDULES = 3
"""So many times as long as one may take, a checkpoint may be late before it is said to be."""

ON_ITS_WAY = dt.timedelta(seconds=10)
"""So long a checkpoint may be in the table and not on the topic yet: it is committed first, and then published."""

SEALED = Check("record", "what is recorded is sealed")
SAME = Check("record", "checkpoints of table and topic agree")
SIGNED = Check("record", "checkpoints are signed by the key that auditors have")

LATE = SEALED.kind(
    "seal-late",
    Level.WARN,
    means="Events were recorded and no checkpoint covers them: until one does, a change of them would not be found by "
    "it. Recording goes on.",
    do="See that a sealer runs (PCARE_DOCTOR_SEALER), and what its /health/ready and the last line of its log say. "
    "docs/runbooks/PcareCheckpointsStopped.md has the rest.",
)
UNPUBLISHED = SAME.kind(
    "checkpoint-not-published",
    Level.WARN,
    means="The newest checkpoint is in the table and not on its topic: Kafka was away, or has lost it.",
    do="The sealer publishes it as soon as it can, within seconds. See that it runs, and that Kafka lets it write "
    "(pcare kafka check).",
)
BEHIND = SAME.kind(
    "checkpoint-table-behind",
    Level.WRONG,
    means="The topic has a checkpoint that the table has not. The database was restored from before it, or somebody "
    "removed the row.",
    do="Was it restored, and the sealer is not started yet? Start it: it takes over what the topic has. Else somebody "
    "removed it: keep topic and database as they are, and go by docs/runbooks/PcareSealerRefuses.md.",
)
DIFFERS = SAME.kind(
    "checkpoints-differ",
    Level.WRONG,
    means="Table and topic have different checkpoints of the same number of leaves and time: one of them was changed.",
    do="Keep both as they are, stop nothing but the sealer, and go by docs/runbooks/PcareSealerRefuses.md.",
)
NOT_SIGNED = SIGNED.kind(
    "checkpoint-not-signed",
    Level.WRONG,
    means="The newest checkpoint is not signed by any public key that the doctor was given: whoever audits will not "
    "believe it.",
    do="Was the signing key changed? Hand the new public key to the auditors, and name both in "
    "PCARE_DOCTOR_CHECKPOINT_KEYS (docs/day-2.md, 'Change a secret'). If nobody changed it: "
    "docs/runbooks/PcareSealerRefuses.md.",
)
KEY_UNREADABLE = SIGNED.kind(
    "checkpoint-key-unreadable",
    Level.WRONG,
    means="A key of checkpoints that was named cannot be read: a sealer with such a key does not start (78).",
    do="Name the files as they are. The private key is PEM (PKCS 8, Ed25519) and readable by the sealer's user; the "
    "public one is what stands in the file beside it.",
)


def of_sealing(facts: Sealing, schedule: dt.timedelta) -> list[Finding]:
    """Judge what is sealed. A checkpoint is made every `schedule` while there is something to seal."""
    return [_late(facts, schedule), _same(facts)]


def _late(facts: Sealing, schedule: dt.timedelta) -> Finding:
    newest = "no checkpoint" if facts.table is None else _words(facts.table)
    if facts.waits_since is not None and facts.now - facts.waits_since > SCHEDULES * schedule:
        return LATE.found(f"{newest}; events wait since {facts.waits_since:%d %B %Y %H:%M} UTC")
    if facts.table is None:
        return SEALED.well("nothing was recorded for long enough to be sealed")
    age = facts.now - facts.table.made_at
    return SEALED.well(f"{newest}, {age.total_seconds() / 60:,.0f} min ago")


def _same(facts: Sealing) -> Finding:
    table, topic = facts.table, facts.topic
    if topic is not None and not facts.held:
        if table is not None and (table.size, table.made_at) == (topic.size, topic.made_at):
            return DIFFERS.found(f"of {topic.size:,} leaves, {topic.made_at:%d %B %Y %H:%M:%S} UTC")
        had = "none" if table is None else _words(table)
        return BEHIND.found(f"the topic has one {_words(topic)}; the table {had}")
    if table is not None and (facts.unpublished or topic is None) and facts.now - table.made_at > ON_ITS_WAY:
        return UNPUBLISHED.found(f"{_words(table)}; the topic has {'none' if topic is None else _words(topic)}")
    return SAME.well("none yet" if table is None else _words(table))


def of_signature(newest: Sealed | None, keys: Sequence[signed_note.Verifier]) -> Finding:
    """Judge the newest checkpoint by the public keys that are known."""
    if newest is None:
        return SIGNED.well("there is none yet")
    for key in keys:
        try:
            checkpoint.parse(key.open(newest.note))
        except (signed_note.NoteError, checkpoint.CheckpointError):
            continue
        return SIGNED.well(f"by {key.name} ({key.key_hash.hex()})")
    return NOT_SIGNED.found(f"not by {', '.join(f'{key.name} ({key.key_hash.hex()})' for key in keys)}")


def _words(one: Sealed) -> str:
    return f"of {one.size:,} leaves, {one.made_at:%d %B %Y %H:%M} UTC"
