"""A person is erased from the running system: nothing brings the link back, and nothing else moves."""

import asyncio
import json
from pathlib import Path

import pytest

from erasure_support import (
    BY_KAFKA,
    ERASED,
    OTHER,
    SECOND,
    UNSEEN,
    compact_at_once,
    counted,
    erase,
    let_compaction_end,
    life_of,
    links,
    merge,
    places,
    pseudonym,
    publish,
    put_back_and_rebuild,
    rows,
    send,
    subject_of,
    whole_rows,
)
from events import BARNET, CAMDEN, pam, retraction
from pcare_schemas.topics import REJECTED, SUBJECTS, SUBMITTED, provider_topic
from system import System

pytestmark = pytest.mark.integration

LOOKS = "SELECT who, why, details::text FROM pcare.acts WHERE what = 'audit-erase-look' ORDER BY number"
RECORD = ("interventions", "published", "merges")


async def test_the_link_is_gone_for_good_and_nothing_else_moves(system: System, tmp_path: Path) -> None:
    await system.start("kpi-aggregator", "recorder", "ingest")
    own, second = life_of(ERASED, CAMDEN, score=50.0), life_of(SECOND, BARNET, score=52.0)
    others = life_of(OTHER, CAMDEN, score=53.0)
    await send(system, *own, *second, *others)
    await merge(system, tmp_path, ERASED, SECOND)
    await merge(system, tmp_path, ERASED, UNSEEN)  # a link that no event made
    names = [await pseudonym(system, number) for number in (ERASED, SECOND, UNSEEN)]
    other = await pseudonym(system, OTHER)
    wrong = json.dumps(pam(999.0, subject=names[0], id="wrong")).encode()
    by_kafka = json.dumps(pam(54.0, subject=names[1], source=BY_KAFKA.source)).encode()
    topic = provider_topic(BY_KAFKA.slug)
    repeated = json.dumps(others[0] | {"subject": other}).encode()
    await asyncio.to_thread(publish, system, SUBMITTED, (names[0], wrong), (other, b"{"), *[(other, repeated)] * 150)
    await asyncio.to_thread(publish, system, topic, (names[1], by_kafka), (other, b"["), (names[1], b"("))
    before = await system.report()
    counts, record = counted(before), await rows(system, *RECORD)
    assert before.accounting.total("rejected") == 4
    backup = await whole_rows(system, "subjects", "rejections")

    # a look changes nothing
    said = await erase(system, tmp_path, "--dry-run")
    assert "Links of pseudonyms: 3 in the database, 3 on the topic" in said
    assert "Rejections that hold something of the person: 2" in said
    assert "Kafka still holds: 9, in " in said
    assert said.endswith("Nothing was done.\n")
    assert await rows(system, *RECORD) == record
    assert len(await links(system)) == 4
    assert [tuple(row) for row in await system.fetch(LOOKS)] == [("an operator", "request 17", '{"dry_run":true}')]

    # by one of two numbers both are erased, and everything that is counted stays as it was
    said = await erase(system, tmp_path)
    assert "Erased: 3 links, 2 rejections redacted, 9 submitted events of the person deleted" in said
    assert list(await links(system)) == [other]
    after = await system.report()
    assert counted(after) == counts
    assert await rows(system, *RECORD) == record
    assert 50 <= after.accounting.total("submitted") < before.accounting.total("submitted") - 9
    rejected = await system.fetch("SELECT reason, source, id, evidence, erased FROM pcare.rejections ORDER BY 5, 1")
    assert [(row["reason"], row["erased"]) for row in rejected] == [
        ("not_json", False),
        ("not_json", False),
        ("invalid_data", True),
        ("not_json", True),
    ]
    assert {(row["id"], row["evidence"]) for row in rejected if row["erased"]} == {(None, None)}
    assert rejected[2]["source"] is not None  # whose rejection it was is still counted
    assert {place.split("/")[0] for place in await places(system, *names)} <= {SUBJECTS, REJECTED}
    (act,) = await system.fetch("SELECT who, why, details::text FROM pcare.acts WHERE what = 'person-erased'")
    assert json.loads(act["details"]).items() >= {"links": 3, "rejections": 2, "submitted": 9}.items()
    assert "There is nothing to erase" in await erase(system, tmp_path)
    looks = await system.fetch(LOOKS)
    assert [row["details"] for row in looks] == ['{"dry_run":true}', *['{"dry_run":false}'] * 2]

    # an honest retry is a duplicate, a retraction takes back what it names, and neither brings a link back
    await send(system, *own, *second)
    again = await system.report()
    assert counted(again) == counts
    assert again.accounting.total("duplicates") == after.accounting.total("duplicates") + 6
    await send(system, retraction(own[2]), retraction(second[2]))
    ((plan, year),) = {
        (counted_one, key[2]) for key, counted_one in counts.items() if key[:2] == ("pcsp_active", "NCL")
    }
    taken_back = counted(await system.report())
    assert (plan.numerator, taken_back["pcsp_active", "NCL", year].numerator) == (2, 1)
    assert list(await links(system)) == [other]

    # a new event begins somebody new
    fresh = pam(subject=f"nhs-number:{ERASED}")
    await send(system, fresh)
    lived = counted(await system.report())
    assert lived["pam_people", "NCL", year].numerator == counts["pam_people", "NCL", year].numerator + 1
    begun = await links(system)
    assert begun.keys() == {other, names[0]}
    assert begun[names[0]] == await subject_of(system, fresh) != await subject_of(system, own[0])

    # a backup from before knows the links; the rebuild goes by the topics
    rejections = await rows(system, "rejections")
    said = await put_back_and_rebuild(system, backup)
    assert "removed 2 that were erased since" in said
    assert await links(system) == begun
    assert await rows(system, "rejections") == rejections
    assert counted(await system.report()) == lived

    # the same again, when Kafka has forgotten that there ever was a link
    said = await erase(system, tmp_path)
    assert "Erased: 1 links, 0 rejections redacted, 5 submitted events of the person deleted" in said
    # nothing says any more that the numbers are one person's: what came since is erased by each number
    await erase(system, tmp_path, number=SECOND)
    await asyncio.to_thread(compact_at_once, system)
    await asyncio.to_thread(let_compaction_end, system, *names)
    assert await places(system, *names) == []
    assert "removed 3 that were erased since" in await put_back_and_rebuild(system, backup)
    assert list(await links(system)) == [other]
    assert await rows(system, "rejections") == rejections
    assert counted(await system.report()) == lived
    assert await places(system, *names) == []
    assert (await erase(system, tmp_path, "--dry-run")).splitlines()[:3] == [
        "Links of pseudonyms: 0 in the database, 0 on the topic.",
        "Rejections that hold something of the person: 0.",
        "Submitted events of the person that Kafka still holds: 0.",
    ]

    # where a provider made an id of the pseudonym, the log leads to the person: nothing takes that out, so it is said
    assert "THEY STAY" not in said
    await send(system, pam(subject=f"nhs-number:{ERASED}", id=f"{names[0]}-first"))
    kept = await system.report()
    for dry_run in (["--dry-run"], [], ["--dry-run"]):
        said = await erase(system, tmp_path, *dry_run)
        assert "Recorded events that hold a pseudonym of the person, in their id or a reference: 1. THEY STAY" in said
    assert counted(await system.report()) == counted(kept)
