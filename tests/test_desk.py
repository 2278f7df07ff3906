"""The rejection desk, the breaker and the gap end to end: the commands as people type them, on a running recorder."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from typer.testing import CliRunner

from pcare_cli import accounting_readers
from pcare_cli.desk import redriving, rejections
from pcare_cli.desk.rejections import Filter
from pcare_cli.main import app
from pcare_cli.simulation.organisations import COUNCIL, TRUST
from pcare_recorder import migrate
from pcare_schemas.examples import VALID, person
from pcare_schemas.rejections import Reason
from pcare_schemas.topics import SUBMITTED
from system import System

pytestmark = pytest.mark.integration

WRITE = "import sys; open(sys.argv[-1], 'w').write({!r})"
RUNNER = CliRunner()
DENIED = asyncpg.InsufficientPrivilegeError


class Desk:
    """Sends as providers do, types commands, and waits for the recorder."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.sent = 0

    async def send(self, *events: Any, topic: str = SUBMITTED, key: bytes | None = None, partition: int = 0) -> None:
        """Append events, or bytes, in order."""

        def send() -> None:
            producer = KafkaProducer(acks="all", **self.system.options)
            for one in events:
                value = one if isinstance(one, bytes) else json.dumps(one).encode()
                known = key or (b"-" if isinstance(one, bytes) else one["subject"].encode())
                producer.send(topic, value=value, key=known, partition=partition)
            producer.close()

        await asyncio.to_thread(send)
        self.sent += len(events)

    async def judged(self, number: int | None = None) -> None:
        """Wait until so many records are judged, by default all that were sent."""
        for _ in range(600):
            ((done,),) = await self.system.fetch(
                "SELECT coalesce(sum(recorded + duplicates + rejected), 0) FROM pcare.cursors"
            )
            if done >= (self.sent if number is None else number):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{done} of {number or self.sent} are judged")

    async def type(self, *arguments: str, status: int = 0, dsn: str | None = None, **variables: str) -> str:
        """Type a command, as an operator by default, and return what it says, on both streams."""
        login = {"PCARE_POSTGRES_DSN": dsn or self.system.logins["operator"]}
        environment = self.system.environment | login | variables
        done = await asyncio.to_thread(RUNNER.invoke, app, arguments, env=environment)
        assert done.exit_code == status, f"{' '.join(arguments)}: {done.exit_code} {done.exception!r}\n{done.output}"
        return done.output

    async def listed(self, *arguments: str, dsn: str | None = None) -> list[dict[str, Any]]:
        return json.loads(await self.type("rejected", "list", "--json", *arguments, dsn=dsn))

    async def state(self, rejection: str) -> str:
        return json.loads(await self.type("rejected", "show", rejection, "--json"))["state"]

    async def outcomes(self) -> tuple[int, int, int]:
        ((found),) = await self.system.fetch(
            "SELECT sum(recorded)::int, sum(duplicates)::int, sum(rejected)::int FROM pcare.cursors"
        )
        return tuple(found)

    async def acts(self, what: str) -> list[asyncpg.Record]:
        return await self.system.fetch("SELECT * FROM pcare.acts WHERE what = $1 ORDER BY number", what)


@pytest.fixture
async def desk(system: System) -> Desk:
    await system.start("recorder")
    return Desk(system)


def event(organisation: Any = TRUST, **changes: Any) -> dict[str, Any]:
    """Return a PAM score, with changes to its attributes or to its data."""
    made = json.loads(json.dumps(VALID["pam-scored"]))
    made |= {"id": str(uuid4()), "source": organisation.source, "subject": person("Alex")}
    for name, value in changes.items():
        (made if name in made else made["data"])[name] = value
    return made


async def test_the_rules_were_put_right_so_what_was_rejected_goes_in_again_once(
    system: System, desk: Desk, tmp_path: Path
) -> None:
    newcomer = "urn:ncl:provider:newcomer"
    unknown = [event(source=newcomer) for _ in range(3)]
    wrong = event(source=newcomer, score=200.0)
    await desk.send(*unknown, wrong, event())
    await desk.judged()
    asked = ["rejected", "redrive", "--provider", "unknown", "--reason", "unknown_provider"]
    said = await desk.type(*asked, "--dry-run", status=1)
    assert "0 would be sent in again" in said
    assert "3  still unknown_provider" in said

    register = tmp_path / "register.yaml"
    known = (await asyncio.to_thread(Path(system.environment["PCARE_PROVIDER_REGISTER"]).read_text)).rstrip()
    register.write_text(f'{known}\n  - {{source: "{newcomer}", name: Newcomer, kind: trust}}\n')
    system.one("recorder").terminate()
    for environment in (system.environment, system.one("recorder").environment):
        environment["PCARE_PROVIDER_REGISTER"] = str(register)
    system.one("recorder").start()
    await system.one("recorder").ready()

    asked[3] = "newcomer"  # who it is, the register tells now
    assert "3 would be sent in again" in await desk.type(*asked, "--dry-run")
    assert await desk.acts("rejected-redriven") == []
    assert "Say why" in await desk.type(*asked, status=2)
    said = await desk.type(*asked, "--who", "ada", "--why", "registered today")
    assert "3 were sent in again" in said
    await desk.judged(desk.sent + 3)
    assert await desk.outcomes() == (4, 0, 4)
    assert "3  recorded" in await desk.type(*asked, "--why", "once more", status=1)
    (act,) = await desk.acts("rejected-redriven")
    assert (act["who"], act["why"]) == ("ada", "registered today")
    assert json.loads(act["details"]) == {"provider": "newcomer", "reason": "unknown_provider"}
    for one in await desk.listed("--reason", "unknown_provider"):
        shown = json.loads(await desk.type("rejected", "show", one["rejection"], "--json"))
        assert shown["state"] == "recorded"
        (redrive,) = shown["redrives"]
        assert (redrive["who"], redrive["changed"]) == ("ada", False)
        value, headers = await asyncio.to_thread(_record_at, system, redrive["sent"])
        assert json.loads(value)["id"] == one["event_id"]
        assert ("redriveof", one["rejection"].encode()) in headers
    counted = json.loads(await desk.type("rejected", "count", "--provider", "newcomer", "--json"))
    assert {(one["reason"], one["state"]): one["number"] for one in counted} == {
        ("invalid_data", "waiting"): 1,
        ("unknown_provider", "recorded"): 3,
    }


def _record_at(system: System, origin: str) -> tuple[bytes, list[tuple[str, bytes]]]:
    topic, partition, offset = origin.split("/")
    consumer = KafkaConsumer(**system.options)
    try:
        where = TopicPartition(topic, int(partition))
        consumer.assign([where])
        consumer.seek(where, int(offset))
        (records,) = consumer.poll(timeout_ms=30_000, max_records=1).values()
        return records[0].value, records[0].headers
    finally:
        consumer.close()


async def test_a_mended_event_goes_in_and_a_wrong_one_does_not(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = event(score=200.0)
    await desk.send(wrong, topic=TRUST.topic)
    await desk.judged()
    (one,) = await desk.listed()
    name, repair = one["rejection"], ["rejected", "repair", one["rejection"], "--why", "typed wrong"]
    editor, temporary = tmp_path / "editor.py", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    async def edited(made: dict[str, Any] | bytes, status: int = 1) -> str:
        text = made.decode() if isinstance(made, bytes) else json.dumps(made)
        editor.write_text(WRITE.format(text))
        command = f"{sys.executable} {editor}"
        return await desk.type(*repair, status=status, EDITOR=command)

    assert "/data/score" in await edited(wrong | {"data": wrong["data"] | {"score": 150.0}})
    assert "in the name of another" in await edited(event(COUNCIL))
    assert "send the event to ingest" in await edited(event(subject="nhs-number:9990000018"))
    assert "send the event to ingest" in await edited(event(subject="NHS-number:1"))
    said = await edited(event() | {"data": event()["data"] | {"pcn": "999 000 0018"}})
    assert "must not get further" in said
    assert "9990000018" not in said
    assert "not_json" in await edited(b'{"cut": ')
    assert "Nothing was changed" in await desk.type(*repair, status=1, EDITOR="true")
    assert await desk.acts("rejected-repaired") == []
    assert not list(temporary.iterdir())

    right = wrong | {"data": wrong["data"] | {"score": 50.0}}
    assert "Sent in again" in await edited(right, status=0)
    await desk.judged(2)
    assert await desk.outcomes() == (1, 0, 1)
    assert await desk.state(name) == "recorded"
    assert "nothing is left to do" in await edited(right)
    rows = await desk.system.fetch("SELECT id, details ->> 'score' FROM pcare.interventions")
    assert [tuple(row) for row in rows] == [(wrong["id"], "50.0")]
    shown = await desk.type("rejected", "show", name)
    assert re.search(r"^since +.* sent in again, mended, as .* by .*: typed wrong$", shown, re.MULTILINE)


async def test_what_was_not_kept_or_is_masked_comes_from_a_file(desk: Desk, tmp_path: Path) -> None:
    large, masked = event(), event()
    masked["data"]["pcn"] = "9990000018"
    await desk.send(b" " * 300_000 + json.dumps(large).encode(), masked)
    await desk.judged()
    for one, words in zip(
        sorted(await desk.listed(), key=lambda one: one["rejection"]), ("not kept", "masked"), strict=True
    ):
        name = one["rejection"]
        assert words in await desk.type("rejected", "redrive", name, "--dry-run", status=1)
        assert "from a file" in await desk.type("rejected", "repair", name, "--why", "x", status=1, EDITOR="true")
        missing = await desk.type("rejected", "repair", name, "--file", "/none", "--why", "x", status=2)
        assert "cannot be read" in missing
        file = tmp_path / "event.json"
        file.write_text(json.dumps(large if words == "not kept" else event(id=masked["id"])))
        await desk.type("rejected", "repair", name, "--file", str(file), "--why", "from the provider")
    await desk.judged(4)
    assert await desk.outcomes() == (2, 0, 2)


async def test_a_source_that_is_anothers_is_not_laundered(desk: Desk) -> None:
    """What a provider says on its own topic in another's name would pass on the shared one. It must not get there."""
    await desk.send(event(COUNCIL), topic=TRUST.topic)
    await desk.judged()
    (one,) = await desk.listed("--reason", "source_not_allowed")
    assert one["provider"] == "demo-trust"
    said = await desk.type("rejected", "redrive", one["rejection"], "--why", "x", status=1)
    assert "speaks in the name of another organisation" in said
    assert await desk.outcomes() == (0, 0, 1)
    assert await desk.system.fetch("SELECT * FROM pcare.redrives") == []


async def test_an_interrupted_redrive_is_run_again_and_counts_once(system: System, desk: Desk) -> None:
    """Killed after Kafka has the event and before the database knows: it shows, and is sent again as a duplicate."""
    await desk.send(event(), event(), key=b"another key")
    await desk.judged()
    killed = (
        "import os, signal, sys\n"
        "from pcare_cli.desk import sending\n"
        "from pcare_cli.main import main\n"
        "send = sending.DeskSender.send\n"
        "def sent(self, events):\n"
        "    send(self, events)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "sending.DeskSender.send = sent\n"
        "main()\n"
    )
    asked = ["rejected", "redrive", "--reason", "key_mismatch", "--why", "the key was wrong"]
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", killed, *asked], env=system.environment, check=False, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    await desk.judged(4)
    assert await desk.outcomes() == (2, 0, 2)
    # the events have the ids that were rejected, and are recorded: that shows, so nothing is sent twice
    assert {one["state"] for one in await desk.listed()} == {"recorded"}
    # were they not, it would be run again
    await system.fetch("DELETE FROM pcare.interventions")
    assert {one["state"] for one in await desk.listed()} == {"interrupted"}
    assert "2 were sent in again" in await desk.type(*asked)


async def test_an_event_that_was_sent_twice_counts_once(system: System, desk: Desk) -> None:
    await desk.send(event(), key=b"another key")
    await desk.judged()
    system.one("recorder").kill()  # so that both redrives find it unjudged
    (one,) = await desk.listed()
    asked = ["rejected", "redrive", one["rejection"], "--why", "the key was wrong"]
    await desk.type(*asked)
    assert "not judged yet" in await desk.type(*asked, status=1)
    connection = await asyncpg.connect(system.dsn)  # as if nobody had been told where it went
    await connection.execute("ALTER TABLE pcare.redrive_arrivals DISABLE TRIGGER append_only")
    await connection.execute("DELETE FROM pcare.redrive_arrivals")
    await connection.close()
    assert await desk.state(one["rejection"]) == "interrupted"
    await desk.type(*asked)
    system.one("recorder").start()
    await desk.judged(3)
    assert await desk.outcomes() == (1, 1, 1)
    assert await desk.state(one["rejection"]) == "recorded"


async def test_what_may_have_arrived_is_not_sent_under_another_id(system: System, desk: Desk, tmp_path: Path) -> None:
    """An id of one's own makes the event another one: what was sent in doubt would count a second time."""
    first = event()
    await desk.send(first, first | {"time": "2024-05-02T09:00:00+01:00"})
    await desk.judged()
    (one,) = await desk.listed("--reason", "id_reused")
    mended = tmp_path / "mended.json"
    asked = ["rejected", "repair", one["rejection"], "--file", str(mended), "--why", "an id of its own"]
    mended.write_text(json.dumps(event(id="mended")))
    await desk.type(*asked)
    await desk.judged(3)
    assert await desk.outcomes() == (2, 0, 1)
    connection = await asyncpg.connect(system.dsn)  # as if nobody had been told where it went
    await connection.execute("ALTER TABLE pcare.redrive_arrivals DISABLE TRIGGER append_only")
    await connection.execute("DELETE FROM pcare.redrive_arrivals")
    await connection.close()
    assert await desk.state(one["rejection"]) == "interrupted"
    sent = mended.read_text()
    mended.write_text(json.dumps(event(id="mended"), indent=1))
    assert "do not send it under another id" in await desk.type(*asked, status=1)
    mended.write_text(json.dumps(event(id="mended-again")))
    assert "Repair it under that source and id again" in await desk.type(*asked, status=1)
    mended.write_text(sent)  # the very same is as good as a retry
    await desk.type(*asked)
    await desk.judged(4)
    assert await desk.outcomes() == (2, 1, 1)


async def test_one_at_a_time_and_a_kafka_that_is_away_leaves_no_trace(system: System, desk: Desk) -> None:
    await desk.send(event(), key=b"another key")
    await desk.judged()
    asked = ["rejected", "redrive", "--reason", "key_mismatch", "--why", "the key was wrong"]
    away = await asyncio.to_thread(  # a process of its own: the client leaves its sockets open when it gives up
        subprocess.run,
        [sys.executable, "-m", "pcare_cli", *asked],
        env=system.environment | {"PCARE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert away.returncode == 1
    assert b"Kafka cannot do it now" in away.stderr
    assert b"Traceback" not in away.stderr
    connection = await asyncpg.connect(system.dsn)
    await connection.execute("SELECT pg_advisory_lock($1)", redriving.LOCK)
    assert "Somebody else is sending in again" in await desk.type(*asked, status=1)
    await connection.close()
    assert await system.fetch("SELECT * FROM pcare.acts WHERE what <> 'database-made'") == []
    assert "1 were sent in again" in await desk.type(*asked)


async def test_what_is_rejected_again_meanwhile_is_not_sent_too(
    system: System, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a redrive that the checks let pass and the recorder does not would never end."""
    await desk.send(event(), event(), event(), key=b"another key")
    await desk.judged()
    monkeypatch.setattr(rejections, "AT_A_TIME", 1)
    connection = await asyncpg.connect(system.dsn)
    seen = []
    async for (entry,) in rejections.pages(connection, Filter(reason=Reason.key_mismatch)):
        seen.append(entry.origin.offset)
        if len(seen) == 1:  # the second is where the first arrived
            await connection.execute(
                "WITH act AS (INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'x', 'x') RETURNING number), "
                "redrive AS (INSERT INTO pcare.redrives (act, origin_topic, origin_partition, origin_offset, source,"
                " id, changed, sha256) SELECT number, $1, 0, 0, '', '', false, sha256('') FROM act RETURNING number) "
                "INSERT INTO pcare.redrive_arrivals SELECT number, $1, 0, 1 FROM redrive",
                SUBMITTED,
            )
    assert seen == [0, 2]
    seen = [entry.origin.offset async for (entry,) in rejections.pages(connection, Filter(reason=Reason.key_mismatch))]
    assert seen == [0, 1, 2]  # the next time it is one like any other
    await connection.close()


async def test_what_is_rejected_again_stands_in_its_place(desk: Desk, tmp_path: Path) -> None:
    """The checks cannot see what the recorder alone knows: it judges, and the new rejection is the one to mend."""
    target = event()
    retraction = json.loads(json.dumps(VALID["event-retracted"]))
    retraction |= {"id": "r1", "source": TRUST.source, "subject": person("Sam")}
    retraction["data"]["retracts"] = target["id"]
    await desk.send(target, retraction)
    await desk.judged()
    (one,) = await desk.listed()
    await desk.type("rejected", "redrive", "--reason", "retraction_mismatch", "--why", "try")
    await desk.judged(3)
    assert await desk.state(one["rejection"]) == "rejected_again"
    newer = next(found for found in await desk.listed() if found["rejection"] != one["rejection"])
    assert newer["state"] == "waiting"
    assert "Repair that rejection" in await desk.type("rejected", "redrive", one["rejection"], "--why", "x", status=1)
    file = tmp_path / "event.json"
    file.write_text(json.dumps(retraction | {"subject": target["subject"]}))
    await desk.type("rejected", "repair", newer["rejection"], "--file", str(file), "--why", "another subject")
    await desk.judged(4)
    assert await desk.outcomes() == (2, 0, 2)
    assert [found["state"] for found in await desk.listed()] == ["recorded", "recorded"]


async def test_evidence_is_safe_to_print(desk: Desk) -> None:
    await desk.send(b'{"id": "\x1b[2J\x1b]0;owned\x07\xe2\x80\xae\xff"}\r\nsecond\tline')
    await desk.judged()
    (one,) = await desk.listed()
    shown = await desk.type("rejected", "show", one["rejection"])
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"\x1b[2J\x1b]0;owned\x07\u202e\xff" in shown
    assert "    second    line" in shown
    shown = json.loads(await desk.type("rejected", "show", one["rejection"], "--json"))
    assert shown["evidence"].startswith("eyJpZCI6ICIb")


async def test_filters_narrow_and_what_matches_nothing_says_so(desk: Desk) -> None:
    await desk.send(event(score=200.0), event(COUNCIL, score=200.0), b"broken")
    await desk.judged()
    assert len(await desk.listed("--reason", "invalid_data")) == 2
    assert [one["provider"] for one in await desk.listed("--provider", "demo-council")] == ["demo-council"]
    assert [one["reason"] for one in await desk.listed("--provider", "unknown")] == ["not_json"]
    assert len(await desk.listed("--since", "2020-01-01", "--until", "2100-01-01T00:00:00Z")) == 3
    assert len(await desk.listed("--state", "waiting", "--limit", "1")) == 1
    assert "The latest 1 of 3" in await desk.type("rejected", "list", "--limit", "1")
    for more in (["--until", "2020-01-01"], ["--state", "sent"], ["--provider", "rke"]):
        assert "Nothing rejected matches." in await desk.type("rejected", "list", *more, status=1)
        assert "Nothing rejected matches." in await desk.type("rejected", "count", *more, status=1)
    for wrong in (["--reason", "x"], ["--since", "yesterday"], ["--since", "2024-01-01T00:00:00"], ["--state", "x"]):
        await desk.type("rejected", "list", *wrong, status=2)
    assert "Begin with --dry-run" in await desk.type("rejected", "redrive", "--why", "x", status=2)
    await desk.type("rejected", "show", f"{SUBMITTED}/0/99", status=1)
    await desk.type("rejected", "show", "x", status=2)


# ---- an integrator


@pytest.fixture
async def login(system: System) -> AsyncIterator[str]:
    """A login that an administrator has made, and nothing else."""
    name = f"anna_{uuid4().hex[:8]}"
    administrator = await asyncpg.connect(system.dsn)
    assert await migrate.admit_providers(administrator) is None
    await administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
    yield name
    await administrator.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await administrator.close()


async def test_an_integrator_sees_its_own_and_can_do_nothing_else(system: System, desk: Desk, login: str) -> None:
    theirs = re.sub("//[^@]*@", f"//{login}:secret@", system.dsn)
    await desk.send(event(COUNCIL), b"broken", event(score=200.0), topic=TRUST.topic)  # in another's name: still theirs
    await desk.send(event(score=200.0), event(COUNCIL, score=200.0), b"broken")
    await desk.send(event(), topic=TRUST.topic, key=b"-")
    await desk.judged()
    await desk.type("rejected", "list", dsn=theirs, status=1)
    await desk.type("rejected", "grant", "nobody", login, "--why", "x", status=1)
    assert "CREATE ROLE" in await desk.type("rejected", "grant", "demo-trust", "nobody", "--why", "x", status=1)
    theirs_to_see = ["rejected", "grant", "Demo-Trust", login, "--who", "ada", "--why", "their integrator"]
    by_hand = f"GRANT pcare_provider TO {login};"
    assert by_hand in await desk.type(*theirs_to_see, status=1)
    await system.fetch(by_hand)  # an administrator of PostgreSQL does what an operator may not
    await desk.type(*theirs_to_see)
    await desk.type("rejected", "redrive", "--reason", "key_mismatch", "--who", "ada", "--why", "a secret of ours")
    await desk.judged(8)

    seen = await desk.listed(dsn=theirs)
    assert {one["provider"] for one in seen} == {"demo-trust"}
    assert sorted(one["reason"] for one in seen) == [
        "invalid_data", "invalid_data", "key_mismatch", "not_json", "source_not_allowed",
    ]  # fmt: skip
    everything = {one["rejection"] for one in await desk.listed()}
    assert len(everything) == 7
    for hidden in everything - {one["rejection"] for one in seen}:
        await desk.type("rejected", "show", hidden, dsn=theirs, status=1)
    (mended,) = [one["rejection"] for one in seen if one["reason"] == "key_mismatch"]
    shown = await desk.type("rejected", "show", mended, dsn=theirs)
    assert "sent in again, unchanged" in shown
    assert "ada" not in shown
    assert "secret" not in shown
    for command in (
        ["rejected", "redrive", mended, "--why", "x"],
        ["rejected", "grant", "demo-council", login, "--why", "x"],
        ["breaker", "release", TRUST.topic, "--why", "x"],
        ["gap", "accept", f"{SUBMITTED}/0", "0", "1", "--why", "x"],
    ):
        assert "PostgreSQL refuses" in await desk.type(*command, dsn=theirs, status=1)

    await desk.type("rejected", "revoke", "demo-trust", login, "--why", "left")
    await desk.type("rejected", "list", dsn=theirs, status=1)
    await desk.type("rejected", "revoke", "demo-trust", login, "--why", "left", status=1)
    await desk.type("rejected", "grant", "demo-council", login, "--why", "now there")
    (one,) = await desk.listed(dsn=theirs)  # and not what another said in the council's name on its own topic
    assert (one["reason"], one["topic_of"]) == ("invalid_data", None)
    again = ["rejected", "grant", "demo-council", login, "--why", "now there"]
    assert "and nothing else." in await desk.type(*again)
    # whoever gets the name of a login that was dropped may see what that one saw
    assert "those of demo-council, granted before" in await desk.type("rejected", "grant", "demo-trust", *again[3:])
    group = ["rejected", "grant", "demo-trust", "pcare_provider", "--why", "x"]  # any provider may become that one
    assert "There is no login" in await desk.type(*group, status=1)
    assert [act["what"] for act in await system.fetch("SELECT what FROM pcare.acts ORDER BY number")] == [
        "database-made", "desk-granted", "rejected-redriven", "desk-revoked", *["desk-granted"] * 3,
    ]  # fmt: skip


async def test_a_providers_login_reaches_no_table_and_no_trick_helps(system: System, desk: Desk, login: str) -> None:
    await desk.send(event(score=200.0), event(COUNCIL, score=200.0))
    await desk.judged()
    await desk.type("rejected", "grant", "demo-trust", login, "--why", "x", dsn=system.dsn)
    connection = await asyncpg.connect(system.dsn, user=login, password="secret")
    tables = await system.fetch(
        "SELECT c.relnamespace::regnamespace || '.' || c.relname AS name FROM pg_class AS c"
        " WHERE c.relnamespace IN ('pcare'::regnamespace, 'analysis'::regnamespace) AND c.relkind IN ('r', 'v', 'p')"
    )
    assert len(tables) > 15
    for table in tables:
        with pytest.raises(DENIED):
            await connection.fetch(f"SELECT * FROM {table['name']}")  # noqa: S608
    for statement in (
        "DELETE FROM desk.rejections",
        "UPDATE desk.rejections SET reason = 'x'",
        "CREATE VIEW desk.own AS SELECT 1 AS a",
        "SELECT pcare.admit_providers()",
        "SET ROLE pcare",
        "INSERT INTO pcare.desk_members VALUES (current_user, 'urn:ncl:provider:demo-council')",
    ):
        with pytest.raises((DENIED, asyncpg.ObjectNotInPrerequisiteStateError, asyncpg.FeatureNotSupportedError)):
            await connection.execute(statement)
    # a function that tells of every row it is asked about is asked about none that is not theirs
    await connection.execute(
        "CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS"
        " $$ BEGIN RAISE NOTICE 'seen %', $1; RETURN true; END $$"
    )
    told: list[str] = []
    connection.add_log_listener(lambda _connection, message: told.append(message.message))
    found = await connection.fetch("SELECT source FROM desk.rejections WHERE pg_temp.tell(source)")
    assert [row["source"] for row in found] == [TRUST.source]
    assert told == [f"seen {TRUST.source}"]
    await connection.execute("SET ROLE pcare_provider")
    assert await connection.fetch("SELECT * FROM desk.rejections") == []
    await connection.close()


# ---- the audit trail


async def test_the_audit_trail_is_only_added_to(system: System) -> None:
    connection = await asyncpg.connect(system.dsn)
    await connection.execute("INSERT INTO pcare.acts (who, what, why) VALUES ('ada', 'tried', 'to see')")
    for table in ("acts", "redrives", "redrive_arrivals", "gaps", "breaker_releases"):
        for statement in (f"DELETE FROM pcare.{table}", f"TRUNCATE pcare.{table} CASCADE"):  # noqa: S608
            with pytest.raises(DENIED, match="audit trail"):
                await connection.execute(statement)
    with pytest.raises(DENIED, match="audit trail"):
        await connection.execute("UPDATE pcare.acts SET who = 'eve'")
    await connection.execute("SET session_replication_role = replica")
    with pytest.raises(DENIED, match="audit trail"):
        await connection.execute("DELETE FROM pcare.acts")
    for who, why in (("", "x"), ("x", "")):
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("INSERT INTO pcare.acts (who, what, why) VALUES ($1, 'x', $2)", who, why)
    await connection.close()


# ---- the recorder has stopped


async def test_a_breaker_is_released_by_command(system: System) -> None:
    desk = Desk(system)
    system.environment["PCARE_RECORDER_BREAKER_WINDOW"] = "20"
    (recorder,) = await system.start("recorder")
    release = ["breaker", "release", TRUST.topic]
    assert "Nothing waits" in await desk.type(*release, "--why", "x", status=1)
    await desk.type("breaker", "release", "x", "--why", "x", status=2)
    await desk.send(*[event(score=200.0) for _ in range(15)], topic=TRUST.topic)
    async with system.client("recorder") as client:
        for _ in range(600):
            if "read no further" in (await client.get("/health/ready")).text:
                break
            await asyncio.sleep(0.1)
        said = await asyncio.to_thread(recorder.log.read_text)
        assert f"`pcare breaker release {TRUST.topic} --why '...'`" in said
        assert re.search(r"\b\d+ records at most would be let", await desk.type(*release, "--dry-run"))
        assert "Say why" in await desk.type(*release, status=2)
        assert (await client.get("/health/ready")).status_code == 503
        said = await desk.type(*release, "--who", "ada", "--why", "their release is withdrawn")
        assert re.search(rf"{TRUST.topic}/0: \d to 14\n", said)
        await desk.judged()
        assert (await client.get("/health/ready")).status_code == 200
    assert await desk.outcomes() == (0, 0, 15)
    (act,) = await desk.acts("breaker-released")
    details = json.loads(act["details"])
    assert (act["who"], details["topic"]) == ("ada", TRUST.topic)
    assert [(one["partition"], one["last"]) for one in details["partitions"]] == [(0, 14)]


async def test_a_gap_is_passed_over_by_the_command_in_the_message(system: System) -> None:
    desk = Desk(system)
    (recorder,) = await system.start("recorder")
    await desk.send(event(), event())
    await desk.judged()
    recorder.terminate()
    await desk.send(*[event() for _ in range(8)])
    await asyncio.to_thread(_delete_records, system, 7)
    recorder.start()
    assert await asyncio.to_thread(recorder.popen.wait, 60) == 78
    said = await asyncio.to_thread(recorder.log.read_text)
    (command,) = set(re.findall(r"`pcare (gap accept [^`]*) --why '...'`", said))
    assert command == f"gap accept {SUBMITTED}/0 2 6"

    accept = command.split()
    for arguments, words in (
        (["gap", "accept", f"{SUBMITTED}/0", "1", "6"], "stands at 2, not at 1"),
        (["gap", "accept", f"{SUBMITTED}/0", "2", "4"], f"`pcare gap accept {SUBMITTED}/0 2 6 --why"),
        (["gap", "accept", f"{SUBMITTED}/0", "2", "8"], "the gap is 2 to 6"),
        (["gap", "accept", f"{SUBMITTED}/99", "2", "6"], "Kafka has no"),
    ):
        assert words in await desk.type(*arguments, "--why", "x", status=1)
    await desk.type("gap", "accept", "nonsense", "2", "6", "--why", "x", status=2)
    assert "Say why" in await desk.type(*accept, status=2)
    assert "5 at most are lost" in await desk.type(*accept, "--dry-run")
    assert await system.fetch("SELECT * FROM pcare.gaps") == []
    said = await desk.type(*accept, "--who", "ada", "--why", "the provider sends May again")
    assert "goes on at 7" in said
    assert "goes on at 7 already" in await desk.type(*accept, "--why", "again", status=1)
    (act,) = await desk.acts("gap-accepted")
    assert json.loads(act["details"]) == {"topic": SUBMITTED, "partition": 0, "first": 2, "last": 6, "lost": 5}

    # a rebuild before the recorder went on sets the cursor back to what was published: the gap is told of once
    await system.fetch("UPDATE pcare.cursors SET next_offset = 2 WHERE topic = $1 AND partition = 0", SUBMITTED)
    assert "goes on at 7" in await desk.type(*accept, "--who", "ada", "--why", "after a rebuild")
    gaps = await system.fetch("SELECT first_offset, last_offset FROM pcare.gaps")
    assert [tuple(gap) for gap in gaps] == [(2, 6)]

    recorder.start()
    await recorder.ready()
    await desk.judged(5)
    assert await desk.outcomes() == (5, 0, 0)
    connection = await asyncpg.connect(system.dsn)
    cursors = await accounting_readers.read_cursors(connection)
    await connection.close()
    assert {cursor.lost for cursor in cursors if cursor.partition != 0 or cursor.topic != SUBMITTED} == {0}
    accounts = await asyncio.to_thread(accounting_readers.count_submitted, system.options, cursors)
    (account,) = [one for one in accounts if one.cursor.lost]
    assert not account.exact
    assert account.trouble == "5 offsets at most were deleted by retention before they were recorded (pcare.gaps)"


def _delete_records(system: System, before: int) -> None:
    admin = KafkaAdminClient(**system.options)
    try:
        admin.delete_records({TopicPartition(SUBMITTED, 0): before})
    finally:
        admin.close()
