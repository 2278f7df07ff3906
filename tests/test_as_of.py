"""What the KPIs were as known then, beside what the stream said then; where numbers come from: on a running system."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from events import BARNET, CAMDEN, event, pam, referral, retraction
from pcare_audit.knowledge import as_exact_as_the_log, as_told, first_told, known, merged_by
from pcare_audit.log_reading import read_log
from pcare_audit.replay import Replay
from pcare_cli import accounting_readers
from pcare_cli.accounting import Report
from pcare_cli.as_of import counting
from pcare_cli.as_of.counting import Answer, Question, count
from pcare_cli.audit_choosing import catalogue_of
from pcare_cli.audit_reading import read_only
from pcare_cli.explaining import command
from pcare_cli.explaining.showing import Number
from pcare_cli.main import app
from pcare_cli.simulation.people import number_for_tests
from pcare_kpi_aggregator.years import LONDON, instant_of, moment_of, year_of
from pcare_schemas.envelope import type_of
from pcare_schemas.kpis import targets
from pcare_schemas.kpis.catalogue import load
from pcare_schemas.kpis.year_labels import label
from pcare_schemas.topics import SUBMITTED
from proof.histories import random_history
from proof.playing import Stage
from system import System

pytestmark = pytest.mark.integration

KEPT, GONE = (f"nhs-number:{number_for_tests(number)}" for number in (51_000, 52_000))
PSEUDONYM = "person:k1:" + "5" * 32
NHS_NUMBER = "943 476 5919"  # for tests
RUNNER = CliRunner()


def mistaken(**changes: Any) -> dict[str, Any]:
    """Return an event as a provider puts it onto a topic itself, which the recorder rejects unless it is mended."""
    return pam(200.0, subject=PSEUDONYM) | changes


async def put_on_the_topic(system: System, *events: dict[str, Any]) -> None:
    def send() -> None:
        producer = KafkaProducer(acks="all", **system.options)
        for one in events:
            producer.send(SUBMITTED, value=json.dumps(one).encode(), key=one["subject"].encode())
        producer.close()

    await asyncio.to_thread(send)


async def pcare(system: System, *arguments: str, login: str = "auditor", status: int = 0) -> str:
    environment = system.environment | {"PCARE_POSTGRES_DSN": system.logins[login]}
    done = await asyncio.to_thread(RUNNER.invoke, app, arguments, env=environment)
    assert done.exit_code == status, f"{' '.join(arguments)}: {done.exit_code} {done.exception!r}\n{done.output}"
    return str(done.stdout if status == 0 else done.output)


async def as_known(system: System, at: datetime, known_at: datetime, *kpis: str) -> Answer:
    question = Question(
        catalogue_of(load(), kpis) if kpis else load(),
        at,
        known_at,
        as_exact_as_the_log(datetime.now(UTC)),
        lambda _cell: True,
    )
    async with read_only(system.logins["auditor"]) as connection:
        return await count(connection, system.options, question)


def streamed(report: Report) -> dict[tuple[str, str, str], Any]:
    assert report.exact, report.faults()
    return {
        (row.kpi, row.borough, row.year): row.stream
        for row in report.kpis
        if row.stream.numerator or row.stream.denominator
    }


def sorts(answer: Answer) -> set[str]:
    return {cause.sort for causes in answer.changes.moving.values() for cause in causes}


async def test_what_the_stream_said_then_and_why_it_says_something_else_now(system: System, tmp_path: Path) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    lasting, wrong = referral("lasting", subject=KEPT), pam(subject=KEPT)
    others = [referral("theirs", subject=GONE), pam(60.0, 3, subject=GONE)]
    others[1]["data"]["borough"] = BARNET
    sent_right, mended = mistaken(), mistaken(subject=PSEUDONYM.replace("5", "6"))
    async with system.client("ingest") as client, system.client("kpi-aggregator") as aggregator:
        stage = Stage(system, client, aggregator)
        await stage.send([lasting, wrong, *others, *random_history(31, 250, datetime.now(UTC))])
        await put_on_the_topic(system, sent_right, mended)
        then = await system.report()
        at, known_at = datetime.fromisoformat(str(then.instant)), as_exact_as_the_log(datetime.now(UTC))

        await stage.send([pam(subject=f"nhs-number:{number_for_tests(53_000)}"), retraction(wrong)])
        await stage.send([event("care-plan-agreed", {"plan_ref": "p", "plan_kind": "frailty"}, subject=GONE)])
        await stage.send(random_history(32, 60, datetime.now(UTC)))
        await put_on_the_topic(system, sent_right | {"data": sent_right["data"] | {"score": 50.0}})
        await stage.settled()
        listed = json.loads(await pcare(system, "rejected", "list", "--json", login="operator"))
        (waiting,) = [one["rejection"] for one in listed if one["event_id"] == mended["id"]]
        file = tmp_path / "event.json"
        file.write_text(json.dumps(mended | {"data": mended["data"] | {"score": 51.0}}))
        repair = ["rejected", "repair", waiting, "--file", str(file), "--why", "typed wrong"]
        await pcare(system, *repair, login="operator")
        numbers = tmp_path / "numbers.txt"
        numbers.write_text("".join(one.removeprefix("nhs-number:") + "\n" for one in (KEPT, GONE)))
        merge = ["persons", "merge", "--file", str(numbers), "--ingest", system.one("ingest").address]
        await pcare(system, *merge, "--who", "an operator", "--why", "one person", login="operator")
        now = await system.report()

    answer = await as_known(system, at, known_at)
    assert answer.troubles == ()
    assert answer.notes == ()
    assert answer.changes.then == streamed(then)
    assert streamed(now) != streamed(then)
    cells = {*answer.changes.then, *answer.changes.now}
    assert {answer.changes.rest(cell) for cell in cells} == {(0, 0)}
    assert sorts(answer) == {
        counting.LATE, counting.SENT_RIGHT, counting.REDRIVEN, counting.RETRACTION, counting.MERGE
    }  # fmt: skip
    assert [key[1] for key in answer.repairs.redriven] == [mended["id"]]
    assert {key[1] for key in answer.repairs.sent_right} == {sent_right["id"]}
    merged = [told for told in answer.changes.listed.values() if told.cause.sort == counting.MERGE]
    assert ("sp_people", "NCL", label(year_of(instant_of(at)))) in {e.cell for told in merged for e in told.effects}

    # the other way: all of the log at once, what was told by then; SQL alone does not know that the two were two
    lines = await asyncio.to_thread(lambda: list(read_log(system.options)))
    first = first_told(lines, merged_by(lines))
    assert answer.changes.then == Replay(known(first, known_at)).kpis(load(), at)
    async with read_only(system.logins["auditor"]) as connection:
        sql = await accounting_readers.sql_kpis(connection, load(), at, known_at)
    assert sql != answer.changes.then

    # as known now it is what SQL and the plain replay say; and known before all, it is nothing
    plain = await as_known(system, at, as_exact_as_the_log(datetime.now(UTC)))
    assert plain.changes.then == plain.changes.now == Replay(lines).kpis(load(), at)
    assert not plain.changes.meanwhile
    assert (await as_known(system, at, known_at - timedelta(days=1))).changes.then == {}

    await of_other_kinds_alone(system, at, known_at)
    await typed(system, answer)
    await explained(system)
    await differences_are_noticed(system, at, known_at)
    await what_a_row_holds_is_not_said(system)


async def of_other_kinds_alone(system: System, at: datetime, known_at: datetime) -> None:
    """Who was merged had no event that this KPI reads: that is no log written anew, and nothing that it counts."""
    kind = type_of("sdm-conversation")
    since = as_told(known_at)
    lines = await asyncio.to_thread(lambda: list(read_log(system.options)))
    types = {(line.source, line.id): line.type for line in lines}
    back = [line for line in lines if line.type == type_of("event-retracted") and line.recordedat >= since]
    takes = Counter(types.get((line.source, line.data["retracts"])) for line in back)
    assert takes.total() > takes[kind] + takes[None]
    answer = await as_known(system, at, known_at, "sdm_situations")
    assert answer.troubles == ()
    assert answer.notes == ()
    sorts = Counter[str]()
    for cause, number in answer.changes.meanwhile.items():
        sorts[cause.sort] += number
    assert sorts[counting.MERGE] == 0
    assert sorts[counting.RETRACTION] <= takes[kind] + takes[None]  # but those of what happened too late


async def typed(system: System, answer: Answer) -> None:
    """The command says the same of days, and leaves a line in the audit trail."""
    day = (datetime.now(UTC).astimezone(LONDON).date() - timedelta(days=1)).isoformat()
    year = label(year_of(instant_of(datetime.now(UTC)) - 86_400_000_000))
    asked = ("audit", "as-of", day, "--known-at", day, "--year", "all")
    document = json.loads(await pcare(system, *asked, "--json", "--events", "--kpi", "sp_people"))
    assert document["equal"]
    assert {row["then"]["value"] for row in document["kpis"]} == {0}
    for row in document["kpis"]:
        assert row["now"]["numerator"] == sum(cause["numerator"] for cause in row["changed_by"])
        assert row["unaccounted"] == {"numerator": 0, "denominator": 0}
    assert {row["borough"] for row in document["kpis"]} >= {"NCL", CAMDEN, BARNET}
    assert document["events"]
    assert all(one["moved"] for one in document["events"])
    text = await pcare(system, *asked, "--borough", "camden", "--events")
    assert "sent late RKE (Whittington" in text
    assert "Replay and SQL agree" in text
    rows = (await pcare(system, "audit", "as-of", day, "--csv", "--year", year)).splitlines()
    assert rows[0].startswith("at,known_at,year,kpi,borough")
    acts = await system.fetch("SELECT count(*) FROM pcare.acts WHERE what = 'audit-as-of'")
    assert acts[0][0] == 3
    for wrong, words in {
        ("2099-01-01",): "has not ended",
        ("yesterday",): "is not a day",
        (day, "--known-at", "2099-01-01"): "--known-at has not ended",
        (day, "--kpi", "sp_poeple"): "Did you mean sp_people?",
        (day, "--borough", "Cambden"): "Did you mean Camden?",
        (day, "--year", "2023"): "write it as 2023/24",
        (day, "--json", "--csv"): "which of the two",
    }.items():
        assert words in await pcare(system, "audit", "as-of", *wrong, status=2)


async def explained(system: System) -> None:
    """Each number is explained by events that make it, and by nothing else."""
    now = as_exact_as_the_log(datetime.now(UTC))
    in_use = (load(), targets.load(None, load().ids))
    lines = await asyncio.to_thread(lambda: list(read_log(system.options)))
    expected = Replay(lines).kpis(load(), now)
    year = label(year_of(instant_of(now)))
    async with read_only(system.logins["auditor"]) as connection:
        for kpi in ("sp_people", "sdm_situations", "phb_with_plan"):
            number = Number(kpi, CAMDEN, year)
            found = await command.count(connection, system.options, in_use, number, now)
            assert found.equal, number
            assert found.provenance.counted.numerator == (
                expected[tuple(number)].numerator if tuple(number) in expected else 0
            )
            assert sum(one.records for one in found.stretches) == len(lines)
    document = json.loads(await pcare(system, "audit", "explain", "sp_referrals", "--json", "--events"))
    assert document["equal"]
    assert len(document["listed"]) == document["events"] == document["replay"]["value"] > 0
    assert sum(share["events"] for share in document["made_of"]) == document["events"]
    assert document["of_merged_persons"] == 0 or document["of_merged_persons"] == 1
    assert document["target"] is not None
    text = await pcare(system, "audit", "explain", "pam_people", "--borough", "Barnet")
    assert "they agree" in text
    assert "RKE (Whittington" in text
    assert "has not begun" in await pcare(system, "audit", "explain", "pam_people", "--year", "2098/99", status=2)
    assert "Did you mean" in await pcare(system, "audit", "explain", "pam_peple", status=2)


async def differences_are_noticed(system: System, at: datetime, known_at: datetime) -> None:
    """A row that is not in the log, or no more in the database, is a difference, in both commands."""
    await system.fetch(
        "DELETE FROM pcare.interventions WHERE kind = 'pam-scored' AND subject IN "
        "(SELECT subject FROM pcare.interventions GROUP BY subject HAVING count(*) = 1) "
    )
    answer = await as_known(system, at, known_at)
    assert any("pam_people NCL" in trouble and "by SQL" in trouble for trouble in answer.troubles)
    said = await pcare(system, "audit", "explain", "pam_people", status=1)
    assert "they DIFFER" in said
    assert "pcare audit replay" in said
    day = moment_of(instant_of(at)).date() - timedelta(days=2)  # an hour ago, when the events are, may be yesterday
    await pcare(system, "audit", "as-of", day.isoformat(), status=0)


async def what_a_row_holds_is_not_said(system: System) -> None:
    """PostgreSQL quotes a value that it cannot count, which may be anything where somebody tampered."""
    changed = await system.fetch(
        "UPDATE pcare.interventions SET details = jsonb_set(details, '{understand}', to_jsonb($1::text)) "
        "WHERE kind = 'collaborate-scored' RETURNING id",
        NHS_NUMBER,
    )
    assert changed
    day = (datetime.now(UTC).astimezone(LONDON).date() - timedelta(days=1)).isoformat()
    asked = (("as-of", day, "--year", "all"), ("explain", "sdm_collaborate_mean"))
    for one in asked:
        said = await pcare(system, "audit", *one, status=1)
        assert "`pcare audit replay` says which" in said
        assert "PCARE_POSTGRES_DSN" not in said
        assert NHS_NUMBER not in said
    said = await pcare(system, "kpis", "--as-of", day, status=1)
    assert "`pcare audit replay` says which" in said
    assert NHS_NUMBER not in said
