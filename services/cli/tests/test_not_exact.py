"""The verdict on a real run, and that it notices when something is not as it should be."""

import datetime as dt

import pytest

pytestmark = pytest.mark.integration

HOUR = dt.timedelta(hours=1)


async def test_a_skew_anywhere_is_not_exact(system) -> None:  # type: ignore[no-untyped-def] # a fixture of the root
    await system.start("kpi-aggregator", "recorder", "ingest")
    ledger = await system.simulate(400, seed=11)
    whole = await system.report(ledger)
    assert whole.exact, whole.faults()
    assert whole.accounting.accepted > 300

    await system.fetch(
        "UPDATE pcare.cursors SET recorded = recorded - 1 WHERE topic = $1 AND recorded > 0 AND partition = "
        "(SELECT min(partition) FROM pcare.cursors WHERE topic = $1 AND recorded > 0)",
        "interventions.submitted",
    )
    miscounted = await system.report(ledger)
    assert not miscounted.exact
    assert sum(not one.exact for one in miscounted.accounting.partitions) == 1
    assert all(row.exact for row in miscounted.kpis)

    await system.fetch(
        "UPDATE pcare.cursors SET recorded = recorded + 1 "
        "WHERE recorded + duplicates + rejected < next_offset - base_offset"
    )
    assert (await system.report(ledger)).exact

    (gone,) = await system.fetch(
        "DELETE FROM pcare.interventions WHERE ctid = (SELECT ctid FROM pcare.interventions "
        "WHERE kind = 'pam-scored' ORDER BY occurred_at DESC LIMIT 1) RETURNING source, id"
    )
    lacking = await system.report(ledger)
    assert lacking.accounting.lost == ((gone["source"], gone["id"]),)
    assert {row.kpi for row in lacking.kpis if not row.exact} == {"pam_people"}
    assert lacking.verdict().startswith("NOT EXACT: 1 accepted events are neither recorded nor rejected")
