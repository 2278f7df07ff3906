"""Whether Kafka is well: brokers, copies, topics, disks, who may do what, and who reads. Pure."""

from collections.abc import Iterable, Sequence

from pcare_cli.doctor.findings import Check, Finding, Level
from pcare_cli.doctor.kafka_facts import Copies, Disk, Group, Layout
from pcare_cli.topic_plan import Difference

LISTED = 3
DISK_WARN, DISK_WRONG = 0.20, 0.10

ANSWERS = Check("Kafka", "brokers answer")
COPIES = Check("Kafka", "every partition has a leader and its copies")
TOPICS = Check("Kafka", "topics are as declared")
DISKS = Check("Kafka", "disks have room")
ACCESS = Check("Kafka", "users may do what is planned")
GROUPS = Check("Kafka", "the services read")

AWAY = ANSWERS.kind(
    "kafka-away",
    Level.WRONG,
    means="No broker answers. ingest answers 503 and senders keep their events; recorder and kpi-aggregator wait.",
    do="Start the brokers, and see why they ended. If they run, PCARE_KAFKA_BOOTSTRAP_SERVERS is wrong for this "
    "machine. The services go on by themselves.",
)
REFUSES = ANSWERS.kind(
    "kafka-refuses",
    Level.WRONG,
    means="Brokers answer and do not let this login in. If it is a service's login, that service stands still.",
    do="Correct the settings that it names. A lost password: give the user another one, then start its service again.",
    command="pcare kafka rotate USER --why '...'",
)
BROKER_MISSING = ANSWERS.kind(
    "kafka-broker-missing",
    Level.WRONG,
    means="Partitions have copies on a broker that is not there. One more loss may stop writing or lose data.",
    do="Start broker {brokers} again, on its own disk. Do not empty the disk of another one meanwhile.",
)
BROKER_FENCED = ANSWERS.kind(
    "kafka-broker-fenced",
    Level.WARN,
    means="A broker has registered, has no copies, and the controller does not hear of it, or does not let it in yet.",
    do="It is starting, or does not reach the controller: see the log of broker {brokers}. Look again in a minute.",
)
LEADERLESS = COPIES.kind(
    "kafka-leaderless",
    Level.WRONG,
    means="A partition has no leader: nothing of it is read or written. Events that are sent to it get 503.",
    do="Start brokers {brokers}, which have its copies. Never allow an unclean election: it loses what was accepted.",
)
TOO_FEW = COPIES.kind(
    "kafka-too-few-in-sync",
    Level.WRONG,
    means="Fewer copies are in sync than min.insync.replicas: brokers refuse every write to the partition.",
    do="Start brokers {brokers}, and let them catch up. Do not lower min.insync.replicas: what is accepted then may be "
    "lost.",
)
UNDER_REPLICATED = COPIES.kind(
    "kafka-under-replicated",
    Level.WARN,
    means="Some copies are not in sync: events are taken, and one more loss may stop that.",
    do="Brokers {brokers} are away or behind: start them, or see their disk and network. It mends itself.",
)
OFFLINE = COPIES.kind(
    "kafka-offline-replicas",
    Level.WRONG,
    means="A broker that is there says that it cannot use its copy: its disk has failed.",
    do="Replace the disk of broker {brokers} that its log names, start it, and let it copy anew from the others.",
)
DIFFERS = TOPICS.kind(
    "topic-differs",
    Level.WRONG,
    means="A topic is missing, or is not kept as deploy/kafka/topics.yaml declares: events may be kept too short, with "
    "too few copies, or stamped with the sender's time.",
    do="{repair}.",
    command="pcare topics check\npcare topics create --repair",
)
DISK_LOW = DISKS.kind(
    "kafka-disk-low",
    Level.WARN,
    means="A broker's disk has less than a fifth of its room left.",
    do="Give broker {broker} a larger disk soon (docs/sizing.md says how fast it fills, docs/day-2.md how).",
)
DISK_FULL = DISKS.kind(
    "kafka-disk-nearly-full",
    Level.WRONG,
    means="A broker's disk has less than a tenth of its room left. A broker whose disk is full ends itself.",
    do="Give broker {broker} a larger disk now: docs/day-2.md. Never delete files of Kafka by hand, and do not shorten "
    "what interventions.recorded keeps: it is the record.",
)
DISK_FAILED = DISKS.kind(
    "kafka-disk-failed",
    Level.WRONG,
    means="A broker cannot use a directory: a disk has failed.",
    do="Replace the disk of broker {broker} and start it: it copies from the others. With one broker alone, restore "
    "as docs/disaster-recovery.md says.",
)
ACCESS_DIFFERS = ACCESS.kind(
    "kafka-access-differs",
    Level.WRONG,
    means="A user of Kafka lacks what its service needs, or may do more than is planned.",
    do="Make it as planned.",
    command="pcare kafka check\npcare kafka add USER --why '...'",
)
NOBODY_READS = GROUPS.kind(
    "group-empty",
    Level.WRONG,
    means="A consumer group has no members: no copy of the service runs, or none reaches Kafka. Events wait; nothing "
    "is lost until retention ends.",
    do="Start a copy of {service}. If one runs, its log says why it does not join; with status 78 its last line says "
    "what to do.",
)
REBALANCES = GROUPS.kind(
    "group-rebalancing",
    Level.WARN,
    means="A group hands its partitions out anew: nothing is read for some seconds.",
    do="Look again in half a minute. If it goes on, copies of {service} come and go: see which one restarts.",
)


def of_layout(facts: Layout) -> list[Finding]:
    """Judge brokers and copies."""
    return [*_of_brokers(facts), *_of_copies(facts.copies, facts.brokers.there)]


def _of_brokers(facts: Layout) -> list[Finding]:
    brokers = facts.brokers
    needed = {broker for one in facts.copies for broker in one.replicas}
    missing, fenced = needed - brokers.there, brokers.fenced - needed
    found = [BROKER_MISSING.found(f"not there: {_ids(missing)}", brokers=_ids(missing))] if missing else []
    if fenced:
        found.append(BROKER_FENCED.found(f"fenced: {_ids(fenced)}", brokers=_ids(fenced)))
    level = "" if brokers.metadata_version is None else f", metadata.version {brokers.metadata_version}"
    return found or [ANSWERS.well(f"{len(brokers.ids)} of them{level}")]


def _of_copies(copies: Sequence[Copies], there: frozenset[int]) -> list[Finding]:
    leaderless = [one for one in copies if one.leader is None]
    too_few = [one for one in copies if one.leader is not None and len(one.in_sync) < one.minimum]
    offline = [one for one in copies if one.leader is not None and there & set(one.offline)]
    told = {one.partition for one in (*leaderless, *too_few, *offline)}
    under = [one for one in copies if one.partition not in told and _lacking(one)]
    found = [
        kind.found(
            _listed(unwell),
            brokers=_ids({broker for one in unwell for broker in (_lacking(one) or set(one.replicas))}),
        )
        for kind, unwell in ((LEADERLESS, leaderless), (TOO_FEW, too_few), (UNDER_REPLICATED, under))
        if unwell
    ]
    if offline:
        found.append(
            OFFLINE.found(_listed(offline), brokers=_ids({id_ for one in offline for id_ in one.offline} & there))
        )
    least = min((len(one.replicas) for one in copies), default=0)
    words = "one copy of each" if least == 1 else f"at least {least} copies of each"
    return found or [COPIES.well(f"{len(copies)} partitions, {words}, all in sync")]


def _lacking(one: Copies) -> set[int]:
    return set(one.replicas) - set(one.in_sync)


def of_topics(unlike: Iterable[Difference]) -> list[Finding]:
    """Put into findings in what the topics differ from the plan."""
    found = [DIFFERS.found(f"{one.topic}: {one.text}", repair=one.repair.removesuffix(".")) for one in unlike]
    return found or [TOPICS.well("as deploy/kafka/topics.yaml has them")]


def of_disks(disks: Sequence[Disk]) -> list[Finding]:
    """Judge how much room the brokers have."""
    found, least = [], 1.0
    for disk in disks:
        if disk.failed:
            found.append(DISK_FAILED.found(f"broker {disk.broker}: {disk.directory}", broker=disk.broker))
        if disk.failed or not disk.total or disk.usable is None:
            continue
        share = disk.usable / disk.total
        least = min(least, share)
        if share < DISK_WARN:
            kind = DISK_FULL if share < DISK_WRONG else DISK_LOW
            saw = f"broker {disk.broker}: {share:.0%} of {disk.total / 1e9:,.0f} GB are free in {disk.directory}"
            found.append(kind.found(saw, broker=disk.broker))
    if not found and not any(disk.total for disk in disks):
        why = "these brokers do not say how much room they have, or not to this user"
        return [DISKS.unseen(why, "Look as Kafka's administrator, or watch the disks from outside.")]
    return found or [DISKS.well(f"at least {least:.0%} are free")]


def of_access(unlike: Iterable[str]) -> list[Finding]:
    """Put into findings in what the users differ from the plan."""
    return [ACCESS_DIFFERS.found(one) for one in unlike] or [ACCESS.well("as deploy/kafka/access.yaml has them")]


def of_groups(groups: Iterable[tuple[Group, str]]) -> list[Finding]:
    """Judge the groups, each with the name of its service."""
    found, well = [], []
    for group, service in groups:
        if group.hidden:
            why = f"this user of Kafka is not told of the group {group.name}"
            found.append(GROUPS.unseen(why, "Look as the operator, or as Kafka's administrator."))
        elif not group.members:
            found.append(NOBODY_READS.found(f"{group.name} has no members ({group.state})", service=service))
        elif "rebalance" in group.state.lower():
            found.append(REBALANCES.found(f"{group.name}: {group.state}, {group.members} members", service=service))
        else:
            well.append(f"{group.name}: {group.members}")
    return [*found, *([GROUPS.well(f"members of {', '.join(well)}")] if well else [])]


def _ids(brokers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(brokers))) or "none"


def _listed(unwell: Sequence[Copies]) -> str:
    shown = ", ".join(str(one.partition) for one in unwell[:LISTED])
    more = len(unwell) - LISTED
    return f"{shown} and {more} more" if more > 0 else shown
