"""One file from its first row to its report."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pcare_cli.publishing import reading
from pcare_cli.publishing.building import Builder, Defaults
from pcare_cli.publishing.identity import Identity
from pcare_cli.publishing.journal import Journal, Progress, Work
from pcare_cli.publishing.mapping import Mapping
from pcare_cli.publishing.pace import Pace
from pcare_cli.publishing.report import Report
from pcare_cli.publishing.rows import Table
from pcare_cli.publishing.sending import BATCH_ROWS, Judge, Rejected, Sender, StoppedError
from pcare_cli.publishing.showing import Display
from pcare_client import UnavailableError
from pcare_common.clock import Clock

JOURNAL = ".pcare-journal"


class Outcome(Enum):
    """How it ended. The value is the exit status."""

    ACCEPTED = 0
    REJECTED = 1
    BROKEN_OFF = 75


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to say about a file afterwards."""

    outcome: Outcome
    rows: int
    accepted: int
    rejected: int
    before: int
    """Rows that an earlier run had done."""
    report: Path | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How files are published."""

    mapping: Mapping
    defaults: Defaults
    identity: Identity
    ignore: bool = False
    afresh: bool = False
    dry: bool = False
    batch_rows: int = BATCH_ROWS


class _Ledger:
    """Notes batches in the report first and then in the journal, and shows them."""

    def __init__(self, progress: Progress, journal: Journal | None, report: Report, builder: Builder) -> None:
        self.progress = progress
        self._journal = journal
        self._report = report
        self._builder = builder
        self.show: Callable[[int, int], None] = lambda _rows, _rejected: None

    def is_done(self, batch: int) -> bool:
        return batch in self.progress.batches

    def note(self, batch: int, *, accepted: int, rejected: Rejected) -> None:
        size = self._report.add(rejected, self._builder.columns_of)
        if self._journal is None:
            self.progress.add(batch, accepted, len(rejected), size)
        else:
            self._journal.done(batch, accepted=accepted, rejected=len(rejected), report_bytes=size)
        self.show(self.progress.accepted + self.progress.rejected, self.progress.rejected)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes files, one after the other."""

    plan: Plan
    judge: Judge
    pace: Pace
    clock: Clock
    stop: asyncio.Event
    displays: Callable[[str, int], Display]

    async def publish(self, file: Path) -> Told:
        """Publish a file, or what is left of it. Raises FileError, MappingError, InUseError, RefusedError."""
        table = reading.open_file(file, self.plan.mapping)
        builder = Builder(
            table.columns, self.plan.mapping, self.plan.defaults, self.plan.identity, ignore=self.plan.ignore
        )
        report = Report(file, table.columns, table.dialect, word="checked" if self.plan.dry else "rejected")
        if self.plan.dry:
            report.begin(0)
            return await self._through(file, table, builder, report, None)
        work = Work(reading.sha256_of(file), self._reading(table), self.plan.batch_rows)
        with Journal(file.with_name(file.name + JOURNAL), work, afresh=self.plan.afresh) as journal:
            if journal.progress.complete:
                return _told(journal.progress, table, None, before=table.count)
            if not report.begin(journal.progress.report_bytes):
                journal.begin_anew()  # the rejected rows of the batches that are done went with the report
                report.begin(0)
            return await self._through(file, table, builder, report, journal)

    async def _through(
        self, file: Path, table: Table, builder: Builder, report: Report, journal: Journal | None
    ) -> Told:
        ledger = _Ledger(journal.progress if journal else Progress(), journal, report, builder)
        before = ledger.progress.accepted + ledger.progress.rejected
        sender = Sender(builder, self.judge, ledger, self.pace, self.clock, self.stop, self.plan.batch_rows)
        why = None
        with self.displays(file.name, table.count) as display:
            ledger.show = display.show
            try:
                await sender.send(table.rows())
            except StoppedError:
                why = "it was stopped"
            except UnavailableError as error:
                why = f"ingest could not be reached, or could not take it ({error.why})"
        if why is not None:
            return _told(ledger.progress, table, None, before=before, why=why)
        final = report.finish()
        if journal:
            journal.complete()
        return _told(ledger.progress, table, final, before=before)

    def _reading(self, table: Table) -> str:
        """Return what tells one way to read the rows from another."""
        words = (self.plan.mapping.model_dump_json(), self.plan.defaults, self.plan.identity.fingerprint())
        said = repr((*words, self.plan.ignore, table.dialect, table.columns))
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _told(progress: Progress, table: Table, report: Path | None, *, before: int, why: str | None = None) -> Told:
    outcome = Outcome.REJECTED if progress.rejected else Outcome.ACCEPTED
    if why is not None:
        outcome = Outcome.BROKEN_OFF
    return Told(outcome, table.count, progress.accepted, progress.rejected, before, report, why)
