"""A statement says of a provider what became of everything that arrived, as receipts do; no number changes unseen."""

import asyncio
import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from typer.testing import CliRunner

from pcare_audit.london import LONDON
from pcare_audit.signed_note import Signer
from pcare_audit.statements.statement import UNKNOWN
from pcare_cli.main import app
from pcare_cli.simulation.organisations import COUNCIL, TRUST
from pcare_schemas.examples import VALID, person
from pcare_schemas.topics import SUBMITTED, slug_of
from system import System

pytestmark = pytest.mark.integration

RUNNER = CliRunner()
SINGLE = {"content-type": "application/cloudevents+json"}
CODE, COUNCIL_CODE = (slug_of(one.source) for one in (TRUST, COUNCIL))


def event(**changes: Any) -> dict[str, Any]:
    """Return a PAM score of the trust, with changes to its attributes or to its data."""
    made = json.loads(json.dumps(VALID["pam-scored"]))
    made |= {"id": str(uuid4()), "source": TRUST.source, "subject": person("Alex")}
    for name, value in changes.items():
        (made if name in made else made["data"])[name] = value
    return made


class Auditor:
    """Types commands as an auditor, of the day on which everything here arrives."""

    def __init__(self, system: System, tmp_path: Path) -> None:
        self.system = system
        self.key = tmp_path / "key"
        self.public = tmp_path / "key.pub"
        self.day = dt.datetime.now(LONDON).date()
        made = RUNNER.invoke(app, ["audit", "key", "new", str(self.key), "--name", "icb.example"])
        assert made.exit_code == 0, made.output

    async def type(self, *arguments: str, status: int = 0) -> str:
        login = {"PCARE_POSTGRES_DSN": self.system.logins["auditor"]}
        done = await asyncio.to_thread(RUNNER.invoke, app, ["audit", *arguments], env=self.system.environment | login)
        assert done.exit_code == status, f"{done.exit_code} {done.exception!r}\n{done.output}"
        return done.stdout

    async def statement(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        said = await self.type("statement", "--day", str(self.day), "--json", *arguments, status=status)
        found: dict[str, Any] = json.loads(said)["statement"]
        return found

    async def judged(self, number: int) -> None:
        for _ in range(600):
            ((done,),) = await self.system.fetch(
                "SELECT coalesce(sum(recorded + duplicates + rejected), 0) FROM pcare.cursors"
            )
            if done >= number:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{done} of {number} are judged")

    def send(self, topic: str, *values: bytes) -> None:
        producer = KafkaProducer(acks="all", **self.system.options)
        for value in values:
            producer.send(topic, value=value, key=person("Alex").encode(), partition=0)
        producer.close()


@pytest.fixture
def auditor(system: System, tmp_path: Path) -> Auditor:
    return Auditor(system, tmp_path)


def counts(of: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [line for line in of if line["of"] == name]
    return {key: value for key, value in found.items() if key not in ("of", "name")}


async def test_a_statement_says_what_the_receipts_say(system: System, auditor: Auditor, tmp_path: Path) -> None:
    await system.start("recorder", "ingest")
    sent = [event() for _ in range(4)]
    wrong = event(score=200.0)
    locations: list[str] = []
    async with system.client("ingest") as client:
        for document in (*sent, sent[0], sent[1], {**sent[2], "data": {**sent[2]["data"], "instrument": "PAM-10"}}):
            answer = await client.post("/events", content=json.dumps(document), headers=SINGLE)
            assert answer.status_code == 202, answer.text
            locations.append(answer.headers["location"])
        own = (event(), wrong, event(source=COUNCIL.source), sent[3])
        await asyncio.to_thread(auditor.send, TRUST.topic, *(json.dumps(one).encode() for one in own))
        await asyncio.to_thread(auditor.send, SUBMITTED, json.dumps(event(source=COUNCIL.source)).encode(), b"{no json")
        await auditor.judged(13)
        receipts = [(await client.get(location)).json() for location in locations]
        (rejected,) = [one for one in receipts if one["status"] == "rejected"]
        page = (await client.get(rejected["links"]["rejections"])).json()
    told = Counter(one["status"] for one in receipts)
    assert told == {"recorded": 4, "duplicate": 2, "rejected": 1}

    statement = await auditor.statement("--provider", CODE)
    by_http = {"accepted": 7, "recorded": 4, "duplicates": 2, "rejected": 1, "repaired": 0, "waiting": 0}
    by_kafka = {"accepted": 4, "recorded": 1, "duplicates": 1, "rejected": 2, "repaired": 0, "waiting": 0}
    assert counts(statement["topics"], SUBMITTED) == by_http
    assert counts(statement["topics"], TRUST.topic) == by_kafka
    assert statement["total"] == {name: by_http[name] + by_kafka[name] for name in by_http}
    assert statement["kinds"] == [{"kind": "pam-scored", "recorded": 5, "duplicates": 3}]
    assert [(one["reason"], one["rejected"]) for one in statement["reasons"]] == [
        ("id_reused", 1),
        ("invalid_data", 1),
        ("source_not_allowed", 1),
    ]
    assert Counter(one["problem"]["reason"] for one in page["rejections"]) == {
        one["reason"]: one["rejected"] for one in statement["reasons"]
    }

    everybody = await auditor.statement()
    assert counts(everybody["providers"], CODE) == statement["total"]
    assert counts(everybody["providers"], COUNCIL_CODE)["recorded"] == 1
    assert counts(everybody["providers"], UNKNOWN)["rejected"] == 1
    assert everybody["total"]["accepted"] == 13
    ((act,),) = await system.fetch("SELECT details FROM pcare.acts WHERE number = $1", everybody["act"])
    assert json.loads(act)["provider"] is None

    # what was wrong is sent right: the day's rejection is repaired, and the new event is one more that is recorded
    await asyncio.to_thread(auditor.send, TRUST.topic, json.dumps({**wrong, "data": sent[0]["data"]}).encode())
    await auditor.judged(14)
    mended = await auditor.statement("--provider", TRUST.source)
    assert (mended["total"]["rejected"], mended["total"]["repaired"], mended["total"]["recorded"]) == (3, 1, 6)

    # what the recorder has not come to is neither lost nor a repeat
    system.one("recorder").terminate()
    await asyncio.to_thread(auditor.send, SUBMITTED, json.dumps(sent[0]).encode(), json.dumps(event()).encode())
    waits = (await auditor.statement("--provider", CODE))["total"]
    assert (waits["waiting"], waits["duplicates"], waits["accepted"]) == (2, 3, 14)

    await _is_signed(auditor, tmp_path)
    await _is_not_what_was_signed(auditor, tmp_path)
    await _of_no_time_or_nobody(auditor)
    await _contradictions_are_told(system, auditor)


async def _is_signed(auditor: Auditor, tmp_path: Path) -> None:
    asked = ["statement", "--month", f"{auditor.day:%Y-%m}", "--key", str(auditor.key)]
    text, document = tmp_path / "march.txt", tmp_path / "march.json"
    await auditor.type(*asked, "--out", str(text))
    await auditor.type(*asked, "--json", "--out", str(document))
    for file in (text, document):
        said = await auditor.type("check-statement", str(file), "--public-key", str(auditor.public))
        assert "16 accepted = 7 recorded + 3 duplicates + 4 rejected + 2 waiting\n" in said
        assert "as signed: by icb.example" in said


async def _is_not_what_was_signed(auditor: Auditor, tmp_path: Path) -> None:
    text, document = (tmp_path / "march.txt").read_text(), json.loads((tmp_path / "march.json").read_text())
    changed = tmp_path / "changed"
    statement = document["statement"]
    for content in (
        text.replace("16 accepted", "15 accepted"),
        text.replace("\n\u2014 icb.example", "\n\u2014 somebody"),
        json.dumps({**document, "statement": {**statement, "act": statement["act"] + 1}}),
        json.dumps({**document, "note": None}),
        "{}",
        "",
        f"{document['note'].partition('of all')[0]}\n",
    ):
        changed.write_text(content)
        await auditor.type("check-statement", str(changed), "--public-key", str(auditor.public), status=1)
    other = tmp_path / "other.pub"
    other.write_text(f"{Signer.new(tmp_path / 'other', 'icb.example').verifier}\n")
    await auditor.type("check-statement", str(tmp_path / "march.txt"), "--public-key", str(other), status=1)
    await auditor.type("check-statement", str(tmp_path / "none"), "--public-key", str(auditor.public), status=2)


async def _of_no_time_or_nobody(auditor: Auditor) -> None:
    await auditor.type("statement", status=2)
    await auditor.type("statement", "--day", "2024-02-30", status=2)
    await auditor.type("statement", "--day", "2999-01-01", status=2)
    await auditor.type("statement", "--day", str(auditor.day), "--provider", "nobody", status=2)
    empty = json.loads(await auditor.type("statement", "--day", "2024-03-05", "--provider", CODE, "--json"))
    assert empty["note"] is None
    assert set(empty["statement"]["total"].values()) == {0}


async def _contradictions_are_told(system: System, auditor: Auditor) -> None:
    unread = await auditor.statement("--provider", CODE, "--no-topics")
    assert (unread["total"]["recorded"], unread["total"]["duplicates"], unread["total"]["accepted"]) == (6, None, None)
    # a record that was judged has no row any more
    await system.fetch(
        "WITH gone AS (DELETE FROM pcare.interventions WHERE origin_topic = $1 AND origin_offset = 0) SELECT",
        TRUST.topic,
    )
    (trouble,) = (await auditor.statement("--provider", CODE, status=1))["troubles"]
    assert trouble == f"{TRUST.topic}/0/0 was judged, and is neither recorded nor rejected nor a repeat"
    # the topic deletes what it held first, and says so: nothing of it is made up
    await asyncio.to_thread(_delete, system, TRUST.topic, 4)
    later = await auditor.statement("--provider", CODE)
    assert counts(later["topics"], TRUST.topic)["duplicates"] is None
    assert later["total"]["accepted"] is None
    assert counts(later["topics"], SUBMITTED)["duplicates"] == 2
    assert f"{TRUST.topic}/0 begins at offset 4: what came before is deleted" in later["not_known"][0]


def _delete(system: System, topic: str, before: int) -> None:
    admin = KafkaAdminClient(**system.options)
    try:
        admin.delete_records({TopicPartition(topic, 0): before})
    finally:
        admin.close()


async def test_all_that_simulated_providers_send_is_stated_to_the_event(system: System, auditor: Auditor) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    report = await system.report(await system.simulate(400, seed=11))
    assert report.exact, report.faults()
    statement = await auditor.statement()
    assert statement["not_known"] == []
    total = {name: report.accounting.total(name) for name in ("recorded", "duplicates", "rejected")}
    assert {name: statement["total"][name] for name in total} == total
    assert statement["total"]["accepted"] == report.accounting.total("submitted")
    assert min(total.values()) > 0
    by_topic = Counter[str]()
    for one in report.accounting.partitions:
        by_topic[one.cursor.topic] += one.cursor.duplicates
    assert {line["of"]: line["duplicates"] for line in statement["topics"] if line["duplicates"]} == +by_topic
