"""Whether the database server is well: itself, its sessions, schema, roles and room. Pure."""

from pcare_cli.doctor.findings import Check, Finding, Level
from pcare_cli.doctor.server_facts import Roles, Server, Sessions

TESTED = 18
"""The major version that this release is tested with."""

LOCK_SECONDS = 20.0
TRANSACTION_SECONDS = 600.0
IDLE_SECONDS = 120.0
XID_WARN, XID_WRONG = 500_000_000, 1_500_000_000
CONNECTIONS = 0.85
DISK_WARN, DISK_WRONG = 0.70, 0.85
GIGABYTE = 1e9
UNLIMITED = ("pcare-rebuild", "pg_dump")
"""Programs whose transactions take as long as they take."""

ANSWERS = Check("PostgreSQL", "answers")
SAFE = Check("PostgreSQL", "keeps what it is given")
ROOM = Check("PostgreSQL", "has room")
SCHEMA = Check("PostgreSQL", "the schema is this release's")
SESSIONS = Check("PostgreSQL", "nobody keeps others waiting")
ROLES = Check("PostgreSQL", "each login may do its own work")

AWAY = ANSWERS.kind(
    "postgres-away",
    Level.WRONG,
    means="PostgreSQL does not answer. The recorder waits, events wait in Kafka; ingest takes events and gives no "
    "receipts; the kpi-aggregator does not notice.",
    do="Start PostgreSQL, and see in its log why it ended. If it runs, see the network, and the address in "
    "PCARE_POSTGRES_DSN. If it is lost for good: docs/disaster-recovery.md.",
)
REFUSES = ANSWERS.kind(
    "postgres-refuses",
    Level.WRONG,
    means="PostgreSQL answers and does not let this login in, or the database is not there.",
    do="{words}",
)
OTHER_VERSION = ANSWERS.kind(
    "postgres-older",
    Level.WARN,
    means="The server is of an older major version than this release is tested with.",
    do="Plan its upgrade: docs/upgrading.md.",
)
STANDBY = ANSWERS.kind(
    "postgres-standby",
    Level.WARN,
    means="The address names a standby, which nobody can write to: a recorder with this address waits.",
    do="Give the services the primary's address. For the doctor it does no harm, but what it sees may be late.",
)
UNSAFE = SAFE.kind(
    "postgres-unsafe-setting",
    Level.WRONG,
    means="The server may lose what was committed when it loses power. The recorder then refuses to run until the "
    "database is rebuilt.",
    do="Set {settings} to on, and load the settings again.",
    command='psql -c "ALTER SYSTEM SET {first} = on" -c "SELECT pg_reload_conf()"',
)
DAMAGED = SAFE.kind(
    "postgres-damaged",
    Level.WRONG,
    means="Checksums of pages failed: the disk, or what is between, has damaged data.",
    do="Stop the recorders. Make a copy of what there is, look at the disk, restore the newest backup and rebuild: "
    "docs/disaster-recovery.md.",
)
DISK_LOW = ROOM.kind(
    "postgres-disk-low",
    Level.WARN,
    means="The database fills more than 70 % of the disk that PCARE_DOCTOR_POSTGRES_GIGABYTES states.",
    do="Order a larger disk: docs/sizing.md says how fast it fills, docs/day-2.md how to add one.",
)
DISK_FULL = ROOM.kind(
    "postgres-disk-nearly-full",
    Level.WRONG,
    means="The database fills more than 85 % of its disk. A server without room stops; the recorder then waits.",
    do="Add room now: docs/day-2.md. Delete nothing by hand, least of all in pg_wal.",
)
XID_OLD = ROOM.kind(
    "postgres-transaction-ids-old",
    Level.WARN,
    means="Autovacuum has not frozen old rows for long: at two thousand million transactions the server stops writing.",
    do="See what keeps it from that: a transaction that is open for days, a prepared one, a replication slot that "
    "nobody reads. Then freeze by hand.",
    command="vacuumdb --all --freeze --jobs 2",
)
XID_ENDS = ROOM.kind(
    "postgres-transaction-ids-end",
    Level.WRONG,
    means="Transaction ids are about to run out: the server will stop writing to protect the data.",
    do="End what holds the oldest transaction, and freeze now, the oldest tables first.",
    command="vacuumdb --all --freeze --jobs 2",
)
CONNECTIONS_LOW = ROOM.kind(
    "postgres-connections-low",
    Level.WARN,
    means="Nearly all connections are taken: the next service that starts may be refused.",
    do="See who has them, end those that nobody needs, or raise max_connections and start the server again.",
    command='psql -c "SELECT usename, application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC"',
)
BEHIND = SCHEMA.kind(
    "schema-behind",
    Level.WRONG,
    means="The database lacks migrations of this release. A recorder of this release refuses to start.",
    do="Bring it up to date, as its owner. It may be repeated.",
    command="pcare migrate",
)
AHEAD = SCHEMA.kind(
    "schema-newer",
    Level.WRONG,
    means="The database was migrated by a newer or another release than this command's.",
    do="Run the release that migrated it, of this command and of every service. A migration is never undone: to go "
    "back, restore the backup of before (docs/upgrading.md).",
)
BLOCKED = SESSIONS.kind(
    "postgres-blocked",
    Level.WRONG,
    means="A session waits for a lock that another one holds, for longer than any of ours needs it.",
    do="See what session {blockers} is, and whose. End it if its owner cannot: what it has not committed is undone.",
    command='psql -c "SELECT pg_terminate_backend({first})"',
)
LONG = SESSIONS.kind(
    "postgres-long-transaction",
    Level.WARN,
    means="A transaction has been open for more than ten minutes, or for two of them without doing anything. It keeps "
    "rows from being cleaned up, and may hold locks.",
    do="Ask whoever runs {program} to end it, or end it.",
    command='psql -c "SELECT pg_terminate_backend({pid})"',
)
ROLE_MISSING = ROLES.kind(
    "roles-missing",
    Level.WARN,
    means="Roles by which logins are given their rights are missing: somebody may be working with more than they need.",
    do="Migrate as a user that may create roles, or run what `pcare migrate` prints for an administrator.",
    command="pcare migrate",
)
OVERMIGHTY = ROLES.kind(
    "login-superuser",
    Level.WARN,
    means="A service is connected as a superuser. Whoever takes it over may do anything with the database.",
    do="Give it a login of its own with the role pcare_recorder or pcare_edge (docs/security.md), put that into its "
    "PCARE_POSTGRES_DSN, and start it again.",
)


def of_server(facts: Server, disk_gigabytes: float | None = None) -> list[Finding]:
    """Judge the server, its settings and its room."""
    found = []
    if facts.version // 10_000 < TESTED:
        found.append(OTHER_VERSION.found(f"version {facts.version_words}; tested with {TESTED}"))
    if facts.standby:
        found.append(STANDBY.found("it is in recovery"))
    return [
        *(found or [ANSWERS.well(f"version {facts.version_words}")]),
        *_of_safety(facts),
        *_of_room(facts, disk_gigabytes),
    ]


def _of_safety(facts: Server) -> list[Finding]:
    found = []
    if facts.unsafe:
        names = sorted(facts.unsafe)
        saw = ", ".join(f"{name} is {facts.unsafe[name]}" for name in names)
        found.append(UNSAFE.found(saw, settings=", ".join(names), first=names[0]))
    if facts.damaged_pages:
        found.append(DAMAGED.found(f"{facts.damaged_pages} pages failed their checksum"))
    return found or [SAFE.well("commits are safe; no page failed its checksum")]


def _of_room(facts: Server, disk_gigabytes: float | None) -> list[Finding]:
    size = f"{facts.bytes / GIGABYTE:,.2f} GB"
    found = []
    if disk_gigabytes is not None:
        share = facts.bytes / GIGABYTE / disk_gigabytes
        size += f" of {disk_gigabytes:,.0f}"
        if share > DISK_WARN:
            found.append((DISK_FULL if share > DISK_WRONG else DISK_LOW).found(f"{size} ({share:.0%})"))
    if facts.xid_age > XID_WARN:
        kind = XID_ENDS if facts.xid_age > XID_WRONG else XID_OLD
        found.append(
            kind.found(f"the oldest is {facts.xid_age:,} transactions old; frozen at {facts.xid_freezes_at:,}")
        )
    if facts.connections > CONNECTIONS * facts.max_connections:
        found.append(CONNECTIONS_LOW.found(f"{facts.connections} of {facts.max_connections}"))
    words = f"{size}; {facts.connections} of {facts.max_connections} connections; oldest transaction {facts.xid_age:,}"
    return found or [ROOM.well(words)]


def of_sessions(facts: Sessions) -> list[Finding]:
    """Judge who waits, and whose transactions are open."""
    found = []
    for one in facts.waiting:
        if one.seconds > LOCK_SECONDS and one.blockers:
            blockers = ", ".join(map(str, one.blockers))
            saw = f"{one.program or 'a session'} ({one.pid}) waits for {blockers} since {one.seconds:.0f} s"
            found.append(BLOCKED.found(saw, blockers=blockers, first=one.blockers[0]))
    for other in facts.transactions:
        if other.program in UNLIMITED:
            continue
        if other.seconds > (IDLE_SECONDS if other.idle else TRANSACTION_SECONDS):
            program = other.program or "a program without a name"
            idle = ", idle" if other.idle else ""
            saw = f"{program} (session {other.pid}): open for {other.seconds:.0f} s{idle}"
            found.append(LONG.found(saw, program=program, pid=other.pid))
    if found or facts.seen:
        return found or [SESSIONS.well(f"{len(facts.transactions)} transactions are open")]
    return [
        SESSIONS.well("nobody waits for a lock"),
        SESSIONS.unseen("how long others' transactions are open", "Grant this login the role pg_read_all_stats."),
    ]


def of_roles(facts: Roles) -> list[Finding]:
    """Judge the roles."""
    found = []
    if facts.missing:
        found.append(ROLE_MISSING.found(", ".join(facts.missing)))
    if facts.overmighty:
        found.append(OVERMIGHTY.found(", ".join(facts.overmighty)))
    return found or [
        ROLES.well(f"looked at as {facts.login}, member of {', '.join(facts.member_of) or 'none of ours'}")
    ]


def of_schema(trouble: str | None, migrations: int) -> list[Finding]:
    """Judge what `pcare_recorder.migrate.check` says of the schema: None where it is this release's."""
    if trouble is None:
        return [SCHEMA.well(f"all {migrations} migrations are applied")]
    return [(BEHIND if "lacks" in trouble else AHEAD).found(trouble.split(" Run ")[0])]
