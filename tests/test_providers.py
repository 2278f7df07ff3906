"""`pcare providers` as people type it, on real PostgreSQL: the register, credentials, the audit trail."""

import asyncio
import datetime as dt
import hashlib
import json
import os
import re
import shlex
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from backends import Backend
from database_logins import logins
from pcare_cli.main import app
from pcare_common import api_keys
from pcare_recorder import migrate
from pcare_schemas.examples import VALID, person
from pcare_schemas.register import Register
from pcare_schemas.rejections import Reason
from pcare_schemas.topics import SUBMITTED
from system import System

pytestmark = pytest.mark.integration

RUNNER = CliRunner()
RKE = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
AGE_WELL = "urn:ncl:provider:age-well"
BECAUSE = ("--who", "ada", "--why", "contract of 1 May")
KEYS = [
    {
        "kty": "EC",
        "kid": "2026-01",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    },
    {
        "kty": "EC",
        "kid": "2026-02",
        "crv": "P-256",
        "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    },
]


class Office:
    """Types commands against a database of its own, as an operator, and looks into it."""

    def __init__(self, dsn: str, operator: str, directory: Path) -> None:
        self.dsn = dsn
        self.operator = operator
        self.directory = directory
        self.variables: dict[str, str] = {}

    async def type(self, *arguments: str, status: int = 0, dsn: str | None = None) -> str:
        """Type `pcare providers …`, and return what it says, on both streams."""
        environment = {"PCARE_POSTGRES_DSN": dsn or self.operator, "PCARE_PROVIDER_REGISTER": None} | self.variables
        done = await asyncio.to_thread(RUNNER.invoke, app, ["providers", *arguments], env=environment)
        assert done.exit_code == status, f"{' '.join(arguments)}: {done.exit_code} {done.exception!r}\n{done.output}"
        return done.output

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.type(*arguments, "--json"))

    async def fetch(self, query: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def acts(self) -> list[asyncpg.Record]:
        return await self.fetch("SELECT who, what, why, details FROM pcare.acts ORDER BY number")

    async def state(self) -> tuple[int, int]:
        ((register, credentials),) = await self.fetch("SELECT register, credentials FROM edge.state")
        return register, credentials

    def jwks(self, *keys: dict[str, str], name: str = "jwks.json") -> str:
        file = self.directory / name
        file.write_text(json.dumps({"keys": keys}))
        return str(file)


@pytest.fixture
async def office(backend: Backend, tmp_path: Path) -> AsyncIterator[Office]:
    name = f"office_{uuid4().hex[:8]}"
    server = await asyncpg.connect(backend.dsn)
    await server.execute(f"CREATE DATABASE {name}")
    dsn = f"{backend.dsn.rsplit('/', 1)[0]}/{name}"
    connection = await asyncpg.connect(dsn)
    await migrate.apply(connection)
    await connection.close()
    async with logins(dsn) as made:
        yield Office(dsn, made["operator"], tmp_path)
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


# ---- the register


async def test_an_organisation_of_the_built_in_register_is_added_by_its_code_alone(office: Office) -> None:
    said = await office.type("add", "rke", *BECAUSE, "--url", "https://pcare.example/")
    assert "RKE (Whittington Health NHS Trust) is in the register: trust, every kind of event." in said
    assert f"{RKE}  (in every event)" in said
    assert "POST https://pcare.example/events\n" in said
    assert "pcare conformance --as RKE --url https://pcare.example\n" in said
    (row,) = await office.fetch("SELECT * FROM edge.register")
    assert (row["source"], row["name"], row["kind"]) == (RKE, "Whittington Health NHS Trust", "trust")
    (act,) = await office.acts()
    assert tuple(act)[:3] == ("ada", "provider-added", "contract of 1 May")
    assert json.loads(act["details"]) == {
        "provider": "RKE",
        "source": RKE,
        "entry": {"source": RKE, "name": "Whittington Health NHS Trust", "kind": "trust"},
    }
    ((name,),) = await office.fetch("SELECT name FROM pcare.providers WHERE source = $1", RKE)
    assert name == "Whittington Health NHS Trust"  # so `pcare rejected grant RKE` works before the recorder has moved


async def test_added_again_nothing_changes_and_otherwise_it_is_refused(office: Office) -> None:
    given = ["add", AGE_WELL, "--name", "Age Well", "--kind", "voluntary_sector", "--kinds", "sp-closed,sp-referral"]
    assert "only sp-referral, sp-closed" not in await office.type(*given, *BECAUSE, "--dry-run")
    said = await office.type(*given, *BECAUSE)
    assert "only sp-closed, sp-referral" in said
    before = await office.state()
    assert "registered already, just so" in await office.type(*given, *BECAUSE)
    assert "registered already, just so" in await office.type("add", "age-well", *BECAUSE)
    refused = await office.type("add", "age-well", "--name", "Other", *BECAUSE, status=1)
    assert "age-well is registered already, otherwise: `pcare providers set` changes it." in refused
    assert await office.state() == before
    assert len(await office.acts()) == 1


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["add", "ZZZ99"], "say --name and --kind", 1),
        (["add", "zzz99"], "Write ZZZ99, if that is its ODS code", 1),
        (["add", "RKE", "--kinds", "sp-referal"], "--kinds: Value error, no kind of event: sp-referal", 1),
        (["add", "RKE", "--kinds", ","], "--kinds:", 1),
        (["add", "RKE", "--kind", "hospital"], "--kind:", 1),
        (["add", "RKE", "--successor", "ZZZ99"], "add the successor first", 1),
        (["add", "RKE", "--valid-from", "2026-04-01", "--valid-to", "2026-04-01"], "valid_to must be later", 1),
        (["add", "RKE", "--valid-to", "soon"], "--valid-to takes a day", 2),
        (["add", "urn:ncl:provider:rke", "--name", "R", "--kind", "trust"], "would share one topic", 1),
        (["add", "RKE", "--name", " "], "--name is empty", 2),
        (["set", "RKE", "--name", "for 943 476 5919"], "looks like an NHS number", 2),
        (["set", "RKE"], "Say what to change", 2),
        (["set", "ZZZ99", "--name", "Z"], "No organisation of the register is called ZZZ99", 1),
        (["end", "ZZZ99", "--on", "2026-04-01"], "No organisation of the register is called ZZZ99", 1),
        (["show", "ZZZ99"], "No organisation of the register is called ZZZ99", 1),
        (["list"], "Nobody is registered here yet", 1),
        (["key", "new", "RKE"], "`pcare providers add RKE`", 1),
        (["revoke", "bcdfghjkmnpq"], "There is no credential bcdfghjkmnpq", 1),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_changed(
    office: Office, arguments: list[str], said: str, status: int
) -> None:
    answers = [] if arguments[0] in {"show", "list"} else BECAUSE
    assert said in await office.type(*arguments, *answers, status=status)
    if answers:
        await office.type(*arguments, "--dry-run", status=status)
    assert await office.acts() == []
    assert await office.state() == (0, 0)


async def test_a_reason_must_be_given_and_may_not_identify(office: Office) -> None:
    assert "Say why" in await office.type("add", "RKE", status=2)
    assert "NHS number" in await office.type("add", "RKE", "--why", "for 943 476 5919", status=2)
    assert await office.acts() == []


async def test_a_dry_run_says_the_same_and_does_nothing(office: Office) -> None:
    said = await office.type("add", "RKE", "--key", "--dry-run")
    assert "RKE (Whittington Health NHS Trust) is in the register" in said
    assert "Nothing was done: this was a dry run." in said
    assert "pcare_" not in said
    assert await office.acts() == []
    await office.type("add", "RKE", *BECAUSE)
    before = await office.state()
    for command in (
        ["set", "RKE", "--name", "W"],
        ["end", "RKE", "--on", "2030-01-01"],
        ["key", "new", "RKE"],
        ["jwks", "add", "RKE", "--file", office.jwks(KEYS[0])],
    ):
        assert "dry run" in await office.type(*command, "--dry-run")
    assert len(await office.acts()) == 1
    assert await office.state() == before


async def test_an_entry_is_changed_where_it_is_said_and_the_trail_holds_both(office: Office) -> None:
    await office.type("add", "RKE", *BECAUSE, "--events-per-second", "50")
    limits = ["--kinds", "sp-referral", "--events-per-second", "0", "--valid-from", "2026-04-01"]
    await office.type("set", "RKE", *limits, *BECAUSE)
    act = (await office.acts())[-1]
    assert act["what"] == "provider-changed"
    details = json.loads(act["details"])
    assert details["before"] == {"events_per_second": 50, "kinds": None, "valid_from": None}
    assert details["after"] == {"events_per_second": None, "kinds": ["sp-referral"], "valid_from": "2026-04-01"}
    assert "just so" in await office.type("set", "RKE", "--kinds", "sp-referral", *BECAUSE)
    await office.type("set", "RKE", "--kinds", "all", "--valid-from", "none", *BECAUSE)
    (shown,) = await office.json("list")
    assert "kinds" not in shown
    assert "valid_from" not in shown
    assert len(await office.acts()) == 3


async def test_the_hour_by_which_a_provider_normally_sends_is_said_shown_and_taken_away(office: Office) -> None:
    await office.type("add", "RKE", *BECAUSE)
    said = await office.type("set", "RKE", "--expected-by", "09:30", *BECAUSE)
    assert "expected by 09:30 (mon tue wed thu fri)" in said
    await office.type("set", "RKE", "--days", "mon,sat-sun", "--bank-holidays", *BECAUSE)
    shown = await office.json("show", "RKE")
    assert (shown["expected_by"], shown["expected_days"]) == ("09:30:00", ["mon", "sat", "sun"])
    assert "bank holidays too" in await office.type("show", "RKE")
    (details,) = (json.loads(act["details"]) for act in (await office.acts())[1:2])
    assert details["after"] == {"expected_by": "09:30:00", "expected_days": ["mon", "tue", "wed", "thu", "fri"]}
    await office.type("set", "RKE", "--expected-by", "none", *BECAUSE)
    assert not {name for name in await office.json("show", "RKE") if name.startswith("expected")}
    assert "give that too" in await office.type("set", "RKE", "--days", "mon", *BECAUSE, status=1)


async def test_one_of_a_register_file_is_changed_by_a_row_of_its_own(office: Office) -> None:
    await office.type("set", "QMJ", "--valid-to", "2026-05-01", *BECAUSE)
    (row,) = await office.fetch("SELECT name, valid_from, valid_to, successor FROM edge.register")
    assert tuple(row) == ("NHS North Central London ICB", dt.date(2022, 7, 1), dt.date(2026, 5, 1), "Z9B2Z")


async def test_an_organisation_ends_and_may_still_say_what_was_before(office: Office) -> None:
    await office.type("add", "RKE", "--key", *BECAUSE)
    said = await office.type("end", "RKE", "--on", "2026-04-01", "--successor", "RAL", *BECAUSE)
    (credential,) = (await office.json("show", "RKE"))["credentials"]
    assert f"It still holds {credential['id']}." in said
    assert "before 2026-04-01 may still be sent" in said
    (row,) = await office.fetch("SELECT valid_to, successor FROM edge.register")
    assert tuple(row) == (dt.date(2026, 4, 1), "RAL")
    assert [act["what"] for act in await office.acts()] == ["provider-added", "api-key-made", "provider-ended"]


async def test_a_file_of_providers_counts_for_what_is_refused(office: Office) -> None:
    file = office.directory / "register.yaml"
    file.write_text(f'providers:\n  - {{source: "{AGE_WELL}", name: Age Well, kind: council, kinds: [sp-closed]}}\n')
    office.variables["PCARE_PROVIDER_REGISTER"] = str(file)
    await office.type("add", "age-well", *BECAUSE)
    (row,) = await office.fetch("SELECT kind, kinds FROM edge.register")
    assert tuple(row) == ("council", ["sp-closed"])


async def test_a_row_that_was_made_wrong_by_hand_can_be_put_right(office: Office) -> None:
    await office.type("add", AGE_WELL, "--name", "Age Well", "--kind", "council", *BECAUSE)
    await office.fetch("UPDATE pcare.register SET kind = 'hospital'")
    assert "That makes no register" in await office.type("add", "RKE", *BECAUSE, status=1)
    await office.type("set", "age-well", "--kind", "council", *BECAUSE)
    await office.type("add", "RKE", *BECAUSE)


async def test_two_at_once_do_not_make_what_each_alone_may(office: Office) -> None:
    """Each of the two would be well by itself; together they would share a topic."""
    arguments = ["--name", "A", "--kind", "trust", *BECAUSE]
    running = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pcare_cli", "providers", "add", code, *arguments),
            env=os.environ | {"PCARE_POSTGRES_DSN": office.dsn},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        for code in (RKE[:-3] + "ABC99", "urn:ncl:provider:abc99")
    ]
    assert sorted(await asyncio.gather(*(one.wait() for one in running))) == [0, 1]
    assert len(await office.fetch("SELECT FROM pcare.register")) == 1


# ---- credentials


async def test_an_api_key_is_shown_once_and_only_its_hash_is_kept(office: Office) -> None:
    said = await office.type("add", "RKE", "--key", *BECAUSE)
    (text,) = re.findall(r"pcare_[a-z]+_[A-Za-z]+", said)
    parsed = api_keys.parse(text)
    assert parsed is not None
    (row,) = await office.fetch("SELECT id, source, form, secret_sha256, jwks, expires_at FROM edge.credentials")
    assert tuple(row) == (
        parsed[0], RKE, "api_key", hashlib.sha256(parsed[1].encode()).digest(), None, None,
    )  # fmt: skip
    assert "has an API key already" in await office.type("add", "RKE", "--key", *BECAUSE)
    for table in ("acts", "credentials", "register", "register_state", "providers"):
        rows = await office.fetch(f"SELECT t::text FROM pcare.{table} AS t")  # noqa: S608
        assert rows
        assert not [row for row in rows if parsed[1] in row[0]]
    for command in (["show", "RKE"], ["list"], ["list", "--json"], ["show", "RKE", "--json"]):
        shown = await office.type(*command)
        assert parsed[0] in shown
        assert parsed[1] not in shown


async def test_a_key_is_changed_for_another_without_a_gap(office: Office) -> None:
    await office.type("add", "RKE", "--key", *BECAUSE)
    ((old,),) = await office.fetch("SELECT id FROM edge.credentials")
    said = await office.type("key", "new", "RKE", "--expires", "2090-04-01", *BECAUSE)
    assert f"take back: {old}" in said
    assert {row[0] for row in await office.fetch("SELECT id FROM edge.credentials")} > {old}
    assert "not accepted any more" in await office.type("revoke", old, *BECAUSE)
    ((new, expires),) = await office.fetch("SELECT id, expires_at FROM edge.credentials")
    assert expires == dt.datetime(2090, 3, 31, 23, tzinfo=dt.UTC)
    assert "was revoked before" in await office.type("revoke", old, *BECAUSE)
    assert "sends nothing until it gets one" in await office.type("revoke", new, *BECAUSE)
    states = {one["id"]: one["state"] for one in (await office.json("show", "RKE"))["credentials"]}
    assert states == {old: "revoked", new: "revoked"}
    assert (await office.state())[1] == 4
    acts = [(act["what"], json.loads(act["details"])) for act in await office.acts()]
    assert [what for what, _ in acts] == [
        "provider-added", "api-key-made", "api-key-made", "credential-revoked", "credential-revoked",
    ]  # fmt: skip
    assert acts[3][1]["credential"]["id"] == old


async def test_what_has_expired_shows_as_expired(office: Office) -> None:
    await office.type("add", "RKE", "--key", *BECAUSE)
    past = "valid_from = now() - interval '2 days', expires_at = now() - interval '1 s'"
    await office.fetch(f"UPDATE pcare.credentials SET {past}")  # noqa: S608
    assert "API key, expired" in await office.type("show", "RKE")
    (one,) = await office.json("list")
    assert one["credentials"][0]["state"] == "expired"
    assert "-\n" in await office.type("list")
    assert "in the past" in await office.type("key", "new", "RKE", "--expires", "2020-01-01", *BECAUSE, status=2)


async def test_public_keys_are_added_beside_the_old_and_taken_away_by_their_ids(office: Office) -> None:
    said = await office.type("add", "RKE", "--jwks", office.jwks(KEYS[0]), *BECAUSE)
    ((client, jwks),) = await office.fetch("SELECT id, jwks FROM edge.credentials")
    assert f"{client}  (its keys: 2026-01)" in said
    assert json.loads(jwks) == {"keys": [KEYS[0] | {"use": "sig"}]}
    assert "Nothing was changed" in await office.type("jwks", "add", "RKE", "--file", office.jwks(KEYS[0]), *BECAUSE)
    assert "only key" in await office.type("jwks", "remove", "RKE", "2026-01", *BECAUSE, status=1)

    await office.type("jwks", "add", "RKE", "--file", office.jwks(*KEYS), *BECAUSE)
    ((same, jwks),) = await office.fetch("SELECT id, jwks FROM edge.credentials")
    assert same == client
    assert [key["kid"] for key in json.loads(jwks)["keys"]] == ["2026-01", "2026-02"]
    taken = office.jwks(KEYS[1] | {"kid": "2026-01"})
    assert "Give the new key a kid of its own" in (
        await office.type("jwks", "add", "RKE", "--file", taken, *BECAUSE, status=1)
    )
    said = await office.type("jwks", "remove", "RKE", "2026-01", *BECAUSE)
    assert f"{client} of RKE signs no longer by 2026-01; left: 2026-02" in said
    said = await office.type("jwks", "remove", "RKE", "2026-01", *BECAUSE, status=1)
    assert "No client of RKE has a key 2026-01" in said
    (one,) = (await office.json("show", "RKE"))["credentials"]
    assert (one["form"], one["keys"]) == ("private_key_jwt", ["2026-02"])
    whats = [act["what"] for act in await office.acts()]
    assert whats == ["provider-added", "signing-keys-added", "signing-keys-added", "signing-key-removed"]
    assert json.loads((await office.acts())[-1]["details"])["kids"] == ["2026-01"]
    assert (await office.state())[1] == 3


async def test_a_provider_with_several_systems_names_the_one_that_is_meant(office: Office) -> None:
    await office.type("add", "RKE", *BECAUSE)
    await office.type("add", "RAL", "--key", *BECAUSE)
    for client, key in (("rke.epr", KEYS[0]), ("rke.pas", KEYS[1])):
        await office.type("jwks", "add", "RKE", "--file", office.jwks(key), "--client-id", client, *BECAUSE)
    ambiguous = office.jwks(KEYS[0] | {"kid": "2026-03"})
    assert "Say which: --client-id, one of rke.epr, rke.pas" in await office.type(
        "jwks", "add", "RKE", "--file", ambiguous, *BECAUSE, status=1
    )
    ((of_ral,),) = await office.fetch("SELECT id FROM edge.credentials WHERE form = 'api_key'")
    for client in ("rke.epr", of_ral):
        assert "is taken" in await office.type(
            "jwks", "add", "RAL", "--file", ambiguous, "--client-id", client, *BECAUSE, status=1
        )
    await office.type("revoke", "rke.pas", *BECAUSE)
    await office.type("jwks", "add", "RKE", "--file", ambiguous, *BECAUSE)
    assert [one["keys"] for one in (await office.json("show", "RKE"))["credentials"]] == [
        ["2026-01", "2026-03"],
        ["2026-02"],
    ]
    assert "is taken" in await office.type(
        "jwks", "add", "RKE", "--file", ambiguous, "--client-id", "rke.pas", *BECAUSE, status=1
    )
    assert "A client id is 3 to 64" in await office.type(
        "jwks", "add", "RKE", "--file", ambiguous, "--client-id", "a b", *BECAUSE, status=1
    )


async def test_a_private_key_is_refused_before_anything_is_asked(office: Office) -> None:
    await office.type("add", "RKE", *BECAUSE)
    file = office.jwks(KEYS[0] | {"d": "AQAB"})
    assert "private key" in await office.type("jwks", "add", "RKE", "--file", file, *BECAUSE, status=2)
    assert "cannot be read" in await office.type("jwks", "add", "RKE", "--file", "/nowhere", *BECAUSE, status=2)
    assert await office.fetch("SELECT FROM pcare.credentials") == []


# ---- who may do it


async def test_ingest_reads_the_register_and_can_change_nothing(office: Office) -> None:
    await office.type("add", "RKE", "--key", *BECAUSE)
    await office.fetch("DROP ROLE IF EXISTS edge_of_a_test")
    await office.fetch("CREATE ROLE edge_of_a_test LOGIN PASSWORD 'secret' IN ROLE pcare_edge")
    theirs = re.sub("//[^@]*@", "//edge_of_a_test:secret@", office.dsn)
    connection = await asyncpg.connect(theirs)
    try:
        assert len(await connection.fetch("SELECT * FROM edge.register")) == 1
        assert len(await connection.fetch("SELECT * FROM edge.credentials")) == 1
        for statement in (
            "SELECT * FROM pcare.register",
            "SELECT * FROM pcare.credentials",
            "SELECT * FROM pcare.acts",
            "UPDATE edge.register SET name = 'x'",
            "UPDATE edge.credentials SET expires_at = NULL",
            "DELETE FROM edge.credentials",
            "SELECT edge.add_act('x', 'provider-added', 'x', '{}')",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        assert await connection.fetchval("SELECT edge.add_act('RKE', 'pseudonyms-given', 'asked', '{\"number\": 3}')")
    finally:
        await connection.close()
    assert "PostgreSQL refuses" in await office.type("add", "RAL", *BECAUSE, dsn=theirs, status=1)
    await office.fetch("DROP OWNED BY edge_of_a_test")
    await office.fetch("DROP ROLE edge_of_a_test")


async def test_the_list_is_for_people_and_for_programs(office: Office) -> None:
    await office.type("add", AGE_WELL, "--name", "Age Well", "--kind", "council", "--events-per-second", "5", *BECAUSE)
    await office.type("add", "RKE", "--key", *BECAUSE)
    head, first, second = (await office.type("list")).splitlines()
    assert head.split() == ["code", "name", "entry", "credentials"]
    assert first.startswith("RKE ")
    assert "(API key)" in first
    entry = "council, every kind of event, at most 5 events a second over HTTP"
    assert re.fullmatch(f"age-well +Age Well +{entry} +-", second)
    everyone = await office.json("list", "--all")
    assert {one["code"] for one in everyone} >= {"RKE", "age-well", "RAL"}
    assert {one["code"] for one in everyone if one["registered_here"]} == {"RKE", "age-well"}
    shown = await office.json("show", AGE_WELL)
    assert (shown["events_per_second"], shown["acts"][0]["what"]) == (5, "provider-added")
    assert "provider-added by ada: contract of 1 May" in await office.type("show", "age-well")


# ---- with the recorder


async def test_a_newcomer_is_recorded_and_what_it_sent_too_early_goes_in_again(system: System, tmp_path: Path) -> None:
    await system.start("recorder")
    office = Office(system.dsn, system.logins["operator"], tmp_path)
    office.variables["PCARE_PROVIDER_REGISTER"] = system.environment["PCARE_PROVIDER_REGISTER"]

    async def send() -> None:
        event = json.loads(json.dumps(VALID["pam-scored"]))
        event |= {"id": str(uuid4()), "source": AGE_WELL, "subject": person("Alex")}
        producer = KafkaProducer(acks="all", **system.options)
        producer.send(SUBMITTED, value=json.dumps(event).encode(), key=event["subject"].encode(), partition=0)
        await asyncio.to_thread(producer.close)

    async def outcomes(wanted: tuple[int, int]) -> None:
        for _ in range(300):
            ((found),) = await system.fetch(
                "SELECT coalesce(sum(recorded), 0)::int, coalesce(sum(rejected), 0)::int FROM pcare.cursors"
            )
            if tuple(found) == wanted:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{tuple(found)} are recorded and rejected, not {wanted}")

    await send()
    await outcomes((0, 1))
    await office.type("add", AGE_WELL, "--name", "Age Well", "--kind", "voluntary_sector", *BECAUSE)
    await send()
    await outcomes((1, 1))
    again = ["rejected", "redrive", "--reason", Reason.unknown_provider, "--why", "registered today"]
    done = await asyncio.to_thread(RUNNER.invoke, app, again, env=system.environment)
    assert "1 were sent in again" in done.output
    await outcomes((2, 1))
    await office.type("set", "age-well", "--kinds", "sp-referral", *BECAUSE)
    await send()
    await outcomes((2, 2))
    ((reason,),) = await system.fetch("SELECT reason FROM pcare.rejections ORDER BY received_at DESC LIMIT 1")
    assert reason == Reason.kind_not_allowed


PAGE = (Path(__file__).parents[1] / "docs" / "providers.md").read_text()


async def test_every_command_of_the_page_does_what_it_says(office: Office) -> None:
    """In the order of the page, which is that of a provider's life."""
    blocks = re.findall(r"(?:^ {4}.*\n)+", PAGE.replace(" \\\n", " "), re.MULTILINE)
    commands = [line.split("#")[0] for block in blocks for line in block.splitlines() if "pcare providers" in line]
    assert len(commands) >= 9
    office.jwks(KEYS[0], name="rke.jwks.json")
    for command in commands:
        words = [str(office.directory / word) if word.endswith(".json") else word for word in shlex.split(command)[2:]]
        if words[0] == "revoke":
            ((words[1],),) = await office.fetch("SELECT id FROM edge.credentials WHERE form = 'api_key'")
        await office.type(*words)
    acts = {act["what"] for act in await office.acts()}
    named = set(re.findall(r"^\| `([a-z-]+)` \| `", PAGE, re.MULTILINE))
    assert acts <= named
    assert named - acts == {"signing-key-removed"}


def test_the_register_file_of_the_page_is_one(tmp_path: Path) -> None:
    (block,) = [one for one in re.findall(r"(?:^ {4}.*\n)+", PAGE, re.MULTILINE) if "providers:" in one]
    file = tmp_path / "register.yaml"
    file.write_text(textwrap.dedent(block))
    assert Register.load(file).by_code["age-well"].kinds == ("sp-referral", "sp-closed")
