"""`pcare publish`: the environment, the files, and what is said in the end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import typer

from pcare_cli.console import fail
from pcare_cli.publishing import identity, judges, mapping, template
from pcare_cli.publishing.building import Builder, Defaults
from pcare_cli.publishing.journal import InUseError
from pcare_cli.publishing.mapping import MappingError
from pcare_cli.publishing.pace import Pace
from pcare_cli.publishing.publishing import Outcome, Plan, Publisher, Told
from pcare_cli.publishing.reading import open_file
from pcare_cli.publishing.rows import FileError
from pcare_cli.publishing.sending import IN_FLIGHT, Judge
from pcare_cli.publishing.settings import PublishSettings
from pcare_cli.publishing.showing import Display
from pcare_client import AsyncClient, Event, NotUnderstoodError, RefusedError, Retry
from pcare_client.client import checked
from pcare_common.clock import SystemClock
from pcare_common.errors import EXIT_CONFIGURATION, OperatorError
from pcare_common.settings import load
from pcare_common.shutdown import stop_on_signals
from pcare_schemas.rules import Rules

USAGE = 2
PATIENCE = Retry(attempts=40, first=0.5, longest=30.0)
"""A quarter of an hour, about: what a broker takes to come back is waited for, and no more."""

SECONDS_FOR_AN_ANSWER = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    address: str | None
    kind: str | None
    source: str | None
    mapping: Path | None
    sheet: str | None
    encoding: str | None
    delimiter: str | None
    rate: float | None
    check: bool
    offline: bool
    afresh: bool
    ignore: bool
    compress: bool
    ids: bool = False


def show_template(kind: str) -> None:
    """Print the template of a kind as CSV, and to standard error what its columns mean."""
    try:
        mapping.known_kind(kind)
    except MappingError as error:
        fail(str(error), status=USAGE)
    typer.echo(template.template(kind), nl=False)
    typer.echo("\n".join(["", *template.explanations(kind)]), err=True)


def publish_files(files: Sequence[Path], options: Options) -> None:
    """Publish files; ends the process with the status that says what became of the worst of them."""
    settings = load(PublishSettings)
    try:
        plan = _plan(options, settings)
        if options.ids:
            show_ids(files, plan)
            return
        told = asyncio.run(_publish(files, plan, options, settings))
    except (FileError, MappingError, identity.IdKeyError) as error:
        fail(str(error), status=USAGE)
    except InUseError:
        fail("Another `pcare publish` is at this file now. Wait until it has ended.", status=USAGE)
    except RefusedError as error:
        fail(f"ingest refuses: {error}", status=EXIT_CONFIGURATION)
    except (OperatorError, NotUnderstoodError) as error:
        fail(str(error), status=EXIT_CONFIGURATION)
    status = max(one.outcome.value for one in told)
    if status:
        raise typer.Exit(status)


def show_ids(files: Sequence[Path], plan: Plan) -> None:
    """Print, as CSV, the id of each row's event: what a retraction needs. Sends nothing."""
    typer.echo("file,row,id")
    for file in files:
        table = open_file(file, plan.mapping)
        builder = Builder(table.columns, plan.mapping, plan.defaults, plan.identity, ignore=plan.ignore)
        for row in table.rows():
            event = builder.build(row.cells) if row.trouble is None else None
            typer.echo(f"{file.name},{row.number},{event.id if isinstance(event, Event) else ''}")


def _plan(options: Options, settings: PublishSettings) -> Plan:
    said = mapping.read_mapping(options.mapping) if options.mapping else mapping.Mapping()
    given = {"sheet": options.sheet, "encoding": options.encoding, "delimiter": options.delimiter}
    said = said.model_copy(update={name: value for name, value in given.items() if value is not None})
    file = settings.publish_id_key_file or identity.default_file()
    ids, made = identity.read_or_make(file)
    if made:
        typer.echo(
            f"Made {file}: the ids of rows are derived under this key. Keep it, and back it up: under another key the "
            "same file would be published as new events.",
            err=True,
        )
    defaults = Defaults(options.kind, options.source or (None if said.source else settings.source))
    return Plan(said, defaults, ids, options.ignore, options.afresh, dry=options.check or options.offline)


async def _publish(files: Sequence[Path], plan: Plan, options: Options, settings: PublishSettings) -> list[Told]:
    stop, clock = stop_on_signals(), SystemClock()
    showing: list[Display] = []

    def display(name: str, total: int) -> Display:
        showing[:] = [Display(name, total)]
        return showing[0]

    async def sleep(seconds: float) -> None:
        for one in showing:
            one.waiting(seconds)
        await asyncio.sleep(seconds)

    told = []
    async with _judge(options, settings, sleep) as judge:
        publisher = Publisher(plan, judge, Pace(options.rate), clock, stop, display)
        for file in files:
            told.append(await publisher.publish(file))
            _say(file, told[-1], dry=plan.dry)
            if told[-1].outcome is Outcome.BROKEN_OFF:
                break
    return told


@contextlib.asynccontextmanager
async def _judge(
    options: Options, settings: PublishSettings, sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[Judge]:
    if options.offline:
        yield judges.offline(Rules.load(), SystemClock())
        return
    address = options.address or settings.ingest_url
    limits = httpx.Limits(max_connections=IN_FLIGHT)
    try:
        http = httpx.AsyncClient(base_url=checked(address), timeout=SECONDS_FOR_AN_ANSWER, limits=limits)
    except (ValueError, httpx.InvalidURL) as error:
        raise OperatorError(f"{address} is no address of ingest: such as https://ingest.example") from error
    async with http:
        client = AsyncClient(
            address,
            source=options.source or settings.source or "any",
            credentials=settings.credentials(address),
            retry=PATIENCE,
            compress=options.compress,
            http=http,
            sleep=sleep,
        )
        yield judges.checking(client) if options.check else judges.sending(client)


def _say(file: Path, told: Told, *, dry: bool) -> None:
    good = "would be accepted" if dry else "accepted"
    typer.echo(f"{file}: {told.accepted:,} of {told.rows:,} rows {good}, {told.rejected:,} rejected")
    if told.before and not told.why:
        typer.echo(f"  {told.before:,} of them were published before, and were not sent again")
    if told.report is not None:
        again = "" if dry else " Mend it there and publish that file."
        typer.echo(
            f"  {told.report}: the rejected rows, and why.{again} It holds what your file holds: guard it alike."
        )
    if told.why is not None:
        done = "nothing was stored" if dry else f"{told.accepted + told.rejected:,} rows are done"
        typer.echo(f"  broken off, for {told.why}: {done}. Run the same command again to go on.", err=True)
