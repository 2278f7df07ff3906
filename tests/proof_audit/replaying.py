"""The replay: a log and tables as they are come out equal; each way to make them differ is found and named."""

from typing import Any

import orjson

from pcare_schemas.topics import RECORDED
from proof_audit.rows import TEXT
from proof_audit.sealed_event import SealedEvent, in_the_middle
from proof_audit.stage import Ran, Stage, Value
from proof_provider.checks import Checks

YEAR = "UPDATE pcare.interventions SET occurred_at = occurred_at + interval '1 year' WHERE {here}"
HASH = (
    "UPDATE pcare.interventions SET content_sha256 = set_byte(content_sha256, 0, 255 - get_byte(content_sha256, 0)) "
    "WHERE {here}"
)
TAMPERS = {
    "a row deleted": ("DELETE FROM pcare.interventions WHERE {here}", "row-missing"),
    "a column changed": (YEAR, "row-differs"),
    "a content hash changed": (HASH, "content-hash-differs"),
    "a text changed": (TEXT, "text-differs"),
}
SKEW = (
    "UPDATE pcare.cursors SET recorded = recorded - 1 WHERE (topic, partition) = "
    "(SELECT topic, partition FROM pcare.cursors WHERE recorded > 0 ORDER BY topic, partition LIMIT 1)"
)


async def equal(stage: Stage, checks: Checks) -> None:
    """Submitted, log, rows and rejections agree to the event, and every KPI by replay, SQL and the aggregator."""
    said, found = await _replay(stage)
    checks.that("the replay finds all equal", said.status == 0 and found["equal"], said.output)
    compared = sum(check["compared"] for check in found["checks"])
    checks.that("it compared every event in several ways", compared > 2 * stage.events, compared)
    checks.that("with the aggregator's KPIs too", found["kpis"] and not found["kpis_why_not"], found["kpis_why_not"])


async def differing(stage: Stage, checks: Checks) -> None:
    """Rows, columns, texts, a record of a copy of the log, a counter; put right, all is equal."""
    event = await in_the_middle(stage)
    for what, (statement, kind) in TAMPERS.items():
        async with stage.tampered(statement.format(here=event.here)):
            said, found = await _replay(stage)
        checks.that(f"{what}: found and named", said.status == 1 and _names(found, kind, event), said.output)

    def dropped(_number: int, value: Value) -> list[Value]:
        told = orjson.loads(value or b"{}")
        return [] if (told.get("source"), told.get("id")) == (event.source, event.id) else [value]

    said, found = await _replay(stage, "--copy-of-log", await stage.copy(RECORDED, dropped))
    named = said.status == 1 and _names(found, "log-record-missing", event)
    checks.that("a record dropped from a copy of the log: found and named", named, said.output)
    async with stage.tampered(SKEW):
        said, found = await _replay(stage)
    kinds = {one["kind"] for one in found["differences"]}
    checks.that("a counter skewed: found and named", said.status == 1 and kinds == {"count-differs"}, said.output)
    await equal(stage, checks)


def _names(found: dict[str, Any], kind: str, event: SealedEvent) -> bool:
    named = {"source": event.source, "id": event.id}
    return not found["equal"] and any(one["kind"] == kind and one["event"] == named for one in found["differences"])


async def _replay(stage: Stage, *arguments: object) -> tuple[Ran, dict[str, Any]]:
    file = stage.directory / "replay.json"
    file.unlink(missing_ok=True)
    aggregator, group = stage.system.one("kpi-aggregator").address, stage.system.group
    options = ("--aggregator", aggregator, "--group", group, "--json", file)
    said = await stage.process("audit", "replay", *options, *arguments)
    if not file.exists():
        return said, {"equal": False, "differences": [], "checks": [], "kpis": None, "kpis_why_not": "no file"}
    return said, orjson.loads(file.read_bytes())
