"""A replay of the running system: equal while events flow; and each kind of difference, made and found."""

# ruff: noqa: S608 -- the statements that tamper are put together here, of names of this file

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from events import event, pam, referral, retraction
from pcare_audit.replaying.ranges import bounds
from pcare_cli.demo.supervisor import Service, Supervisor
from pcare_cli.main import app
from pcare_cli.replaying import aggregator
from pcare_cli.simulation.people import number_for_tests
from pcare_schemas.topics import RECORDED, SUBMITTED
from replays import copy_of_log, kinds, of_kind, replay
from system import System

pytestmark = pytest.mark.integration

COPY = "interventions.recorded-copy"
MANY = {"content-type": "application/cloudevents-batch+json"}
KEPT, GONE = (number_for_tests(number) for number in (41_000, 42_000))
SOURCE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
FAKE = 10_000_000


async def send(system: System, *events: dict[str, Any]) -> None:
    async with system.client("ingest") as client:
        answer = await client.post("/events", content=json.dumps(events), headers=MANY)
    assert answer.status_code == 202, answer.text[:500]


def produce(system: System, *records: tuple[bytes | None, bytes | None]) -> None:
    with closing(KafkaProducer(**system.options)) as producer:
        for key, value in records:
            producer.send(SUBMITTED, value, key=key)
        producer.flush()


async def rejected_by_the_record(system: System) -> None:
    """Let be refused whatever is refused: by its bytes alone, and for what is recorded."""
    ((subject, text),) = await system.fetch(
        "SELECT s.pseudonym, p.published::text FROM pcare.published AS p JOIN pcare.interventions AS i "
        "USING (origin_topic, origin_partition, origin_offset) "
        "JOIN pcare.subjects AS s ON i.subject = 'person:' || s.subject_id "
        "WHERE i.kind = 'sp-referral' AND i.source = $1 LIMIT 1",
        SOURCE,
    )
    recorded = json.loads(text)
    other = recorded["data"] | {"referral_ref": "another"}
    again = event("sp-referral", other, subject=subject, id=recorded["id"], time=recorded["time"])
    mismatch = retraction({"id": recorded["id"], "subject": "team:RKE:rheumatology"})
    itself = event("event-retracted", {}, subject=subject, id="retracts-itself")
    itself["data"] = {"retracts": "retracts-itself", "reason": "entered_in_error"}
    produce(
        system,
        (b"a", b"no json"),
        (b"b", b'{"specversion":"1.0"}'),
        (b"c", b"[]"),
        *((one["subject"].encode(), orjson.dumps(one)) for one in (again, mismatch, itself)),
    )


async def started(system: System, tmp_path: Path) -> None:
    """Record events, repeats and refusals, and make one person of two."""
    await system.start("kpi-aggregator", "recorder", "ingest")
    ledger = await system.simulate(300, seed=11)
    lives = [
        [referral(f"own-{place}", subject=f"nhs-number:{number}"), pam(50.0, subject=f"nhs-number:{number}")]
        for place, number in enumerate((KEPT, GONE))
    ]
    await send(system, *lives[0], *lives[1])
    await send(system, *lives[0])
    await system.report(ledger)  # waits until all is recorded
    await rejected_by_the_record(system)
    await system.report(ledger)
    file = tmp_path / "numbers.txt"
    file.write_text(f"{KEPT}\n{GONE}\n")
    merging = ["persons", "merge", "--file", str(file), "--ingest", system.one("ingest").address]
    merging += ["--who", "an operator", "--why", "the registry merged them"]
    environment = system.environment | {"PCARE_POSTGRES_DSN": system.logins["operator"]}
    done = await asyncio.to_thread(CliRunner().invoke, app, merging, env=environment)
    assert done.exit_code == 0, done.output
    await send(system, pam(40.0, 1, subject=f"nhs-number:{GONE}"), *lives[1])
    await system.report()


async def test_each_difference_is_found_and_named(system: System, tmp_path: Path) -> None:
    await started(system, tmp_path)
    whole = await replay(system, stream=True)
    assert whole.equal, whole.document()
    assert whole.kpis is not None
    assert whole.kpis_why_not is None
    assert len(whole.kpis.rows) > 100
    counts = whole.counts
    assert counts["submitted"] == counts["recorded"] + counts["duplicates"] + counts["rejected"]
    assert counts["duplicates"] >= 4
    assert counts["rejected"] >= 6
    assert counts["events"] == counts["rows"] == counts["recorded"]
    assert counts["log_repeats"] >= 2  # of the person who was merged
    assert counts["merges"] == 1
    assert sum(whole.rules_versions.values()) == counts["rows"]

    await typed(system, tmp_path)
    await part_of_it_is_equal(system, whole.document()["scope"]["topics"])
    await copies_of_the_log(system)
    await a_skewed_counter(system)
    await the_database_is_made_again(system)
    await tables(system)


async def typed(system: System, tmp_path: Path) -> None:
    """Type the command, as an auditor does: equal, and then with a cursor that miscounts."""
    environment = system.environment | {"PCARE_POSTGRES_DSN": system.logins["auditor"]}
    file = tmp_path / "replay.json"
    command = ["audit", "replay", "--aggregator", system.one("kpi-aggregator").address, "--group", system.group]
    command += ["--json", str(file), "--who", "ada", "--why", "the yearly audit"]
    done = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "equal"
    assert json.loads(file.read_text())["equal"]
    acts = await system.fetch("SELECT who, why, details::text FROM pcare.acts WHERE what = 'audit-replay'")
    assert [(act[0], act[1], json.loads(act[2])["equal"]) for act in acts] == [("ada", "the yearly audit", True)]

    which = "WHERE (topic, partition) = ('interventions.submitted', 0)"
    miscount = "UPDATE pcare.cursors SET recorded = recorded {} 1 " + which
    await system.fetch(miscount.format("-"))
    done = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)
    await system.fetch(miscount.format("+"))
    assert done.exit_code == 1, done.output
    assert "DIFFERENCE  count-differs" in done.output
    assert not json.loads(file.read_text())["equal"]


async def part_of_it_is_equal(system: System, topics: list[dict[str, Any]]) -> None:
    most = max((one for one in topics if one["topic"] == RECORDED), key=lambda one: one["records"])
    place = f"{RECORDED}/{most['partition']}"
    some = await replay(
        system,
        topics=[RECORDED],
        begin=bounds([f"{place}/3"], "--from"),
        end=bounds([f"{place}/8", "2100-01-01T00:00:00+00:00"], "--to"),
    )
    assert some.equal, some.document()
    (stretch,) = [one for one in some.stretches if one.partition == most["partition"]]
    assert (stretch.from_offset, stretch.to_offset, stretch.records) == (3, 8, 5)
    assert some.counts["submitted"] == 0
    assert some.kpis_why_not == "only a whole replay counts what the KPIs count"

    nothing = await replay(system, begin=bounds(["2100-01-01T00:00:00+00:00"], "--from"))
    assert nothing.equal, nothing.document()
    assert nothing.counts["log_records"] == nothing.counts["submitted"] == 0


async def copies_of_the_log(system: System) -> None:
    """A record is dropped from a copy of the log, one is said twice with two texts, one is another, one is added."""
    rows = await system.fetch(
        "SELECT i.id FROM pcare.interventions AS i WHERE i.kind = 'pam-scored' AND NOT EXISTS ("
        "SELECT FROM pcare.interventions AS r WHERE r.retracts = i.id) AND i.subject NOT IN ("
        "SELECT 'person:' || kept FROM pcare.merges) AND NOT EXISTS ("  # else the person counts without it too
        "SELECT FROM pcare.interventions AS o WHERE o.kind = i.kind AND o.subject = i.subject AND o.id <> i.id) "
        "ORDER BY i.details ->> 'instrument' = 'PAM-13' DESC, i.id LIMIT 4"
    )
    changed, dropped, doubled, foreign = (row[0] for row in rows)

    def change(line: dict[str, Any], value: bytes) -> list[bytes]:
        if line["id"] == dropped:
            return []
        if line["id"] == doubled:
            return [value, value.replace(b'"score":', b'"score" :')]
        if line["id"] == changed:
            return [value.replace(b'"instrument":"PAM-13"', b'"instrument":"PAM-10"')]
        return [value, b"no event"] if line["id"] == foreign else [value]

    await asyncio.to_thread(copy_of_log, system.options, COPY, change)
    found = await replay(system, log=COPY)
    assert not found.equal
    ids = {kind: {one.event.id for one in of_kind(found, kind) if one.event} for kind in kinds(found)}
    assert {one.event.id for one in of_kind(found, "log-record-missing") if one.event} == {dropped}
    assert {one.event.id for one in of_kind(found, "log-repeat-differs") if one.event} == {doubled}
    (text,) = of_kind(found, "text-differs")
    assert (text.event.id if text.event else None, text.field) == (changed, "published")
    assert {one.field for one in of_kind(found, "row-differs")} == {"details"}
    assert {one.event.id for one in of_kind(found, "row-differs") if one.event} == {changed}
    assert {one.event.id for one in of_kind(found, "content-hash-differs") if one.event} == {changed}
    (no_event,) = of_kind(found, "row-missing")
    assert "is no event" in no_event.words
    assert of_kind(found, "kpi-differs"), ids  # the score that was dropped counts
    assert "pam_people" in {one.field.split()[0] for one in of_kind(found, "kpi-differs") if one.field}


async def a_skewed_counter(system: System) -> None:
    """The aggregator answers with one referral too many."""

    class OneMore(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            content = await response.aread()
            if request.url.path == "/kpis":
                document = json.loads(content)
                row = next(row for row in document["kpis"] if (row["kpi"], row["borough"]) == ("sp_referrals", "NCL"))
                row["value"] += 1
                content = json.dumps(document).encode()
            return httpx.Response(response.status_code, content=content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregator, "_client", lambda address: httpx.AsyncClient(base_url=address, transport=OneMore()))
        found = await replay(system, stream=True)
    assert kinds(found) == {"kpi-differs sp_referrals NCL 2026/27": 1} or len(found.differences) == 1
    (skewed,) = found.differences
    assert skewed.kind == "kpi-differs"
    assert skewed.field
    assert skewed.field.startswith("sp_referrals NCL")


async def the_database_is_made_again(system: System) -> None:
    recorder = system.one("recorder")
    assert recorder.terminate() == 0
    await system.fetch("DELETE FROM pcare.published")
    await system.fetch("DELETE FROM pcare.interventions")
    await system.fetch("DELETE FROM pcare.rejections")
    await system.fetch("DELETE FROM pcare.subjects")
    log = system.layout.log("rebuild")
    environment = system.environment | {"PCARE_POSTGRES_DSN": system.logins["operator"]}
    await Supervisor(environment).run_to_end(Service("rebuild", ["-m", "pcare_recorder.rebuild"], log))
    recorder.start()
    await recorder.ready()
    await system.report()
    again = await replay(system, stream=True)
    assert again.equal, again.document()


async def tables(system: System) -> None:
    """Everything that can be changed in the tables, each on an event of its own, and all found at once."""
    events = await system.fetch(
        "SELECT i.source, i.id, i.origin_topic, i.origin_partition, i.origin_offset FROM pcare.interventions AS i "
        "WHERE i.kind = 'sp-referral' AND NOT EXISTS (SELECT FROM pcare.interventions AS r WHERE r.retracts = i.id) "
        "AND i.subject NOT IN (SELECT 'person:' || kept FROM pcare.merges) AND NOT EXISTS ("
        "SELECT FROM pcare.interventions AS o WHERE o.source = i.source AND o.ref = i.ref AND o.id <> i.id) "
        "ORDER BY i.source, i.id LIMIT 9"
    )
    row, text, column, digest, words, moved, both, nowhere, refused = events
    by_key, by_origin = "source = $1 AND id = $2", "(origin_topic, origin_partition, origin_offset) = ($1, $2, $3)"
    await system.fetch(f"DELETE FROM pcare.interventions WHERE {by_key}", *row[:2])
    await system.fetch(f"DELETE FROM pcare.published WHERE {by_origin}", *text[2:])
    await system.fetch(f"UPDATE pcare.interventions SET practice = 'Z99999' WHERE {by_key}", *column[:2])
    await system.fetch(f"UPDATE pcare.interventions SET content_sha256 = sha256('') WHERE {by_key}", *digest[:2])
    await system.fetch(
        "UPDATE pcare.published SET published = replace(published::text, 'application/json', 'application/JSON')::json "
        f"WHERE {by_origin}",
        *words[2:],
    )
    await system.fetch(f"UPDATE pcare.published SET traceparent = 'a' WHERE {by_origin}", *words[2:])
    await system.fetch(f"UPDATE pcare.interventions SET origin_offset = {FAKE} WHERE {by_key}", *moved[:2])
    for table in ("interventions", "published"):
        await system.fetch(f"DELETE FROM pcare.{table} WHERE {by_origin}", *both[2:])
    ((borough,),) = await system.fetch(
        "UPDATE pcare.interventions SET borough = CASE borough WHEN 'E09000019' THEN 'E09000007' ELSE 'E09000019' END "
        f"WHERE {by_key} RETURNING borough",
        *nowhere[:2],
    )
    await a_fake_row(system)
    await system.fetch(
        "INSERT INTO pcare.rejections SELECT $1, $2, $3, reason, errors, sender, source, id, received_at, evidence, "
        "redacted, rules_version, published FROM pcare.rejections WHERE reason = 'not_json' LIMIT 1",
        *refused[2:],
    )
    rejections = await system.fetch(
        "SELECT origin_topic, origin_partition, origin_offset FROM pcare.rejections WHERE reason = 'not_cloudevent'"
    )
    await system.fetch(f"DELETE FROM pcare.rejections WHERE {by_origin}", *rejections[0])
    await system.fetch("UPDATE pcare.rejections SET reason = 'too_large' WHERE reason = 'not_retractable'")
    await system.fetch("UPDATE pcare.rejections SET reason = 'unlinked_pseudonym' WHERE reason = 'id_reused'")
    pseudonyms = await system.fetch(  # of an event whose text stands, so that it can be said whom it is about
        "UPDATE pcare.subjects SET subject_id = gen_random_uuid() WHERE 'person:' || subject_id = "
        f"(SELECT subject FROM pcare.interventions WHERE {by_key}) RETURNING pseudonym",
        *column[:2],
    )
    pseudonyms += await system.fetch(
        "DELETE FROM pcare.subjects WHERE pseudonym = (SELECT min(pseudonym) FROM pcare.subjects "
        "WHERE pseudonym <> $1 AND subject_id NOT IN (SELECT kept FROM pcare.merges)) RETURNING pseudonym",
        pseudonyms[0][0],
    )
    await system.fetch(
        "UPDATE pcare.cursors SET recorded = recorded - 1, duplicates = duplicates + 1 WHERE (topic, partition) = "
        "($1, $2)",
        *column[2:4],
    )
    found = await replay(system)
    assert not found.equal
    named = kinds(found)

    def ids(kind: str, field: str | None = None) -> set[str]:
        return {one.event.id for one in of_kind(found, kind) if one.event and (field is None or one.field == field)}

    assert ids("row-missing", "pcare.interventions") == {row["id"], both["id"]}
    assert ids("row-missing", "pcare.published") == {text["id"], both["id"]}
    assert ids("submitted-unaccounted") == {both["id"]}
    assert ids("row-differs", "practice") == {column["id"]}
    assert ids("row-differs", "borough") == {nowhere["id"]}
    assert ids("row-differs", "origin") == {moved["id"]}
    assert ids("content-hash-differs") == {digest["id"]}
    assert ids("text-differs") == {words["id"]}
    assert ids("row-not-in-log") == {"a-fake"}
    assert borough in {one.found for one in of_kind(found, "row-differs")}
    assert ids("verdict-differs") >= {"retracts-itself"}
    assert len(of_kind(found, "verdict-differs")) == 3  # both recorded and rejected; and for two other reasons
    assert len(of_kind(found, "rejection-missing")) == 1
    assert len(of_kind(found, "rejected-record-missing")) == 1
    assert named["rejection-differs reason"] == 2
    assert len(of_kind(found, "submitted-unaccounted")) >= 2  # and a repeat of what is gone, if there was one
    assert len(of_kind(found, "link-differs")) >= 3  # one that lacks; one that is another, and that its events deny
    assert named["count-differs recorded"] >= 1
    in_two = tuple(rejections[0])[:2] != (refused["origin_topic"], refused["origin_partition"])
    assert named["count-differs rejected"] == 2 * in_two  # one more and one less in one partition is as many
    assert any(one.startswith("kpi-differs") for one in named)
    of_submitted = await replay(system, topics=[SUBMITTED])
    assert len(of_kind(of_submitted, "link-differs")) >= 1  # by its events, though the topic of links is not read
    text_of_all = json.dumps(found.document())
    assert not [one for one in pseudonyms if one[0] in text_of_all]


async def a_fake_row(system: System) -> None:
    """Put an event into the tables that nobody ever submitted."""
    ((columns,),) = await system.fetch(
        "SELECT string_agg(column_name, ', ') FROM information_schema.columns WHERE table_schema = 'pcare' "
        "AND table_name = 'interventions' AND is_generated = 'NEVER' AND column_name NOT IN ('id', 'origin_offset')"
    )
    await system.fetch(
        f"INSERT INTO pcare.interventions ({columns}, id, origin_offset) SELECT {columns}, 'a-fake', {FAKE + 1} "
        "FROM pcare.interventions LIMIT 1"
    )


async def flowing(system: System, stop: asyncio.Event) -> int:
    """Send events of ever more people, some of them twice and some of them taken back, until told to stop."""
    sent = 0
    while not stop.is_set():
        about = {"subject": f"nhs-number:{number_for_tests(50_000 + sent % 400)}"}
        some = [referral(f"r-{sent}", **about), pam(50.0, **about), referral(f"t-{sent}", **about)]
        await send(system, *some, some[0], retraction(some[2]))
        sent += 1
    return sent


async def test_events_that_flow_meanwhile_are_no_difference(system: System) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    stop = asyncio.Event()
    sending = asyncio.create_task(flowing(system, stop))
    compared = []
    while not (await system.fetch("SELECT FROM pcare.cursors")):
        assert not sending.done()
        await asyncio.sleep(0.05)
    for _ in range(2):
        found = await replay(system, stream=True)
        assert found.equal, found.document()
        assert found.kpis is not None, found.kpis_why_not
        assert found.kpis_why_not is None
        compared.append(found.counts["submitted"])
    assert not sending.done()
    stop.set()
    assert await sending
    assert 0 < compared[0] < compared[1]  # it did flow
