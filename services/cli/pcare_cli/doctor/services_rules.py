"""Whether every copy of every service is well, and all of them work by the same rules. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pcare_cli.doctor.findings import Check, Finding, Level
from pcare_cli.doctor.services_facts import Copy

CLOCK_WARN, CLOCK_WRONG = 5.0, 60.0
REGISTER_SECONDS = 60.0
NO_METRICS = "they do not show their metrics"
TOKEN = "Set PCARE_METRICS_TOKEN to the token that the services have."  # noqa: S105 - the name of a setting

ALIVE = Check("services", "every copy answers and is ready")
ALIKE = Check("services", "copies are of one release and one set of rules")
CLOCKS = Check("services", "clocks agree")
WORK = Check("services", "nothing is held back")

AWAY = ALIVE.kind(
    "service-away",
    Level.WRONG,
    means="A copy does not answer: it is not started, has ended, or its address is wrong.",
    do="See the last line of its log. Ended with 75 or killed: start it again, its supervisor should have. With 78: "
    "the line says what to do first. A certificate that is not trusted: PCARE_DOCTOR_SSL_CAFILE.",
    command="curl {address}/health/ready",
)
NOT_LIVE = ALIVE.kind(
    "service-not-live",
    Level.WRONG,
    means="Its loop does not turn. It ends itself within a minute, with the stacks of its threads in its log.",
    do="Let its supervisor start it again; then docs/operate.md, 'It ended with 75 and stacks'.",
)
NOT_READY = ALIVE.kind(
    "service-not-ready",
    Level.WRONG,
    means="It has work and does not get on, or something that it depends on is away. Its own words say which.",
    do="Put right what it names: PostgreSQL and Kafka are looked at above. Just started: give it a minute. If both are "
    "well and it stays so, docs/operate.md, 'It ended with 75 and stacks'.",
    command="curl {address}/health/ready",
)
BREAKER = WORK.kind(
    "breaker-open",
    Level.WRONG,
    means="A circuit breaker is open: most of what a topic brings would be rejected, so it is read no further. Other "
    "topics go on. Decide within the topic's retention, or what waits is lost.",
    do="See what was rejected and whose fault it is. Ours: run a release, or a register, that is right; it goes on by "
    "itself. The provider's: have it stop sending, then let what waits go to the desk.",
    command="pcare rejected list\npcare breaker release {topic} --dry-run\npcare breaker release {topic} --why '...'",
)
BLOCKED = WORK.kind(
    "kpi-partition-blocked",
    Level.WRONG,
    means="The kpi-aggregator cannot count a record: its partition's numbers stand still until that is corrected.",
    do="Report it with the log of {address}. Recording goes on, and nothing is lost.",
)
SKIPPED = WORK.kind(
    "kpi-skipped",
    Level.WARN,
    means="The log holds events of a type or version that this kpi-aggregator does not know, and does not count.",
    do="Upgrade every copy of the kpi-aggregator to the recorder's release (docs/upgrading.md): it reads the log anew.",
)
APART = WORK.kind(
    "persons-apart",
    Level.WARN,
    means="Events came that name one person by two pseudonyms, which are linked to two subjects.",
    do="The key was exchanged without `pcare keys rotate`, or a provider mixes people up: the recorder's log says "
    "where, docs/keys.md what to do.",
    command="pcare keys show",
)
REGISTER = WORK.kind(
    "register-stale",
    Level.WRONG,
    means="ingest goes by a register and credentials that it has not been able to read for a while: what was revoked "
    "since still opens. After PCARE_INGEST_REGISTER_STALE it answers everything 503.",
    do="See that PostgreSQL answers {address}, with the login in its PCARE_POSTGRES_DSN and the role pcare_edge.",
)
REFUSES = WORK.kind(
    "sealer-refuses",
    Level.WRONG,
    means="The record contradicts a checkpoint that was signed: something that was sealed was changed, moved or "
    "removed. Nothing more is signed until a person has looked.",
    do="Change nothing, and go by docs/runbooks/PcareSealerRefuses.md, now.",
    command="curl {address}/health/ready",
)
VERSIONS = ALIKE.kind(
    "versions-differ",
    Level.WARN,
    means="Copies are of different releases, which is right for the length of an upgrade and no longer.",
    do="Finish the upgrade, or take it back: docs/upgrading.md says in which order.",
)
RULES = ALIKE.kind(
    "rules-differ",
    Level.WARN,
    means="Copies judge events under different rules: another release, another PCARE_PROVIDER_REGISTER, or a copy of "
    "ingest that does not go by the register of the database. What ingest accepts the recorder may reject.",
    do="Give all copies the same PCARE_PROVIDER_REGISTER and release, and ingest PCARE_INGEST_CREDENTIALS=register. "
    "Within seconds of a change of the register it is nothing: look again.",
    command="pcare providers list",
)
CATALOGUES = ALIKE.kind(
    "catalogues-differ",
    Level.WRONG,
    means="Copies of the kpi-aggregator count by different catalogues: who is asked decides what the number is.",
    do="Start every copy with the same PCARE_KPI_CATALOGUE and PCARE_KPI_TARGETS, and let SQL follow.",
    command="pcare migrate",
)
CLOCK_OFF = CLOCKS.kind(
    "clock-off",
    Level.WARN,
    means="A machine's clock is off by seconds. Certificates, tokens and the instant of the numbers go by it.",
    do="See that time synchronisation runs on {where}, and on this machine.",
    command="timedatectl",
)
CLOCK_WRONG_BY_FAR = CLOCKS.kind(
    "clock-wrong",
    Level.WRONG,
    means="A machine's clock is off by more than a minute: good events are refused as of the future, tokens as "
    "expired, and KPIs turn the year at the wrong moment.",
    do="Put the clock of {where} right (or this machine's, if all are apart), and see why it is not kept.",
    command="timedatectl",
)


def of_copies(copies: Sequence[Copy]) -> list[Finding]:
    """Judge whether they answer and are ready, and what they hold back."""
    found = []
    for one in copies:
        name = f"{one.service} {one.address}"
        if one.trouble is not None:
            found.append(AWAY.found(f"{name}: {one.trouble}", address=one.address))
        elif one.not_live:
            found.append(NOT_LIVE.found(f"{name}: {'; '.join(one.not_live)}"))
        elif one.not_ready and not _refuses(one):  # which is said by itself
            found.append(NOT_READY.found(f"{name}: {'; '.join(one.not_ready)}", address=one.address))
    counted: dict[str, int] = defaultdict(int)
    for one in copies:
        counted[one.service] += 1
    words = ", ".join(f"{number} of {service}" for service, number in counted.items())
    answering = [one for one in copies if one.trouble is None]
    return [*(found or [ALIVE.well(words)]), *_of_work(answering), *_of_rules(answering)]


def _refuses(one: Copy) -> bool:
    return any(value for _, value in one.values("pcare_seal_refused"))


def _of_work(copies: Sequence[Copy]) -> list[Finding]:
    found = []
    for one in copies:
        found += [
            BREAKER.found(f"{labels['topic']}, at {one.address}", topic=labels["topic"])
            for labels, value in one.values("pcare_recorder_breaker_open")
            if value
        ]
        found += [
            BLOCKED.found(f"partition {labels['partition']} at offset {value:.0f}", address=one.address)
            for labels, value in one.values("pcare_kpi_partition_blocked_offset")
        ]
        found += [
            SKIPPED.found(f"{value:,.0f} of {labels['type']}, at {one.address}")
            for labels, value in one.values("pcare_kpi_skipped_events")
            if value
        ]
        found += [
            APART.found(f"{value:,.0f} events, at {one.address}")
            for _, value in one.values("pcare_recorder_persons_apart_total")
            if value
        ]
        found += [
            REGISTER.found(f"{one.address}: not read for {value:,.0f} s", address=one.address)
            for _, value in one.values("pcare_ingest_register_age_seconds")
            if value > REGISTER_SECONDS
        ]
        if _refuses(one):
            found.append(REFUSES.found(f"{one.address}: {'; '.join(one.not_ready)}", address=one.address))
    if copies and not any(one.metrics for one in copies):
        return [WORK.unseen(NO_METRICS, TOKEN)]
    return found or ([WORK.well("no breaker is open, every event is counted")] if copies else [])


def _of_rules(copies: Sequence[Copy]) -> list[Finding]:
    found = []
    for kind, metric, label, services in (
        (VERSIONS, "pcare_build_info", "version", None),
        (RULES, "pcare_build_info", "rules", None),
        (CATALOGUES, "pcare_kpi_catalogue_info", "version", "kpi-aggregator"),
    ):
        said = _said(copies, metric, label)
        if len(said) > 1:
            saw = "; ".join(f"{value}: {', '.join(sorted(where))}" for value, where in sorted(said.items()))
            found.append(kind.found(f"{services or label}: {saw}"))
    if not copies:
        return []
    if not any(one.metrics for one in copies):
        return [ALIKE.unseen(NO_METRICS, TOKEN)]
    versions, rules = _said(copies, "pcare_build_info", "version"), _said(copies, "pcare_build_info", "rules")
    return found or [ALIKE.well(f"release {', '.join(versions) or 'unknown'}, rules {', '.join(rules) or 'unknown'}")]


def _said(copies: Sequence[Copy], metric: str, label: str) -> dict[str, set[str]]:
    """Return by what a label says which copies say it."""
    said: dict[str, set[str]] = defaultdict(set)
    for one in copies:
        for labels, _ in one.values(metric):
            if labels.get(label):
                said[labels[label]].add(f"{one.service} {one.address}")
    return dict(said)


def of_clocks(apart: Iterable[tuple[str, float]]) -> list[Finding]:
    """Judge by how many seconds the clocks of others are ahead of this machine's."""
    found, most, seen = [], 0.0, 0
    for where, seconds in apart:
        seen += 1
        most = max(most, abs(seconds))
        if abs(seconds) > CLOCK_WARN:
            kind = CLOCK_WRONG_BY_FAR if abs(seconds) > CLOCK_WRONG else CLOCK_OFF
            side = "ahead of" if seconds > 0 else "behind"
            found.append(kind.found(f"{where} is {abs(seconds):.0f} s {side} this machine", where=where))
    return found or [CLOCKS.well(f"{seen} clocks within {max(1.0, most):.0f} s of this machine's")]
