"""The order of facts in SQL is that of code points, whatever language the database sorts by.

The servers of this machine sort by code point anyway; the image of production sorts by English: "a" before "Z".
"""

from uuid import uuid4

import asyncpg
import orjson
import pytest

from backends import Backend
from events import BARNET, CAMDEN, WHITTINGTON
from pcare_recorder import migrate, store
from pcare_recorder.rebuild_rows import event_row

pytestmark = pytest.mark.integration

AT = "2024-05-02T10:00:00Z"
PAYLOADS = {
    "sp-referral": {"referral_ref": "R1", "referrer": "gp", "reasons": ["mental_health"]},
    "pam-scored": {"score": 40.0, "level": 1, "instrument": "PAM-13", "cut_points": "classic"},
    "care-plan-agreed": {"plan_ref": "P1", "plan_kind": "frailty"},
}


def recorded(offset: int, kind: str, name: str, borough: str) -> bytes:
    return orjson.dumps(
        {
            "id": name,
            "source": WHITTINGTON,
            "type": f"uk.nhs.ncl.personalised-care.{kind}.v1",
            "subject": f"person:{kind}",
            "time": AT,
            "recordedat": AT,
            "origin": f"interventions.submitted/0/{offset}",
            "rulesversion": "1",
            "data": {"borough": borough, **PAYLOADS[kind]},
        }
    )


async def test_facts_of_one_time_are_in_the_order_of_code_points(backend: Backend):
    name = f"pcare_{uuid4().hex}"
    server = await asyncpg.connect(backend.dsn)
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(f"{backend.dsn.rsplit('/', 1)[0]}/{name}")
    try:
        await migrate.apply(connection)
        texts = [
            recorded(2 * number + second, kind, f"{'aZ'[second]}-{kind}", (CAMDEN, BARNET)[second])
            for number, kind in enumerate(PAYLOADS)
            for second in range(2)
        ]
        await store.add_events(connection, [event_row(text) for text in texts])
        rows = await connection.fetch(
            "SELECT kpi, borough FROM pcare.kpi_values('2024-06-01T00:00:00Z') WHERE borough <> 'NCL' AND value = 1"
        )
    finally:
        await connection.close()
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()
    assert dict(rows) == {
        "sp_referrals": BARNET,  # the earliest fact
        "sp_people": BARNET,
        "pam_people": CAMDEN,  # the latest
        "pcsp_active": CAMDEN,
    }
