"""What an owner can write that nothing here writes: `pcare audit verify` names it, and never breaks off."""

from pathlib import Path

import orjson
import pytest

from pcare_schemas.topics import RECORDED, SUBMITTED
from proof_audit.stage import Stage
from sealed import sealer, until_recorded
from system import System

pytestmark = pytest.mark.integration

OLDEST = "(SELECT min(made_at) FROM pcare.checkpoints)"
ODD = {
    "a time of no calendar": (
        f"UPDATE pcare.checkpoints SET made_at = '20000-01-01' WHERE made_at = {OLDEST}",  # noqa: S608
        r"ALTERED: checkpoint .* the time 20000-01-01 .*, which is not what is signed",
    ),
    "a checkpoint that covers more than there can be": (
        "UPDATE pcare.checkpoints SET note = regexp_replace(note, '(covers [^ ]+) [0-9]+', '\\1 9223372036854775808')",
        "SIGNATURE-WRONG: checkpoint of ",
    ),
    "an act at a time of no calendar": (
        "UPDATE pcare.acts SET at = '100-01-01 BC' WHERE number = (SELECT min(number) FROM pcare.acts)",
        "ALTERED: from the audit trail: act .* was altered: no act was done at the time",
    ),
}

PUT_IN = {
    "no.such.topic/0/5": "no submitted event and no act has such a place",
    "pcare.acts/1/5": "no submitted event and no act has such a place",
    f"{SUBMITTED}/0/9223372036854775808": "no submitted event and no act has such a place",
    f"{SUBMITTED}/0/9000000000000000000": "no recorder has come so far",
    f"{SUBMITTED}/999/0": "no recorder has come so far",
    "pcare.acts/0/700": "no recorder has come so far",
}


async def test_what_nothing_here_writes_is_named(system: System, tmp_path: Path) -> None:
    await system.start("recorder", "ingest")
    stage = Stage(system, tmp_path, 20)
    await system.simulate(20, seed=21)
    await until_recorded(system)
    assert await sealer(system).once() is not None
    assert (await stage.verify()).status == 0
    for what, (statement, pattern) in ODD.items():
        async with stage.tampered(statement, acts_too=True):
            found = await stage.verify()
        assert found.status == 1, (what, found.output)
        assert found.says(pattern), (what, found.output)

    for origin, words in PUT_IN.items():
        put_in = orjson.dumps({"id": "odd", "source": "urn:test", "origin": origin, "type": "x", "data": {}})
        copy = await stage.copy(RECORDED, lambda number, old, put_in=put_in: [old] if number else [put_in, old])
        found = await stage.verify("--topic", copy)
        assert found.status == 1, (origin, found.output)
        assert found.says(f"ADDED: event urn:test odd, from {origin}: {words}"), (origin, found.output)
        assert found.output.count("ADDED") == 1, (origin, found.output)

    await system.simulate(20, seed=22)
    await until_recorded(system)
    found = await stage.verify()
    assert found.status == 0, found.output
    assert found.says(r"^\d+ records of the log wait for the next checkpoint")
