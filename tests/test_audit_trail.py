"""`pcare audit trail` as people type it: it shows what was done, and each way to tamper with it is made and named."""

import asyncio
import datetime as dt
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from backends import Backend
from database_logins import logins
from pcare_audit.checkpoint import ActsHead, Checkpoint
from pcare_audit.merkle import EMPTY_ROOT
from pcare_audit.signed_note import Signer
from pcare_cli.main import app
from pcare_recorder import migrate
from system import database

pytestmark = pytest.mark.integration

ADD = "INSERT INTO pcare.acts (who, what, why, details) VALUES ($1, $2, 'a test', $3)"
UNLOCK = """
SET session_replication_role = replica;  -- no foreign keys
ALTER TABLE pcare.acts DISABLE TRIGGER append_only;
ALTER TABLE pcare.acts DISABLE TRIGGER chained;
ALTER TABLE pcare.acts_chain DISABLE TRIGGER append_only;
"""
LOCK = """
ALTER TABLE pcare.acts ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE pcare.acts ENABLE ALWAYS TRIGGER chained;
ALTER TABLE pcare.acts_chain ENABLE ALWAYS TRIGGER append_only;
"""
CHAIN_ANEW = """
UPDATE pcare.acts SET who = 'eve' WHERE number = 2;
DO $$
DECLARE
    one record;
    before bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR one IN SELECT c.position, c.act, a AS done FROM pcare.acts_chain AS c JOIN pcare.acts AS a ON a.number = c.act
        ORDER BY c.position LOOP
        UPDATE pcare.acts_chain SET previous = before, hash = pcare.act_hash(before, one.position, one.done)
        WHERE position = one.position RETURNING hash INTO before;
    END LOOP;
END
$$
"""
NOTE_ANEW = """
ALTER TABLE pcare.checkpoints DISABLE TRIGGER append_only;
UPDATE pcare.checkpoints SET note = regexp_replace(note, '(acts 4) [0-9a-f]+', '\\1 ' || encode(c.hash, 'hex'))
FROM pcare.acts_chain AS c WHERE c.position = 4;
"""
NOTE_SPOILT = """
ALTER TABLE pcare.checkpoints DISABLE TRIGGER append_only;
UPDATE pcare.checkpoints SET note = replace(note, 'acts 4', 'acts four');
"""
FORGET = """
ALTER TABLE pcare.checkpoints DISABLE TRIGGER append_only;
TRUNCATE pcare.checkpoints, pcare.acts_chain; DELETE FROM pcare.acts;
"""
EXCHANGE = "UPDATE pcare.acts_chain SET position = CASE position WHEN 2 THEN 5 ELSE 2 END WHERE position IN (2, 5)"
TAMPERED = {
    "UPDATE pcare.acts SET who = 'eve' WHERE number = 3": r"FOUND  act 3 \(gap-accepted by eve, .*, was altered",
    "UPDATE pcare.acts SET at = at + interval '1 microsecond' WHERE number = 3": r"FOUND  act 3 .*was altered",
    "UPDATE pcare.acts SET details = '{\"n\":  2}' WHERE number = 3": r"FOUND  act 3 .*was altered",
    "UPDATE pcare.acts SET at = '20000-01-01' WHERE number = 3": r"FOUND  act 3, at position 3, was altered: .*20000-",
    "UPDATE pcare.acts SET at = '100-01-01 BC' WHERE number = 3": r"FOUND  act 3, at position 3, was altered: .*BC",
    "ALTER TABLE pcare.acts ALTER why DROP NOT NULL;"
    "UPDATE pcare.acts SET why = NULL WHERE number = 3": r"FOUND  act 3, at position 3, was altered: it has no why",
    "DELETE FROM pcare.acts WHERE number = 4": r"FOUND  act 4, at position 4, was removed\.",
    "DELETE FROM pcare.acts_chain WHERE act = 4; DELETE FROM pcare.acts WHERE number = 4": r"FOUND  .*no position 4:",
    "DELETE FROM pcare.acts_chain WHERE act = 4": r"FOUND  the chain has no position 4",
    "ALTER TABLE pcare.acts_chain DROP CONSTRAINT acts_chain_pkey CASCADE;"
    + EXCHANGE: r"FOUND  the acts were reordered: act 5 .*at position 2",
    "INSERT INTO pcare.acts (who, what, why) VALUES ('eve', 'forged', 'x')": r"FOUND  act \d+ \(forged by .*past the",
    CHAIN_ANEW: r"FOUND  position 4 had another hash when the checkpoint of",
    "DELETE FROM pcare.acts_chain WHERE position > 3; DELETE FROM pcare.acts WHERE number > 3": (
        r"FOUND  the trail ends at position 3, and had 4 at least when the checkpoint of"
    ),
}


class Trail:
    """A database with six acts and a checkpoint that carries the head at the fourth, and an auditor who looks at it."""

    def __init__(self, dsn: str, auditor: str, key: str) -> None:
        self.dsn = dsn
        self.key = key
        self.auditor = auditor

    async def type(self, *arguments: str, status: int = 0) -> str:
        environment = {"PCARE_POSTGRES_DSN": self.auditor}
        done = await asyncio.to_thread(RUNNER.invoke, app, ["audit", "trail", *arguments], env=environment)
        assert done.exit_code == status, f"{done.exit_code} {done.exception!r}\n{done.output}"
        return done.output

    async def execute(self, statements: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()


RUNNER = CliRunner()
NOW = dt.datetime(2024, 3, 5, 12, tzinfo=dt.UTC)


@pytest.fixture
async def trail(backend: Backend) -> AsyncIterator[Trail]:
    async with database(backend.dsn) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await migrate.apply(connection)
            for number in range(6):
                await connection.execute(ADD, "ada", "gap-accepted", json.dumps({"n": number}))
                if number == 3:
                    head = ActsHead(*await connection.fetchrow("SELECT * FROM pcare.acts_head()"))
                    checkpoint = Checkpoint("uk.nhs.ncl.personalised-care/log", 0, EMPTY_ROOT, NOW, acts=head)
                    signer = Signer("log", Ed25519PrivateKey.generate())
                    note = signer.sign(checkpoint.text())
                    await connection.execute("INSERT INTO pcare.checkpoints VALUES (0, $2, $1)", note, NOW)
        finally:
            await connection.close()
        async with logins(dsn) as made:
            yield Trail(dsn, made["auditor"], str(signer.verifier))


async def test_it_shows_what_was_done_and_who_looked(trail: Trail) -> None:
    await trail.execute("INSERT INTO pcare.acts (who, what, why) VALUES ('eve\u001b[2J', 'keys-rotated', 'x\ny')")
    said = await trail.type("--who", "bob", "--why", "the yearly audit")
    lines = said.splitlines()
    assert len(lines) == 8
    assert re.fullmatch(r' +1  .*Z  gap-accepted  by ada \(\w+\): a test  \{"n": 0\}', lines[0])
    assert "eve\\x1b[2J" in lines[6]
    assert "x\\ny" in lines[6]
    assert re.search(r"audit-trail  by bob \(auditor_\w+\): the yearly audit", lines[7])
    some = [json.loads(line) for line in (await trail.type("--what", "keys-rotated", "--json")).splitlines()]
    assert [(one["position"], one["what"], one["why"]) for one in some] == [(7, "keys-rotated", "x\ny")]
    assert "Nothing of that was done." in await trail.type("--since", "2100-01-01")
    await trail.type("--since", "yesterday", status=2)
    await trail.type("--verify", "--since", "2024-03-05", status=2)
    await trail.type("--head", "1 ab", status=2)
    await trail.type("--verify", "--head", "1 ab", status=2)
    await trail.type("--who", "943 476 5919", status=2)


async def test_a_trail_that_nobody_touched_is_whole_and_later_still(trail: Trail, tmp_path: Path) -> None:
    said = await trail.type("--verify")
    assert "whole: 6 acts, each chained to the one before; compared with 1 heads of checkpoints" in said
    (head,) = re.findall(r"The trail ends with: (6 [0-9a-f]{64})", said)
    kept = tmp_path / "checkpoint"
    kept.write_text(f"log\n0\nAA==\nacts {head}\n\n\u2014 log AAAAAAA=\n")
    found = json.loads(await trail.type("--verify", "--head", head, "--checkpoint", str(kept), "--json"))
    assert (found["whole"], found["acts"], found["checkpoints"], found["kept"], found["findings"]) == (
        True,
        7,
        1,
        2,
        [],
    )
    # the end is cut off, and nothing in the database tells
    await trail.execute(f"{UNLOCK} {FORGET} {LOCK}")
    said = await trail.type("--verify")
    assert "whole: 0 acts" in said
    assert "It was compared with nothing kept elsewhere" in said
    assert "the trail ends at position 1, and had 6 at least" in await trail.type("--verify", "--head", head, status=1)
    assert "checkpoint in" in await trail.type("--verify", "--checkpoint", str(kept), status=1)


async def test_a_chain_and_its_checkpoint_made_anew_together_are_told_by_the_signature(
    trail: Trail, tmp_path: Path
) -> None:
    key = tmp_path / "log.pub"
    key.write_text(trail.key)
    said = await trail.type("--verify", "--public-key", str(key))
    assert "compared with 1 heads of signed checkpoints" in said
    await trail.type("--public-key", str(key), status=2)
    await trail.execute(f"{UNLOCK} {CHAIN_ANEW}; {NOTE_ANEW} {LOCK}")
    assert "signed those checkpoints was not looked at" in await trail.type("--verify")
    said = await trail.type("--verify", "--public-key", str(key), status=1)
    assert re.match("FOUND  the checkpoint of .* is not as it was signed: The signature of log is wrong", said), said
    await trail.execute(f"{UNLOCK} {NOTE_SPOILT} {LOCK}")
    assert "is no head of the trail" in await trail.type("--verify", status=1)


@pytest.mark.parametrize(("tampering", "named"), TAMPERED.items(), ids=range(len(TAMPERED)))
async def test_tampering_is_found_and_named(trail: Trail, tampering: str, named: str) -> None:
    await trail.execute(f"{UNLOCK} {tampering}; {LOCK}")
    said = await trail.type("--verify", status=1)
    assert re.match(named, said), said
    assert "NOT WHOLE" in said
    ((told,),) = await _fetch(trail.dsn, "SELECT details::text FROM pcare.acts ORDER BY number DESC LIMIT 1")
    assert json.loads(told)["whole"] is False


async def test_topics_that_are_made_are_put_down_or_told_where_there_is_no_database(
    trail: Trail, backend: Backend
) -> None:
    name = f"t{uuid4().hex[:8]}"
    kafka = {"PCARE_KAFKA_BOOTSTRAP_SERVERS": backend.bootstrap_servers}

    async def create(slug: str, dsn: str | None) -> Result:
        command = ["topics", "create", "--provider", slug, "--who", "ada", "--why", "a newcomer"]
        environment = kafka | {"PCARE_POSTGRES_DSN": dsn}
        return await asyncio.to_thread(RUNNER.invoke, app, command, env=environment)

    assert "audit trail" not in (await create(name, trail.dsn)).stderr
    made = f"interventions.submitted.{name}"
    ((who, details),) = await _fetch(trail.dsn, "SELECT who, details FROM pcare.acts WHERE what = 'topics-made'")
    assert who == "ada"
    assert made in json.loads(details)["created"]
    await create(name, trail.dsn)  # nothing is left to do
    assert len(await _fetch(trail.dsn, "SELECT FROM pcare.acts WHERE what = 'topics-made'")) == 1
    for dsn in (None, "postgresql://nobody@127.0.0.1:1/none"):
        name = f"t{uuid4().hex[:8]}"
        done = await create(name, dsn)
        assert done.exit_code == 0, done.output
        assert "Not in the audit trail" in done.stderr
        assert f'topics-made {{"created":["interventions.submitted.{name}"]' in done.stderr


async def _fetch(dsn: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()
