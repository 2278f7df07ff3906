"""`pcare conformance`: wires the parts, says how it goes, writes the report, and ends with 0 only if it is ready."""

import asyncio
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from pcare_cli.conformance import connection, files, report, script, watching
from pcare_cli.conformance.address import Address, client_for
from pcare_cli.conformance.credential import NOBODY, Bearer, Pair, Signing, UnusableCredentialError, bearer_of
from pcare_cli.conformance.files import UnusableFileError
from pcare_cli.conformance.findings import Report, Result
from pcare_cli.conformance.making import RETRACTION, Party, source_of
from pcare_cli.conformance.plays import Play
from pcare_cli.conformance.seen import Seen
from pcare_cli.console import fail
from pcare_common.clock import Clock, SystemClock
from pcare_common.errors import OperatorError
from pcare_schemas import code_lists
from pcare_schemas.kinds import KINDS

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MARK_LETTERS = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    provider: str
    url: str
    credential: Path | None
    signing: Pair | None
    kinds: str | None
    events: Path | None
    listen: int | None
    minutes: float
    stem: Path
    test_system: bool


def run_conformance(wanted: Wanted) -> None:
    """Play the script and end the process: 0 ready, 1 not ready, 2 typed wrong."""
    try:
        source = source_of(wanted.provider)
        kinds = _kinds(wanted.kinds)
        bearer = bearer_of(wanted.credential)
        events = None if wanted.events is None else files.read(wanted.events)
    except ValueError as error:
        fail(str(error), status=2)
    _only_a_test_system(wanted)
    clock = SystemClock()
    mark = "".join(secrets.choice(string.ascii_lowercase) for _ in range(MARK_LETTERS))
    party = Party(source, mark, clock.now(), code_lists.built_in()["commissioners"])
    try:
        found = asyncio.run(_play(wanted, party=party, kinds=kinds, bearer=bearer, events=events, clock=clock))
    except (UnusableFileError, UnusableCredentialError, OperatorError) as error:
        fail(str(error), status=2)
    except KeyboardInterrupt:
        fail("Interrupted. What was recorded until then was taken back.", status=130)
    page, data = report.write(found, wanted.stem)
    for result in found.results:
        if result.finding.failed:
            typer.echo(f"\n{result.title}: {result.finding.saw}\n  What to do: {result.todo}")
    if found.left:
        typer.echo(f"\nNot taken back, retract them or ask the operator to: {', '.join(found.left)}")
    typer.echo(f"\nReport: {page} (to read or print), {data} (for programs)\n{found.verdict}")
    raise typer.Exit(0 if found.ready else 1)


async def _play(
    wanted: Wanted,
    *,
    party: Party,
    kinds: Sequence[str] | None,
    bearer: Bearer,
    events: Sequence[bytes] | None,
    clock: Clock,
) -> Report:
    async with client_for(wanted.url) as client:
        caller = bearer if wanted.signing is None else Signing(client, wanted.signing, clock)
        address = Address(client, caller)
        if kinds is None:
            kinds = await connection.kinds_allowed(address, party, list(KINDS))
        play = Play(address, party, kinds, with_credential=caller != NOBODY)
        typer.echo(f"Playing our own examples against {wanted.url} as {party.source} ...")
        results: list[Result] = []
        taken: list[Mapping[str, Any]] = []
        left: list[str] = []
        try:
            results = await connection.play_all(play, tell=_line)
            if events is not None and not results[0].finding.failed:
                seen = await files.seen_in(events, address, clock.now())
                results += _judged(party.source, kinds, seen, listening=False)
            elif wanted.listen is not None and not results[0].finding.failed:
                wants = list(script.requirements(party.source, kinds, listening=True))
                seen = await watching.watch(
                    client, wanted.listen, wanted.minutes, wants=wants, clock=clock, tell=typer.echo
                )
                taken = [one.event for one in seen if one.counts and one.event is not None]
                results += _judged(party.source, kinds, seen, listening=True)
        finally:
            typer.echo("Taking back what was recorded ...")
            left = await connection.take_back(address, party, [*play.accepted, *taken])
        return Report(party.source, wanted.url, kinds, party.now, results, left)


def _judged(source: str, kinds: Sequence[str], seen: Sequence[Seen], *, listening: bool) -> list[Result]:
    results = script.judge_all(source, kinds, seen, listening=listening)
    for result in results:
        _line(result)
    return results


def _line(result: Result) -> None:
    typer.echo(f"  {report.MARKS[result.finding.outcome]} {result.title}")


def _kinds(text: str | None) -> list[str] | None:
    if text is None:
        return None
    named = [kind.strip() for kind in text.split(",") if kind.strip()]
    unknown = [kind for kind in named if kind not in KINDS]
    if unknown or not named:
        raise ValueError(f"--kinds: {', '.join(unknown) or 'none'} is no kind of event. There are: {', '.join(KINDS)}.")
    return [kind for kind in KINDS if kind in {*named, RETRACTION}]


def _only_a_test_system(wanted: Wanted) -> None:
    typer.echo(
        "THIS SENDS EVENTS, AND THE RECORD KEEPS THEM. Play it against a test system only. All persons are test "
        "persons (NHS numbers 999 000 0000 and up), and everything is retracted at the end."
    )
    if urlsplit(wanted.url).hostname not in LOOPBACK and not wanted.test_system:
        fail(f"If {wanted.url} is a test system, say so with --test-system. Nothing was sent.", status=2)
