"""Makes the report: reads the result, looks at the database, and writes the page, its JSON and the signed note."""

from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import typer

from pcare_audit.signed_note import NoteError, Signer, Verifier
from pcare_cli import audit_reading
from pcare_cli.audit_keys import chosen_signer
from pcare_cli.console import fail
from pcare_cli.kpis.command import KpiSettings
from pcare_cli.reporting import disclosing, gathering, signing, standing_by
from pcare_cli.reporting.document import Report, as_json
from pcare_cli.reporting.gathering import Made, Plan
from pcare_cli.reporting.months import read_months
from pcare_cli.reporting.page import render
from pcare_cli.reporting.replayed import Replayed, ResultError, read
from pcare_cli.reporting.replaying_now import Now
from pcare_cli.reporting.standing_by import Standby
from pcare_cli.reporting.words import verdict
from pcare_common.clock import SystemClock
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.settings import load
from pcare_kpi_aggregator.finish import Finished
from pcare_kpi_aggregator.partition import FoldError
from pcare_kpi_aggregator.years import instant_of
from pcare_recorder.acts import login_name
from pcare_schemas import identifiers
from pcare_schemas.kpis.data_file import DataFileError

ACT = "audit-report"
NOT_ASKED = "the report was made without the database"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    out: Path
    result: Path | None
    now: Now
    key: Path | None
    log_key: Path | None
    publish: bool
    system: str
    database: bool
    who: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the database tells beside the replay."""

    months: Finished | None
    months_why_not: str | None
    standby: Standby


def make(wanted: Wanted) -> None:
    """Write the report. Ends with status 1 where the replay found a difference, 2 where it cannot be made as asked."""
    if wanted.out.suffix != ".html":
        fail("The page's name ends with .html: its JSON and its note get the same name beside it.", status=2)
    if wanted.result is not None and wanted.result.resolve() == wanted.out.with_suffix(".json").resolve():
        fail(
            f"The report's JSON would be written over the replay's, {wanted.result}: name the page otherwise.", status=2
        )
    if wanted.publish and wanted.result is None:
        fail(disclosing.TOO_NEW, status=2)
    plan, key, log_key = _plan(), chosen_signer(wanted.key), _log_key(wanted.log_key)
    made = _made(wanted)
    document, replay = _result(wanted)
    if wanted.publish and (why := disclosing.too_new(replay, SystemClock().now())) is not None:
        fail(why, status=2)
    made = replace(made, made_at=gathering.moment_text(instant_of(SystemClock().now())))
    seen = _look(wanted, plan, document, replay, log_key)
    report = gathering.gather(
        replay, document, plan, made, seen.months, months_why_not=seen.months_why_not, standby=seen.standby
    )
    if wanted.publish:
        report, warning = disclosing.publish(report, plan.catalogue)
        if warning:
            typer.echo(warning, err=True)
    _write(wanted.out, report, key)
    if not replay.equal:
        raise typer.Exit(1)


def _result(wanted: Wanted) -> tuple[bytes, Replayed]:
    file = wanted.result
    try:
        document = wanted.now.replay(wanted.who, wanted.why) if file is None else file.read_bytes()
        return document, read(document)
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", status=2)
    except ResultError as error:
        fail(f"{file or 'The replay'}: {error}", status=2)


def _plan() -> Plan:
    files = load(KpiSettings)
    try:
        return Plan.load(files.kpi_catalogue, files.kpi_targets)
    except DataFileError as error:
        fail(str(error), status=EXIT_CONFIGURATION)


def _log_key(file: Path | None) -> Verifier | None:
    try:
        return None if file is None else Verifier.load(file)
    except NoteError as error:
        fail(str(error), status=2)


def _made(wanted: Wanted) -> Made:
    who = (wanted.who or "").strip() or login_name()
    why = (wanted.why or audit_reading.DEFAULT_WHY).strip()
    if identifiers.find(f"{who}\n{why}\n{wanted.system}"):
        fail("--who, --why or --system holds an NHS number, which the report would show. Say it without.", status=2)
    return Made(wanted.system, "", who, why)


def _look(wanted: Wanted, plan: Plan, document: bytes, replay: Replayed, log_key: Verifier | None) -> Seen:
    if not wanted.database:
        standby = Standby(checkpoint_why_not=NOT_ASKED, acts_why_not=NOT_ASKED)
        return Seen(None, NOT_ASKED, standby)
    details = {"result_sha256": signing.sha256(document), "equal": replay.equal, "publish": wanted.publish}
    audit_reading.put_down(ACT, details, who=wanted.who, why=wanted.why)

    async def look(connection: asyncpg.Connection) -> Seen:
        standby = await standing_by.read(connection, log_key)
        try:
            months = await read_months(connection, plan.catalogue, gathering.at_of(replay))
        except FoldError as error:
            return Seen(None, f"the {error.offset + 1:,}th text that the database gave could not be counted", standby)
        return Seen(months, None, standby)

    return audit_reading.read(look)


def _write(out: Path, report: Report, key: Signer | None) -> None:
    document = as_json(report)
    page = render(report, document, signing.sha256(document))
    note = None
    if key is not None:
        page, note = signing.sign(page, document, report.made_at, key)
    beside = out.with_suffix(".json")
    files = {out: page, beside: document} | ({} if note is None else {out.with_suffix(".note"): note.encode()})
    try:
        for file, content in files.items():
            file.write_bytes(content)
        if note is None:
            out.with_suffix(".note").unlink(missing_ok=True)  # one of an earlier report would be about another page
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}.", status=2)
    typer.echo(f"{verdict(report)} The report is in {out}, its JSON in {beside}.")
    if key is None:
        typer.echo("It is not signed: name a key with --key, or in PCARE_AUDIT_SIGNING_KEY_FILE.", err=True)
    else:
        typer.echo(f"It is signed by {key.name}: pcare audit check-report {out} --public-key FILE")
