"""The pseudonym key is changed under a running system: nobody counts twice, and a late retry is still a duplicate."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from events import BARNET, event, pam, referral, retraction
from pcare_cli import merging
from pcare_cli.accounting import Report
from pcare_cli.main import app
from pcare_cli.simulation.people import number_for_tests
from pcare_recorder.database import REBUILDING, connect
from pcare_schemas.pseudonym import PseudonymKey, pseudonym
from pcare_schemas.topics import SUBMITTED
from system import System

pytestmark = pytest.mark.integration

MANY = {"content-type": "application/cloudevents-batch+json"}
NUMBERS = [number_for_tests(30_000 + 7 * index) for index in range(12)]
RUNNER = CliRunner()
WHY = ("--why", "the yearly change", "--who", "an operator")


def life_of(number: str, part: str) -> list[dict[str, Any]]:
    """Return what happened to somebody: some of it in another borough, some taken back, some under one reference."""
    about = {"subject": f"nhs-number:{number}"}
    plan = {"plan_ref": f"plan-{number[:3]}-{part}", "plan_kind": "frailty"}
    mistaken = referral(f"r-{part}-mistaken", **about)
    moved = referral(f"r-{part}-moved", **about)
    moved["data"]["borough"] = BARNET
    return [
        referral(f"r-{part}", **about),
        pam(**about),
        event("care-plan-agreed", plan, **about),
        mistaken,
        moved,
        retraction(mistaken),
        event("sp-closed", {"referral_ref": f"r-{part}", "outcome": "goals_met"}, **about),
    ]


async def send(system: System, events: list[dict[str, Any]]) -> None:
    """Send events over HTTP; each is accepted."""
    async with system.client("ingest") as client:
        answer = await client.post("/events", content=json.dumps(events), headers=MANY)
    assert answer.status_code == 202, [one["problem"] for one in answer.json() if "problem" in one][:2]


async def send_to_kafka(system: System, *events: dict[str, Any]) -> None:
    def publish() -> None:
        producer = KafkaProducer(acks="all", **system.options)
        for one in events:
            producer.send(SUBMITTED, value=json.dumps(one).encode(), key=one["subject"].encode())
        producer.close()

    await asyncio.to_thread(publish)


async def pcare(system: System, *arguments: str, status: int = 0) -> str:
    """Type a command, as an operator."""
    environment = {"PCARE_POSTGRES_DSN": system.logins["operator"]}
    done = await asyncio.to_thread(RUNNER.invoke, app, arguments, env=environment)
    assert done.exit_code == status, f"{done.exit_code}: {done.output} {done.exception!r}"
    return done.output


async def restart_ingest(system: System, keys: Mapping[str, str]) -> None:
    ingest = system.one("ingest")
    ingest.terminate()
    login = {"PCARE_POSTGRES_DSN": system.logins["ingest"]}
    ingest.environment = {**system.environment, **login, "PCARE_INGEST_PORT": str(ingest.port), **keys}
    ingest.start()
    await ingest.ready()


def counted(report: Report) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    """Return every KPI as all three ways have it."""
    assert report.exact, report.faults()
    return {(row.kpi, row.borough, row.year): (row.stream.value, row.stream.numerator) for row in report.kpis}


async def people(system: System) -> int:
    ((found,),) = await system.fetch(
        "SELECT count(DISTINCT subject) FROM pcare.interventions WHERE subject ~ '^person'"
    )
    return int(found)


async def test_no_kpi_moves_and_a_late_retry_is_a_duplicate(system: System, tmp_path: Path) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    old_file, new_file = system.layout.key, tmp_path / "k2"
    before = [life_of(number, "before") for number in NUMBERS]
    await send(system, [one for life in before for one in life])
    first = await system.report()
    kpis = counted(first)
    assert kpis["sp_people", "NCL", first.kpis[0].year]
    assert await people(system) == len(NUMBERS)

    said = await pcare(system, "keys", "rotate", str(new_file), *WHY)
    assert f"PCARE_PSEUDONYM_KEY_FILE={new_file}" in said
    old, new = PseudonymKey.read(old_file), PseudonymKey.read(new_file)
    assert (old.id, new.id) == ("k1", "k2")
    assert new.secret.decode() not in said
    assert "being changed already" in await pcare(system, "keys", "rotate", str(tmp_path / "k3"), *WHY, status=1)
    assert not (tmp_path / "k3").exists()

    # until ingest has the new key, all goes on as before; then every event of half of the people comes again
    await send(system, before[0])
    both = {"PCARE_PSEUDONYM_KEY_FILE": str(new_file), "PCARE_PSEUDONYM_PREVIOUS_KEY_FILE": str(old_file)}
    await restart_ingest(system, both)
    for life in before[:6]:
        await send(system, life)
    again = await system.report()
    assert counted(again) == kpis
    assert again.accounting.total("recorded") == first.accounting.total("recorded")
    assert again.accounting.total("duplicates") == 7 * len(before[0])
    assert "6 of 12 persons" in await pcare(system, "keys", "rotate", "--finish", *WHY, status=1)

    # the same people go on living, some of them as Kafka's providers know them; nobody becomes two
    after = [life_of(number, "after") for number in NUMBERS]
    await send(system, [one for life in after[:9] for one in life])
    async with system.client("ingest") as client:
        asked = {"nhs_numbers": NUMBERS[9:]}
        given = (await client.post("/pseudonyms", json=asked)).json()
    assert given["pseudonyms"] == [pseudonym(number, new) for number in NUMBERS[9:]]
    assert given["previous"] == [pseudonym(number, old) for number in NUMBERS[9:]]
    alone = referral("too-little-said", subject=given["pseudonyms"][0])
    await send_to_kafka(system, alone)
    for life, subject, previous in zip(after[9:], given["pseudonyms"], given["previous"], strict=True):
        await send_to_kafka(system, *[one | {"subject": subject, "subjectprev": previous} for one in life])
    lived = await system.report()
    assert counted(lived) != kpis
    assert await people(system) == len(NUMBERS)
    ((refused,),) = await system.fetch("SELECT array_agg(reason || ' ' || id) FROM pcare.rejections")
    assert refused == [f"unlinked_pseudonym {alone['id']}"]

    shown = await pcare(system, "keys", "show")
    assert "12 persons" in shown
    assert "0 persons to go" in shown
    assert "All 12 persons" in await pcare(system, "keys", "rotate", "--finish", *WHY)
    assert "No key is being changed" in await pcare(system, "keys", "rotate", "--finish", *WHY, status=1)
    await restart_ingest(system, {"PCARE_PSEUDONYM_KEY_FILE": str(new_file)})
    # everything once more, under the new key alone; and what a provider kept under the old one
    for life in [*before, *after[:9]]:
        await send(system, life)
    await send_to_kafka(system, *[one | {"subject": pseudonym(NUMBERS[0], old)} for one in before[0]])
    end = await system.report()
    assert counted(end) == counted(lived)
    assert end.accounting.total("recorded") == lived.accounting.total("recorded")
    assert await people(system) == len(NUMBERS)
    # somebody new is nobody under the old key, and somebody under the new one
    stranger = number_for_tests(90_000)
    await send_to_kafka(system, referral("r", subject=pseudonym(stranger, old)))
    await send(system, [referral("r", subject=f"nhs-number:{stranger}")])
    last = await system.report()
    assert last.exact, last.faults()
    assert await people(system) == len(NUMBERS) + 1

    made, *acts = await system.fetch("SELECT what, details::text FROM pcare.acts ORDER BY number")
    assert made[0] == "database-made"
    assert [act[0] for act in acts] == ["keys-rotated", "pseudonyms-given", "keys-rotation-finished"]
    assert json.loads(acts[1][1]) == {"number": 3, "credential": None}
    everything = system.logs() + json.dumps([tuple(act) for act in acts])
    for number in NUMBERS:
        assert number not in everything
        assert pseudonym(number, new).split(":")[2] not in everything


async def test_a_key_that_was_exchanged_by_hand_is_told_before_another_is_made(system: System, tmp_path: Path) -> None:
    nobody = await pcare(system, "keys", "rotate", str(tmp_path / "k2"), *WHY, status=1)
    assert "Nobody is recorded yet" in nobody
    await system.start("recorder")
    await send_to_kafka(
        system, referral(subject=f"person:k1:{'1' * 32}"), referral(subject=f"person:k2:{'2' * 32}"),
        referral("r", subject=f"person:k2:{'3' * 32}"),
    )  # fmt: skip
    for _ in range(300):
        if await people(system) == 3:
            break
        await asyncio.sleep(0.1)
    said = await pcare(system, "keys", "rotate", str(tmp_path / "k2"), *WHY, status=1)
    assert "under no key all of them have a pseudonym (1 under k1, 2 under k2)" in said
    assert not (tmp_path / "k2").exists()


async def until_recorded(system: System, count: int) -> None:
    for _ in range(300):
        if (await system.fetch("SELECT count(*) FROM pcare.interventions"))[0][0] == count:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{count} events were never recorded")


async def test_the_change_ends_when_each_number_of_each_person_was_seen_and_no_two_are_mixed_up(
    system: System, tmp_path: Path, monkeypatch
) -> None:
    def known_by(key: str, number: int) -> str:
        return f"person:{key}:{number:032x}"

    def both(number: int, previous: int) -> dict[str, Any]:
        return referral(subject=known_by("k2", number)) | {"subjectprev": known_by("k1", previous)}

    monkeypatch.setenv("PCARE_POSTGRES_DSN", system.dsn)
    await system.start("recorder")
    await send_to_kafka(system, *[referral(subject=known_by("k1", number)) for number in (1, 2, 3)])
    await until_recorded(system, 3)
    await asyncio.to_thread(merging.merge, [known_by("k1", 1)], [known_by("k1", 2)], "an operator", "one person")
    await pcare(system, "keys", "rotate", str(tmp_path / "k2"), *WHY)

    await send_to_kafka(system, both(1, 1), both(3, 3))
    await until_recorded(system, 5)
    assert "1 persons to go" in await pcare(system, "keys", "show")
    assert "1 of 2 persons have not been seen" in await pcare(system, "keys", "rotate", "--finish", *WHY, status=1)
    await send_to_kafka(system, both(2, 2), both(4, 3))  # the last is a mistake: somebody new, taken for number 3
    await until_recorded(system, 7)
    assert "1 of 2 persons have more" in await pcare(system, "keys", "rotate", "--finish", *WHY, status=1)

    system.one("recorder").terminate()
    await system.fetch("DELETE FROM pcare.subjects WHERE pseudonym = $1", known_by("k2", 4))
    rebuilding = await connect(system.dsn, REBUILDING)
    assert "is being rebuilt" in await pcare(system, "keys", "rotate", "--finish", *WHY, status=1)
    await rebuilding.close()
    assert "All 2 persons" in await pcare(system, "keys", "rotate", "--finish", *WHY)


async def test_nothing_is_given_to_a_login_that_may_not_write_the_audit_trail(system: System) -> None:
    await system.fetch("SELECT pcare.admit_edge()")
    name = f"edge_{system.dsn.rsplit('_', 1)[-1]}"
    server = await asyncpg.connect(system.dsn)
    try:
        await server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        dsn = system.dsn.replace("://", f"://{name}:x@", 1) if "@" not in system.dsn else _as(system.dsn, name)
        system.environment["PCARE_POSTGRES_DSN"] = dsn
        (ingest,) = await system.start("ingest")
        async with system.client("ingest") as client:
            refused = await client.post("/pseudonyms", json={"nhs_numbers": NUMBERS[:2]})
            await server.execute(f"GRANT pcare_edge TO {name}")
            given = await client.post("/pseudonyms", json={"nhs_numbers": NUMBERS[:2]})
        assert (refused.status_code, refused.json()["reason"]) == (503, "not_audited")
        assert given.status_code == 200
        acts = await server.fetch("SELECT who, login, details::text FROM pcare.acts WHERE what <> 'database-made'")
        assert [tuple(act) for act in acts] == [("anyone", name, '{"number":2,"credential":null}')]
        ingest.kill()
    finally:
        await server.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
        await server.close()


def _as(dsn: str, name: str) -> str:
    return f"postgresql://{name}:x@{dsn.rpartition('@')[2]}"
