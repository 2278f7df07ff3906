"""The options that the commands about providers share, and what they do alike with what is typed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcare_cli.console import fail

if TYPE_CHECKING:
    import datetime as dt

    from pcare_cli.providers.plan import Actor
    from pcare_cli.providers.public_keys import PublicKey

Code = Annotated[
    str, typer.Argument(metavar="CODE", help="An ODS code (RKE), or urn:ncl:provider:<slug> where there is none.")
]
Name = Annotated[str | None, typer.Option("--name", help="What it is called.")]
Kind = Annotated[str | None, typer.Option("--kind", help="gp_practice, trust, council, voluntary_sector, icb or ccg.")]
ValidFrom = Annotated[
    str | None, typer.Option("--valid-from", help="Events from this day on are taken (2026-04-01); `none`: all.")
]
ValidTo = Annotated[
    str | None, typer.Option("--valid-to", help="Events before this day are taken; `none`: all that come.")
]
Successor = Annotated[str | None, typer.Option("--successor", help="Code of who took over; `none`: nobody.")]
Kinds = Annotated[
    str | None, typer.Option("--kinds", help="The kinds of event that it may send, with commas; `all` is the default.")
]
EventsPerSecond = Annotated[
    int | None,
    typer.Option("--events-per-second", min=0, max=1_000_000, help="Over HTTP; 0: what ingest grants by default."),
]
ExpectedBy = Annotated[
    str | None,
    typer.Option("--expected-by", help="By London's clocks it has normally sent by then (09:30); `none`: no hour."),
]
Days = Annotated[
    str | None, typer.Option("--days", help="The weekdays on which that holds (mon,wed or mon-fri); default mon-fri.")
]
BankHolidays = Annotated[
    bool | None, typer.Option("--bank-holidays/--no-bank-holidays", help="It holds on England's bank holidays too.")
]
Expires = Annotated[
    str | None, typer.Option("--expires", help="Refused from the start of this day in London, or from an instant on.")
]
ClientId = Annotated[
    str | None, typer.Option("--client-id", help="Where a provider has several systems; default its one, or a new one.")
]
Url = Annotated[str | None, typer.Option("--url", help="Address of ingest as providers reach it, for what is printed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def refusals() -> Iterator[None]:
    """End the process with status 2 for what is typed wrong."""
    from pcare_cli.providers.words import RefusedError

    try:
        yield
    except RefusedError as error:
        fail(str(error), status=2)


def actor(who: str | None, why: str | None, *, dry_run: bool) -> "Actor":
    """Return who does something and why; a dry run asks neither."""
    from pcare_cli.operators import who_and_why
    from pcare_cli.providers.plan import Actor

    return Actor("", "", dry_run=True) if dry_run else Actor(*who_and_why(who, why))


def end_of_life(expires: str | None) -> "dt.datetime | None":
    """Return when a credential ends, if ever. Raises RefusedError where that is not to come."""
    from pcare_cli.providers import words
    from pcare_common.clock import SystemClock

    return None if expires is None else words.end_of_life(expires, SystemClock().now())


def keys_of(file: Path) -> "tuple[PublicKey, ...]":
    """Read a file of public keys; ends the process with status 2 where it cannot be read. Raises RefusedError."""
    from pcare_cli.providers import public_keys

    try:
        content = file.read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", status=2)
    return public_keys.read(content)
