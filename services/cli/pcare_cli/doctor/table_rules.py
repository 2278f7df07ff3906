"""What the tables say beside the cursors: the accounting, keys, credentials, merges. Pure."""

import datetime as dt

from pcare_cli.accounting import Cursor, PartitionAccount
from pcare_cli.doctor.findings import Check, Finding, Level
from pcare_cli.doctor.record_facts import Record

ROTATION_IS_LONG = dt.timedelta(days=30)
CREDENTIAL_WARN = dt.timedelta(days=30)
MERGE_IS_LATE = dt.timedelta(minutes=5)
LISTED = 5

ACCOUNTING = Check("record", "submitted = recorded + duplicates + rejected")
KEY = Check("record", "the pseudonym key")
CREDENTIALS = Check("record", "providers' credentials")
ACTS = Check("record", "nothing that somebody began is left open")

UNACCOUNTED = ACCOUNTING.kind(
    "record-unaccounted",
    Level.WARN,
    means="Offsets of a partition are neither recorded, nor duplicates, nor rejected. Markers of a provider's "
    "transactions take offsets and are no events; an accepted gap was lost. Anything else is a mistake of ours.",
    do="Count the records themselves. If that finds a difference too, keep topic and database as they are, and report "
    "it.",
    command="pcare doctor --thorough",
)
NOT_EXACT = ACCOUNTING.kind(
    "record-not-exact",
    Level.WRONG,
    means="The records that Kafka holds of a partition were counted, all of them, and are not as many as the database "
    "accounts for.",
    do="Something is not accounted for: keep topic and database as they are, and report it, with what it says.",
)
ROWS_DIFFER = ACCOUNTING.kind(
    "record-rows-differ",
    Level.WRONG,
    means="A partition's counters in the database are not as many as its rows: somebody changed the tables by hand, or "
    "a restore was incomplete.",
    do="Stop the recorders and rebuild from the log; keep the database as it is for the enquiry.",
    command="pcare rebuild",
)
ROTATION = KEY.kind(
    "key-rotation-open",
    Level.WARN,
    means="The pseudonym key has been changed for a month, and the change is not finished: ingest needs both keys.",
    do="See how many persons are to go, and finish it, or decide to keep both keys (docs/keys.md).",
    command="pcare keys show\npcare keys rotate --finish --why '...'",
)
EXPIRED = CREDENTIALS.kind(
    "credential-expired",
    Level.WRONG,
    means="A provider has no valid credential left: what it sends over HTTP is refused, 401.",
    do="Give {code} another one, and send it by a safe way (docs/credentials.md).",
    command="pcare providers key new {code} --why '...'",
)
EXPIRES = CREDENTIALS.kind(
    "credential-expires",
    Level.WARN,
    means="The last credential of a provider is about to expire.",
    do="Agree with {code} on another one now: both are valid until the old one ends.",
    command="pcare providers key new {code} --why '...'",
)
MERGE_WAITS = ACTS.kind(
    "merge-not-published",
    Level.WARN,
    means="Two persons were merged in the database, and no recorder has published it: KPIs count both.",
    do="A recorder does it within seconds. See that one runs, and what its log says.",
)
REBUILDING = ACTS.kind(
    "rebuild-under-way",
    Level.WARN,
    means="A rebuild holds the database. Recorders refuse to start until it has ended.",
    do="Let it end. If nobody runs one, end the session that holds the lock, and run the rebuild again.",
    command="psql -c \"SELECT pid FROM pg_stat_activity WHERE application_name = 'pcare-rebuild'\"",
)


def of_record(facts: Record) -> list[Finding]:
    """Judge everything that the tables say."""
    return [*_accounting(facts), *_key(facts), *_credentials(facts), *_acts(facts)]


def _accounting(facts: Record) -> list[Finding]:
    unlike = [(one, missing) for one in facts.counts if (missing := _missing(one))]
    if not unlike:
        total = sum(one.recorded + one.duplicates + one.rejected for one in facts.counts)
        lost = sum(one.lost for one in facts.counts)
        also = f"; {lost:,} were lost, as somebody accepted (pcare.gaps)" if lost else ""
        return [ACCOUNTING.well(f"{total:,} events{also}")]
    one, missing = max(unlike, key=lambda pair: pair[1])
    total = sum(missing for _, missing in unlike)
    saw = f"{total:,} offsets in {len(unlike)} partitions, {missing:,} of them in {one.topic}/{one.partition}"
    return [UNACCOUNTED.found(saw)]


def _missing(one: Cursor) -> int:
    return one.next_offset - one.base_offset - one.recorded - one.duplicates - one.rejected - one.lost


def _key(facts: Record) -> list[Finding]:
    if facts.rotating is None:
        return [KEY.well("is not being changed")]
    old, new = facts.rotating
    age = dt.timedelta(0) if facts.rotating_since is None else facts.now - facts.rotating_since
    saw = f"being changed from {old} to {new}, for {age.days} days"
    return [ROTATION.found(saw)] if age > ROTATION_IS_LONG else [KEY.well(saw)]


def _credentials(facts: Record) -> list[Finding]:
    found = []
    for one in facts.last_credentials:
        left = one.until - facts.now
        if left < dt.timedelta(0):
            found.append(EXPIRED.found(f"{one.code}: expired on {one.until:%d %B %Y}", code=one.code))
        elif left < CREDENTIAL_WARN:
            found.append(EXPIRES.found(f"{one.code}: until {one.until:%d %B %Y %H:%M} UTC", code=one.code))
    return found or [CREDENTIALS.well(f"none expires within {CREDENTIAL_WARN.days} days")]


def _acts(facts: Record) -> list[Finding]:
    found = []
    since = facts.merges_waiting_since
    if since is not None and facts.now - since > MERGE_IS_LATE:
        found.append(MERGE_WAITS.found(f"waits since {since:%d %B %Y %H:%M} UTC"))
    if facts.rebuilding:
        found.append(REBUILDING.found("the lock of a rebuild is held"))
    return found or [ACTS.well("no merge, no rebuild")]


def of_accounts(accounts: tuple[PartitionAccount, ...], rows: dict[tuple[str, int], tuple[int, int]]) -> list[Finding]:
    """Judge what was counted record by record. `rows` are those recorded and rejected, by topic and partition."""
    found = []
    for one in accounts:
        cursor = one.cursor
        where = f"{cursor.topic}/{cursor.partition}"
        if one.submitted != one.accounted:
            if one.trouble is not None:  # retention has deleted some, or it moves: then nothing can be told
                found.append(ACCOUNTING.unseen(f"{where}: {one.trouble}"))
            else:
                saw = f"{one.submitted:,} submitted, {one.accounted:,} accounted for"
                found.append(NOT_EXACT.found(f"{where}: {saw}"))
        there = rows.get((cursor.topic, cursor.partition), (0, 0))
        if there != (cursor.recorded, cursor.rejected):
            saw = (
                f"{where}: {cursor.recorded:,} recorded, {cursor.rejected:,} rejected; rows {there[0]:,}, {there[1]:,}"
            )
            found.append(ROWS_DIFFER.found(saw))
    total = sum(one.submitted or 0 for one in accounts)
    return found or [ACCOUNTING.well(f"{total:,} records of Kafka counted, and all rows")]
