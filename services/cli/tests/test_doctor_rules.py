"""What the doctor makes of facts: each kind of finding from facts that lead to it, and none from those that do not."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pcare_audit.checkpoint import Checkpoint
from pcare_audit.signed_note import Signer, Verifier
from pcare_cli.accounting import Cursor as Counts
from pcare_cli.accounting import PartitionAccount
from pcare_cli.doctor import (
    certificates,
    kafka_rules,
    prometheus,
    record_rules,
    seal_rules,
    server_rules,
    services_rules,
    table_rules,
)
from pcare_cli.doctor.findings import Finding, Level
from pcare_cli.doctor.kafka_facts import Brokers, Copies, Disk, Group, Layout
from pcare_cli.doctor.record_facts import Expiring, Progress, Record
from pcare_cli.doctor.seal_facts import Sealed, Sealing
from pcare_cli.doctor.server_facts import Roles, Server, Sessions, Transaction, Waiting
from pcare_cli.doctor.services_facts import Copy
from pcare_cli.topic_plan import Difference
from pcare_recorder.cursors import Cursor, Held, Partition
from pcare_schemas.topics import RECORDED, SUBMITTED

NOW = dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
RKE = f"{SUBMITTED}.rke"
P = Partition(RKE, 0)

COPIES = Copies(Partition(RECORDED, 3), 1, (1, 2, 3), (1, 2, 3), (), 2)
LAYOUT = Layout(Brokers(frozenset({1, 2, 3}), metadata_version=27), (COPIES,))
PROGRESS = Progress(
    committed={P: 10},
    cursors={P: Cursor(0, 10, 8, 1, 1)},
    held={P: Held(0, 10)},
    later={P: Cursor(0, 10, 8, 1, 1)},
    later_committed={P: 10},
    seconds=3,
)
RECORD = Record(NOW, (Counts(RKE, 0, 0, 10, 8, 1, 1),), None, None, None, False, 1, ())
KEY = Ed25519PrivateKey.generate()
NOTE = Signer("pcare", KEY).sign(Checkpoint("uk.nhs.ncl.personalised-care/pcare", 7, bytes(32), NOW).text())
NEWEST = Sealed(7, NOW - dt.timedelta(minutes=5), NOTE)
SEALING = Sealing(NOW, NEWEST, NEWEST, unpublished=False, held=True, waits_since=NOW - dt.timedelta(minutes=15))
SERVER = Server(180001, "18.1", False, {}, 10**9, 10**6, 2 * 10**8, 5, 100, 0)
SESSIONS = Sessions((), (), seen=True)
ROLES = Roles((), (), "auditor", ("pcare_auditor",))
METRICS: dict[str, list[tuple[dict[str, str], float]]] = {
    "pcare_build_info": [({"version": "1.0", "rules": "1-abc"}, 1.0)],
    "pcare_recorder_breaker_open": [({"topic": RKE}, 0.0)],
}
COPY = Copy("recorder", "http://r:8081", apart=0.0, metrics=METRICS)
TARGETS = [{"labels": {"job": job, "instance": f"{job}:1"}, "health": "up"} for job in prometheus.JOBS]
ALERT = {"type": "alerting", "name": "PcareStandsStill", "health": "ok", "alerts": []}
OTHERS = [
    {
        "type": "alerting",
        "name": "Watchdog",
        "health": "ok",
        "alerts": [{"state": "firing", "labels": {"alertname": "Watchdog", "severity": "page"}}],
    },
    {"type": "recording", "name": "cluster:cpu", "health": "err"},
]
"""What else a cluster's Prometheus has: that is not the doctor's."""
SEEN = prometheus.Seen("http://p:9090", TARGETS, [ALERT, {"type": "recording", "name": "pcare:kpi", "health": "ok"}])


def layout(**changed: Any) -> list[Finding]:
    return kafka_rules.of_layout(replace(LAYOUT, copies=(replace(COPIES, **changed),)))


def progress(**changed: Any) -> list[Finding]:
    return record_rules.of_progress(replace(PROGRESS, **changed))


def record(**changed: Any) -> list[Finding]:
    return table_rules.of_record(replace(RECORD, **changed))


def sealing(**changed: Any) -> list[Finding]:
    return seal_rules.of_sealing(replace(SEALING, **changed), dt.timedelta(minutes=5))


def signed(note: str = NOTE, key: Ed25519PrivateKey = KEY) -> list[Finding]:
    return [seal_rules.of_signature(replace(NEWEST, note=note), [Verifier("pcare", key.public_key())])]


def server(gigabytes: float | None = None, **changed: Any) -> list[Finding]:
    return server_rules.of_server(replace(SERVER, **changed), gigabytes)


def copies(*others: Copy, metrics: dict[str, list[tuple[dict[str, str], float]]] | None = None, **changed: Any):
    shown = METRICS | (metrics or {})
    return services_rules.of_copies([replace(COPY, **({"metrics": shown} | changed)), *others])


def seen(**changed: Any) -> list[Finding]:
    return prometheus.judge(replace(SEEN, **changed))


def alert(severity: str) -> list[Finding]:
    firing = {
        "state": "firing",
        "labels": {"alertname": "PcareX", "severity": severity},
        "annotations": {"summary": "x"},
    }
    return seen(rules=[{**ALERT, "alerts": [firing]}, SEEN.rules[1]])


def certificate(until: dt.datetime) -> list[Finding]:
    return certificates.judge([certificates.Certificate("ingest at h:443", until)], NOW)


def accounts(submitted: int, rows: tuple[int, int] = (8, 1)) -> list[Finding]:
    return table_rules.of_accounts((PartitionAccount(RECORD.counts[0], submitted),), {(RKE, 0): rows})


def unaccounted() -> list[Finding]:
    return record(counts=(replace(RECORD.counts[0], rejected=0),))


def other(version: str = "1.0", rules: str = "1-abc", catalogue: str | None = None) -> Copy:
    metrics = {"pcare_build_info": [({"version": version, "rules": rules}, 1.0)]}
    if catalogue:
        metrics["pcare_kpi_catalogue_info"] = [({"version": catalogue}, 1.0)]
    return Copy("kpi-aggregator", "http://k:8082", metrics=metrics)


FOUND: dict[str, tuple[Callable[[], Sequence[Finding]], str]] = {
    "kafka-broker-missing": (
        lambda: kafka_rules.of_layout(replace(LAYOUT, brokers=Brokers(frozenset({1, 2})))),
        "Start broker 3",
    ),
    "kafka-broker-fenced": (
        lambda: kafka_rules.of_layout(replace(LAYOUT, brokers=Brokers(frozenset({1, 2, 3, 4}), frozenset({4})))),
        "log of broker 4",
    ),
    "kafka-leaderless": (lambda: layout(leader=None, in_sync=()), "Start brokers 1, 2, 3"),
    "kafka-too-few-in-sync": (lambda: layout(in_sync=(1,)), "Start brokers 2, 3"),
    "kafka-under-replicated": (lambda: layout(in_sync=(1, 3)), "Brokers 2 are away"),
    "kafka-offline-replicas": (lambda: layout(in_sync=(1, 2), offline=(3,)), "disk of broker 3"),
    "topic-differs": (
        lambda: kafka_rules.of_topics([Difference(RKE, "is missing", "`pcare topics create` makes it")]),
        "`pcare topics create` makes it",
    ),
    "kafka-disk-low": (lambda: kafka_rules.of_disks([Disk(2, "/d", 100, 19)]), "Give broker 2 a larger disk soon"),
    "kafka-disk-nearly-full": (lambda: kafka_rules.of_disks([Disk(2, "/d", 100, 9)]), "a larger disk now"),
    "kafka-disk-failed": (lambda: kafka_rules.of_disks([Disk(2, "/d", None, None, failed=True)]), "disk of broker 2"),
    "kafka-access-differs": (lambda: kafka_rules.of_access(["ingest: is not let in."]), "pcare kafka add"),
    "group-empty": (
        lambda: kafka_rules.of_groups([(Group("pcare-recorder", "Empty", 0), "the recorder")]),
        "Start a copy of the recorder",
    ),
    "group-rebalancing": (
        lambda: kafka_rules.of_groups([(Group("g", "PreparingRebalance", 2), "the recorder")]),
        "in half a minute",
    ),
    "postgres-older": (lambda: server(version=150003), "upgrade"),
    "postgres-standby": (lambda: server(standby=True), "primary"),
    "postgres-unsafe-setting": (lambda: server(unsafe={"fsync": "off"}), "ALTER SYSTEM SET fsync = on"),
    "postgres-damaged": (lambda: server(damaged_pages=1), "Stop the recorders"),
    "postgres-disk-low": (lambda: server(1.4), "larger disk"),
    "postgres-disk-nearly-full": (lambda: server(1.1), "Add room now"),
    "postgres-transaction-ids-old": (lambda: server(xid_age=6 * 10**8), "vacuumdb"),
    "postgres-transaction-ids-end": (lambda: server(xid_age=16 * 10**8), "freeze now"),
    "postgres-connections-low": (lambda: server(connections=86), "max_connections"),
    "schema-behind": (lambda: server_rules.of_schema("The database lacks 0012. Run `x`, then", 12), "pcare migrate"),
    "schema-newer": (
        lambda: server_rules.of_schema("The database is newer than this release: …", 12),
        "Run the release",
    ),
    "postgres-blocked": (
        lambda: server_rules.of_sessions(replace(SESSIONS, waiting=(Waiting(7, "pcare-recorder", (9,), 21),))),
        "pg_terminate_backend(9)",
    ),
    "postgres-long-transaction": (
        lambda: server_rules.of_sessions(replace(SESSIONS, transactions=(Transaction(9, "psql", 130, idle=True),))),
        "pg_terminate_backend(9)",
    ),
    "roles-missing": (lambda: server_rules.of_roles(replace(ROLES, missing=("pcare_edge",))), "pcare migrate"),
    "login-superuser": (
        lambda: server_rules.of_roles(replace(ROLES, overmighty=("pcare-recorder as pcare",))),
        "pcare_recorder",
    ),
    "record-database-lost": (lambda: progress(committed={P: 11}), "pcare rebuild"),
    "record-gap": (
        lambda: progress(committed={P: 10}, held={P: Held(15, 20)}),
        f"pcare gap accept {RKE}/0 10 14 --why '...'",
    ),
    "record-topic-remade": (lambda: progress(held={P: Held(0, 4)}), "made anew"),
    "record-topic-gone": (lambda: progress(held={}), "read to its end"),
    "record-stands-still": (lambda: progress(held={P: Held(0, 12)}), "/health/ready"),
    "record-not-published": (lambda: progress(committed={P: 9}, later_committed={P: 9}), "A recorder publishes them"),
    "record-unaccounted": (unaccounted, "pcare doctor --thorough"),
    "record-not-exact": (lambda: accounts(11), "keep topic and database"),
    "record-rows-differ": (lambda: accounts(10, (7, 1)), "pcare rebuild"),
    "key-rotation-open": (
        lambda: record(rotating=("k1", "k2"), rotating_since=NOW - 31 * DAY),
        "pcare keys rotate --finish",
    ),
    "credential-expired": (
        lambda: record(last_credentials=(Expiring("RKE", NOW - DAY),)),
        "pcare providers key new RKE",
    ),
    "credential-expires": (
        lambda: record(last_credentials=(Expiring("RKE", NOW + 29 * DAY),)),
        "pcare providers key new RKE",
    ),
    "merge-not-published": (
        lambda: record(merges_waiting_since=NOW - dt.timedelta(minutes=6)),
        "A recorder does it",
    ),
    "seal-late": (lambda: sealing(waits_since=NOW - dt.timedelta(minutes=16)), "PCARE_DOCTOR_SEALER"),
    "checkpoint-not-published": (lambda: sealing(topic=None, held=False), "pcare kafka check"),
    "checkpoint-table-behind": (
        lambda: sealing(topic=replace(NEWEST, size=9), held=False),
        "docs/runbooks/PcareSealerRefuses.md",
    ),
    "checkpoints-differ": (
        lambda: sealing(topic=replace(NEWEST, note="another"), held=False),
        "docs/runbooks/PcareSealerRefuses.md",
    ),
    "checkpoint-not-signed": (lambda: signed(key=Ed25519PrivateKey.generate()), "PCARE_DOCTOR_CHECKPOINT_KEYS"),
    "sealer-refuses": (
        lambda: copies(metrics={"pcare_seal_refused": [({}, 1.0)]}, not_ready=("leaf 17 is not as it was sealed",)),
        "docs/runbooks/PcareSealerRefuses.md",
    ),
    "rebuild-under-way": (lambda: record(rebuilding=True), "Let it end"),
    "service-away": (lambda: copies(trouble="ConnectError"), "curl http://r:8081/health/ready"),
    "service-not-live": (lambda: copies(not_live=("the loop has not turned",)), "It ended with 75"),
    "service-not-ready": (lambda: copies(not_ready=("Kafka has not answered for 9 s.",)), "curl http://r:8081"),
    "breaker-open": (
        lambda: copies(metrics={"pcare_recorder_breaker_open": [({"topic": RKE}, 1.0)]}),
        f"pcare breaker release {RKE} --why '...'",
    ),
    "kpi-partition-blocked": (
        lambda: copies(metrics={"pcare_kpi_partition_blocked_offset": [({"partition": "3"}, 17.0)]}),
        "Report it",
    ),
    "kpi-skipped": (
        lambda: copies(metrics={"pcare_kpi_skipped_events": [({"type": "new.v2"}, 4.0)]}),
        "Upgrade every copy",
    ),
    "persons-apart": (
        lambda: copies(metrics={"pcare_recorder_persons_apart_total": [({}, 1.0)]}),
        "docs/keys.md",
    ),
    "register-stale": (
        lambda: copies(metrics={"pcare_ingest_register_age_seconds": [({}, 61.0)]}),
        "pcare_edge",
    ),
    "versions-differ": (lambda: copies(other(version="1.1")), "Finish the upgrade"),
    "rules-differ": (lambda: copies(other(rules="1-def")), "PCARE_PROVIDER_REGISTER"),
    "catalogues-differ": (lambda: copies(other(catalogue="a"), other(catalogue="b")), "pcare migrate"),
    "clock-off": (lambda: services_rules.of_clocks([("PostgreSQL", -6.0)]), "timedatectl"),
    "clock-wrong": (lambda: services_rules.of_clocks([("ingest http://i", 61.0)]), "clock of ingest http://i right"),
    "certificate-expired": (lambda: certificate(NOW), "openssl x509"),
    "certificate-expires": (lambda: certificate(NOW + 20 * DAY), "openssl x509"),
    "prometheus-target-down": (
        lambda: seen(targets=[{**TARGETS[0], "health": "down", "lastError": "refused"}, *TARGETS[1:]]),
        "Prometheus' files",
    ),
    "prometheus-job-missing": (lambda: seen(targets=TARGETS[1:]), "label job: ingest"),
    "prometheus-rules-missing": (lambda: seen(rules=[ALERT, *OTHERS]), "curl -X POST http://p:9090/-/reload"),
    "prometheus-rule-fails": (
        lambda: seen(rules=[{**ALERT, "health": "err", "lastError": "x"}, SEEN.rules[1]]),
        "promtool check rules",
    ),
    "alert-fires": (lambda: alert("page"), "docs/runbooks/PcareX.md"),
    "alert-fires-for-the-day": (lambda: alert("ticket"), "docs/runbooks/PcareX.md"),
}
WELL: dict[str, Callable[[], Sequence[Finding]]] = {
    "layout": layout,
    "topics": lambda: kafka_rules.of_topics([]),
    "disks": lambda: kafka_rules.of_disks([Disk(1, "/d", 100, 21)]),
    "access": lambda: kafka_rules.of_access([]),
    "groups": lambda: kafka_rules.of_groups([(Group("g", "Stable", 1), "x")]),
    "progress": progress,
    "a recorder at work": lambda: progress(held={P: Held(0, 90)}, later={P: Cursor(0, 50, 48, 1, 1)}),
    "nobody ever committed": lambda: progress(committed={}, later_committed={}),
    "another topic, renamed": lambda: progress(
        cursors=PROGRESS.cursors | {Partition(f"{SUBMITTED}.before-2026-01-02", 0): Cursor(0, 5, 5)}
    ),
    "record": record,
    "a gap that was accepted": lambda: record(counts=(Counts(RKE, 0, 0, 13, 8, 1, 1, lost=3),)),
    "a key that began to be changed": lambda: record(rotating=("k1", "k2"), rotating_since=NOW - 29 * DAY),
    "a credential of a month": lambda: record(last_credentials=(Expiring("RKE", NOW + 31 * DAY),)),
    "accounts": lambda: accounts(10),
    "sealed": sealing,
    "all is sealed": lambda: sealing(waits_since=None),
    "nothing was ever recorded": lambda: sealing(table=None, topic=None, held=False, waits_since=None),
    "signed while the table was read": lambda: sealing(topic=replace(NEWEST, size=9)),
    "signed a moment ago, and not published yet": lambda: sealing(
        table=replace(NEWEST, made_at=NOW - dt.timedelta(seconds=9)), unpublished=True
    ),
    "signed": signed,
    "nothing is signed": lambda: [seal_rules.of_signature(None, [])],
    "server": lambda: server(1.5),
    "sessions": lambda: server_rules.of_sessions(
        Sessions((Waiting(7, "x", (9,), 19),), (Transaction(8, "pg_dump", 9999, idle=False),), seen=True)
    ),
    "roles": lambda: server_rules.of_roles(ROLES),
    "schema": lambda: server_rules.of_schema(None, 12),
    "copies": lambda: copies(other()),
    "clocks": lambda: services_rules.of_clocks([("PostgreSQL", 4.0)]),
    "certificates": lambda: certificate(NOW + 22 * DAY),
    "prometheus": seen,
    "a Prometheus of others too": lambda: seen(
        targets=[*TARGETS, {"labels": {"job": "kube-proxy"}, "health": "down", "lastError": "refused"}],
        rules=[*SEEN.rules, *OTHERS],
    ),
}
SEEN_AT_THE_EDGE = {
    "kafka-away",
    "kafka-refuses",
    "postgres-away",
    "postgres-refuses",
    "prometheus-away",
    "check-refused",
    "checkpoint-key-unreadable",
    "check-unavailable",
    "sent-not-recorded",
    "sent-not-counted",
    "kpi-differs",
}
"""What is told where something is asked: tests/test_doctor.py shows those."""


@pytest.mark.parametrize("name", FOUND)
def test_each_kind_is_found_and_says_what_to_do(name: str) -> None:
    make, told = FOUND[name]
    found = [one for one in make() if one.kind is not None]
    assert [one.kind for one in found] == [name]
    assert told in f"{found[0].do}\n{found[0].command}"
    assert "{" not in f"{found[0].do}{found[0].command}"
    assert found[0].level in {Level.WARN, Level.WRONG}


@pytest.mark.parametrize("name", WELL)
def test_what_is_well_is_said_to_be(name: str) -> None:
    rows = WELL[name]()
    assert rows
    assert {one.level for one in rows} == {Level.OK}, rows


def test_no_kind_is_left_out_here() -> None:
    from pcare_cli.doctor.page import KINDS

    assert set(FOUND) | SEEN_AT_THE_EDGE == set(KINDS)
    assert not set(FOUND) & SEEN_AT_THE_EDGE


def test_what_kafka_no_longer_holds_cannot_be_counted_and_is_no_mistake() -> None:
    account = PartitionAccount(RECORD.counts[0], 4, "Kafka no longer holds the records 0 to 5")
    (row,) = table_rules.of_accounts((account,), {(RKE, 0): (8, 1)})
    assert (row.level, row.failed) == (Level.UNSEEN, False)
    at_work = replace(account, submitted=10, trouble="the recorder has come to 10, the topic goes on to 12")
    (row,) = table_rules.of_accounts((at_work,), {(RKE, 0): (8, 1)})
    assert row.level is Level.OK


def test_a_group_that_may_not_be_seen_is_not_said_to_be_empty() -> None:
    hidden = Group("kpi-aggregator", "GroupAuthorizationFailedError", 0, hidden=True)
    rows = kafka_rules.of_groups([(Group("pcare-recorder", "Stable", 1), "x"), (hidden, "y")])
    assert [one.level for one in rows] == [Level.UNSEEN, Level.OK]


def test_a_broker_that_was_lost_is_still_registered_and_its_copies_are_no_failed_disk() -> None:
    copies = (replace(COPIES, in_sync=(1, 2), offline=(3,)),)
    found = kafka_rules.of_layout(Layout(Brokers(frozenset({1, 2, 3}), frozenset({3})), copies))
    assert [one.kind for one in found] == ["kafka-broker-missing", "kafka-under-replicated"]


def test_a_partition_without_a_leader_is_told_of_once() -> None:
    found = layout(leader=None, in_sync=(), offline=(1, 2, 3))
    assert [one.kind for one in found if one.kind] == ["kafka-leaderless"]


def test_a_copy_that_shows_no_metrics_leaves_something_unseen() -> None:
    rows = services_rules.of_copies([replace(COPY, metrics=None)])
    unseen = [one for one in rows if one.level is Level.UNSEEN]
    assert len(unseen) == 2
    assert all("PCARE_METRICS_TOKEN" in one.do and not one.failed for one in unseen)


def test_others_transactions_that_are_not_shown_are_not_said_to_be_well() -> None:
    rows = server_rules.of_sessions(replace(SESSIONS, seen=False))
    assert [one.level for one in rows] == [Level.OK, Level.UNSEEN]


def test_what_a_recorder_would_say_is_repeated_without_its_advice() -> None:
    (lost,) = [one for one in progress(committed={P: 11}) if one.kind == "record-database-lost"]
    assert lost.saw.startswith(f"{RKE}/0: the database is judged up to 10, but 11 was published already.")
    assert "Run" not in lost.saw
