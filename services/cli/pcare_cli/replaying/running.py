"""A replay from its beginning to its result: read, sort into buckets, compare bucket by bucket, count, name."""

import asyncio
import dataclasses
import hashlib
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from pcare_audit.replay import Counts
from pcare_audit.replaying.findings import Findings, first, numbered
from pcare_audit.replaying.folding import Folded, finished, fold_of, lines_of
from pcare_audit.replaying.frame import Frame
from pcare_audit.replaying.harmless import harmless, harmless_text
from pcare_audit.replaying.linking import milliseconds
from pcare_audit.replaying.reading import TopicReader, topic_reader, topics_of
from pcare_audit.replaying.result import LISTED, Difference, Kind, Kpis, Result
from pcare_cli.accounting import in_words
from pcare_cli.accounting_readers import sql_kpis
from pcare_cli.audit_reading import read_only
from pcare_cli.replaying import aggregator, database
from pcare_cli.replaying.aggregator import Streamed
from pcare_cli.replaying.commit import commit
from pcare_cli.replaying.gathering import Gathered, gathered
from pcare_cli.replaying.naming import name, settled_since
from pcare_cli.replaying.showing import Progress
from pcare_cli.replaying.wanted import Wanted
from pcare_cli.replaying.workers import Outcome, Setting, Task, Workers, handed_over, reading_tasks, total
from pcare_common.clock import SystemClock
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.catalogue import load as built_in_catalogue
from pcare_schemas.topics import RECORDED, REJECTED

STRETCHES_OF_ROWS = 8
NOT_BY_SQL = "a row of pcare.interventions cannot be counted by SQL"


class Replaying:
    """One replay. `options` are aiokafka's connection options, `group` is the recorder's consumer group."""

    def __init__(
        self, wanted: Wanted, dsn: str, options: Mapping[str, Any], group: str, *, workers: int, progress: Progress
    ) -> None:
        self._wanted = wanted
        self._dsn = dsn
        self._options = options
        self._group = group
        self._workers = workers
        self._progress = progress
        self._clock = SystemClock()
        self.pids: list[int] = []

    async def run(self) -> Result:
        """Replay, and return what was found. Raises what the clients raise, and PartFailedError."""
        began = self._clock.now()
        catalogue = await self._catalogue()
        async with (
            topic_reader(self._options) as reader,
            topics_of(self._options) as topics,
            gathered(
                self._wanted,
                dsn=self._dsn,
                topics=topics,
                group=self._group,
                reader=reader,
                say=self._progress.say,
            ) as found,
        ):
            return await self._compare(began, catalogue, found, reader)

    async def _catalogue(self) -> Catalogue:
        if self._wanted.aggregator is None or not self._wanted.whole:
            return built_in_catalogue()
        return await aggregator.catalogue_of(self._wanted.aggregator)

    async def _compare(self, began: Any, catalogue: Catalogue, found: Gathered, reader: TopicReader) -> Result:
        frame, findings = found.frame, Findings()
        findings.left_out.update(found.left_out)
        findings.troubles.update(dict.fromkeys(found.troubles, 1))
        if found.why_not_streamed is not None:
            findings.troubles[f"the KPIs were not compared with the running ones: {found.why_not_streamed}"] += 1
        if found.streamed is not None and self._streams_this_log() and (left := behind(frame, found.streamed)):
            findings.left_out["records of the log that the running aggregator had not counted (by offsets)"] += left
        counts_kpis = self._wanted.whole and found.all_published
        rows = await database.number_of_rows(found.connection)
        stretches = await database.stretches_of_rows(found.connection, STRETCHES_OF_ROWS)
        with tempfile.TemporaryDirectory(prefix="pcare-replay-") as directory:
            setting = Setting(
                frame,
                Path(directory),
                self._dsn,
                found.snapshot,
                handed_over(self._options),
                catalogue,
                found.at if counts_kpis else None,
                found.streamed.applied if found.streamed is not None and self._streams_this_log() else None,
            )
            self._progress.begin("reading", total(frame, rows))
            sql, outcomes = await asyncio.gather(
                self._sql(found, catalogue, findings) if counts_kpis else _nothing(),
                asyncio.to_thread(self._work, setting, reading_tasks(frame, stretches)),
            )
        folded: dict[int, Folded] = {}
        seen: set[tuple[str, str]] = set()
        for outcome in outcomes:
            findings.join(outcome.findings)
            folded |= outcome.folded
            seen |= outcome.merges_seen
        _merges_that_lack(frame, seen, findings)
        await self._look_again(findings, reader)
        named = await name(findings.doubts, frame, reader, found.connection) if findings.doubts else []
        kpis, why_not = self._kpis(catalogue, found, folded, sql, findings)
        differences = sorted([*findings.differences, *named], key=_order)
        return Result(
            version=version("pcare-cli"),
            commit=commit(),
            catalogue_sha256=hashlib.sha256(
                orjson.dumps(catalogue.document(), option=orjson.OPT_SORT_KEYS)
            ).hexdigest(),
            began=began,
            ended=self._clock.now(),
            whole=self._wanted.whole,
            stretches=first(findings.stretches),
            rules_versions=_harmless_names(findings.versions),
            counts=findings.counts,
            checks=findings.checks(),
            differences=[harmless(one) for one in differences[:LISTED]],
            differences_total=max(findings.total, len(differences)),
            kpis=kpis,
            kpis_why_not=why_not,
            troubles=[harmless_text(words.removeprefix("1 ")) for words in numbered(findings.troubles)],
            left_out=numbered(findings.left_out),
        )

    async def _look_again(self, findings: Findings, reader: TopicReader) -> None:
        """Leave out what is explained by an erasure that was under way."""
        if not findings.doubts:
            return
        async with read_only(self._dsn) as now:
            for one in await settled_since(findings.doubts, reader, now):
                findings.doubts.remove(one)
                findings.differing[one[0]] -= 1
                findings.left_out["links and rejections of an erasure that was under way"] += 1

    def _work(self, setting: Setting, tasks: Sequence[Task]) -> list[Outcome]:
        """Read everything, then compare every bucket. Blocks."""
        with Workers(self._workers, setting) as workers:
            self.pids = workers.pids
            read = workers.run(tasks, self._progress.step)
            frame = dataclasses.replace(setting.frame, rejected_kept_from=_kept_from(setting.frame, read))
            buckets = [Task("compare", (bucket,)) for bucket in range(frame.buckets)]
            return [*read, *workers.run(buckets, self._progress.step, frame)]

    async def _sql(self, found: Gathered, catalogue: Catalogue, findings: Findings) -> Counts | None:
        """Return the KPIs by SQL; None where a row breaks them, which is found beside the other differences."""
        async with database.snapshot_of(self._dsn, found.snapshot) as connection:
            try:
                return await sql_kpis(connection, catalogue, found.at)
            except asyncpg.DataError as error:  # its words may be what the row holds
                findings.troubles[f"{NOT_BY_SQL} ({type(error).__name__}), so no KPI was compared"] += 1
                return None

    def _streams_this_log(self) -> bool:
        """Whether the aggregator counts the topic that is read: of a copy the offsets mean nothing to it."""
        return self._wanted.log == RECORDED

    def _kpis(
        self,
        catalogue: Catalogue,
        found: Gathered,
        folded: Mapping[int, Folded],
        sql: Counts | None,
        findings: Findings,
    ) -> tuple[Kpis | None, str | None]:
        if sql is None:
            return None, self._why_not_by_sql(found)
        if len(folded) < len(found.frame.recorded):
            return None, "a record of the log cannot be counted"
        fold, streamed = fold_of(catalogue), found.streamed
        replay = finished(fold, [one.at_replay for one in folded.values()], found.at)
        at_stream = None
        if streamed is not None and self._streams_this_log():
            lines = [one.at_stream for one in folded.values() if one.at_stream is not None]
            at_stream = finished(fold, lines, streamed.oldest)
        rows = lines_of(replay, sql, None if streamed is None else streamed.values, at_stream)
        findings.compared["kpis"] += len(rows)
        for row in rows:
            if not row.exact:
                findings.differ("kpis", _kpi_difference(row))
        if streamed is None:
            return Kpis(found.at, rows), found.why_not_streamed or "no running aggregator was asked (--aggregator)"
        return Kpis(found.at, rows), None

    def _why_not_by_sql(self, found: Gathered) -> str:
        if not self._wanted.whole:
            return "only a whole replay counts what the KPIs count"
        return NOT_BY_SQL if found.all_published else "the recorder has not published all that it recorded"


async def _nothing() -> None:
    return None


def _kpi_difference(row: Any) -> Difference:
    words = f"{row.kpi} of {row.borough} in {row.year} is not the same in each way of counting."
    streamed = "not asked" if row.stream is None else in_words(row.stream)
    found = f"{in_words(row.sql)} by SQL, {streamed} streamed"
    return Difference(
        Kind.KPI_DIFFERS,
        words,
        None,
        None,
        f"{row.kpi} {row.borough} {row.year}",
        f"{in_words(row.replay)} by replay",
        found,
    )


def _harmless_names(versions: Counter[str]) -> Counter[str]:
    found = Counter[str]()
    for version_, events in versions.items():
        found[harmless_text(version_)] += events
    return found


def behind(frame: Frame, streamed: Streamed) -> int:
    """Return how much of the log the aggregator had not counted: with what it lacks it is not compared."""
    return sum(
        max(0, span.end - 1 - streamed.applied[where.partition].through)
        if where.partition in streamed.applied
        else span.end - span.first
        for where, span in frame.recorded.items()
    )


def _kept_from(frame: Frame, outcomes: Sequence[Outcome]) -> int:
    """Return since when the topic of rejections certainly has all, in milliseconds; 0 where nothing was deleted."""
    firsts = [
        milliseconds(stretch.first_time) if stretch.first_time is not None else milliseconds(frame.taken_at)
        for outcome in outcomes
        for stretch in outcome.findings.stretches
        if stretch.topic == REJECTED and stretch.from_offset > 0
    ]
    return max(firsts, default=0)


def _merges_that_lack(frame: Frame, seen: set[tuple[str, str]], findings: Findings) -> None:
    """Find the merges of the table that stand on one of their topics and not on the other, or on none."""
    asked = [(frame.log, bool(frame.recorded) and frame.log_whole)]
    asked += [(topic, frame.subjects_whole) for topic in {where.topic for where in frame.subjects}]
    for topic, whole in asked:
        for gone in frame.merges:
            if whole and gone not in frame.pending and (topic, gone) not in seen:
                words = f"A merge of two subjects that the table has is not on {topic}."
                findings.differ("links", Difference(Kind.LINK_DIFFERS, words, found=gone))


def _order(one: Difference) -> tuple[str, str, str]:
    return str(one.kind), one.place or "", one.field or ""
