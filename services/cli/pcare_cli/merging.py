"""`pcare persons merge`: two NHS numbers turned out to be one person's, who counts once from now on.

The numbers are asked for or read from a file, never typed as arguments, which a shell would keep; ingest turns them
into pseudonyms. Nothing here holds a key, and nothing that is written holds a number or a pseudonym.
"""

import asyncio
import datetime as dt
import os
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import httpx
import typer

from pcare_cli.console import fail
from pcare_cli.operators import add_act, not_while_rebuilding, with_database
from pcare_recorder import merges, store
from pcare_recorder.merges import Merge
from pcare_recorder.persons import key_of
from pcare_recorder.verdicts import PERSON, EventKey
from pcare_schemas.pseudonym import PREVIOUS_KEY_FILE_VARIABLE
from pcare_schemas.recorded import subjects_merged_text
from pcare_schemas.rules import Rules

CREDENTIAL_VARIABLE = "PCARE_API_KEY"
ASK_SECONDS = 30.0
PUBLISHED_WITHIN_SECONDS = 60.0
LOOK_SECONDS = 0.2
ACT = "persons-merged"
ORIGIN_TOPIC = "pcare.acts"

Names = Sequence[str]
"""The pseudonyms of one NHS number: one, or two while the key is being changed."""


class Plan(NamedTuple):
    """What a merge has to do: which subjects become which, and which pseudonyms are to be linked to it."""

    kept: str
    gone: tuple[str, ...]
    unlinked: tuple[str, ...]


class Done(NamedTuple):
    """What a merge did. `events` were moved."""

    act: int
    gone: tuple[UUID, ...]
    events: int


def plan(kept: Names, gone: Names, links: dict[str, str]) -> Plan | None:
    """Return what has to be done so that all these pseudonyms lead to one subject, or None if nothing. Pure.

    `links` are the subjects, as in the log, of those that are known. Raises ValueError where none is.
    """
    names = tuple(dict.fromkeys([*kept, *gone]))
    subjects = tuple(dict.fromkeys(links[name] for name in names if name in links))
    if not subjects:
        raise ValueError("Nobody is known by either of the two numbers: nothing has been recorded about them.")
    unlinked = tuple(name for name in names if name not in links)
    return Plan(subjects[0], subjects[1:], unlinked) if unlinked or subjects[1:] else None


def can_be_told(anchor: str | None, *numbers: Names) -> bool:
    """Whether each number has a pseudonym under the key by which persons are told apart. Pure.

    Linked by another one alone, its person would begin again as soon as an event brings that one.
    """
    return anchor is None or all(any(key_of(name) == anchor for name in names) for names in numbers)


def told(kept: Names, gone: Names) -> None:
    """Print of each of the two numbers whether anybody is known by it. The numbers are named by their places only."""
    links = with_database(lambda connection: store.known_links(connection, {*kept, *gone}))
    for place, names in (("kept", kept), ("gone", gone)):
        known = "somebody is" if links.keys() & set(names) else "nobody is"
        typer.echo(f"The number that is {place}: {known} known by it.")


def pseudonyms_of(numbers: Sequence[str], ingest: str) -> list[tuple[str, ...]]:
    """Ask ingest for the pseudonyms of these NHS numbers; ends the process where it refuses, without repeating them."""
    credential = os.environ.get(CREDENTIAL_VARIABLE)
    headers = {} if not credential else {"Authorization": f"Bearer {credential}"}
    try:
        answer = httpx.post(
            f"{ingest}/pseudonyms",
            json={"nhs_numbers": list(numbers)},
            headers=headers,
            timeout=ASK_SECONDS,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        fail(f"ingest does not answer at {ingest} ({type(error).__name__}). Say where it is: --ingest ADDRESS.")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        fail(f"ingest asks who calls. Put an API key into {CREDENTIAL_VARIABLE}.")
    if answer.status_code != httpx.codes.OK:
        fail(f"ingest gives no pseudonyms (HTTP {answer.status_code}). {_what_to_do(answer)}")
    given = answer.json()
    columns = [given["pseudonyms"], *([given["previous"]] if "previous" in given else [])]
    return list(zip(*columns, strict=True))


def merge(kept: Names, gone: Names, who: str, why: str) -> None:
    """Make one person of whoever these pseudonyms are; ends with status 1 where that is nobody, or is not published."""
    done = with_database(lambda connection: _merge(connection, kept, gone, who, why))
    if done is None:
        typer.echo("They are one person already. Nothing was changed.")
        return
    typer.echo(f"One person now: {done.events:,} events were moved. Act {done.act} of the audit trail says so.")
    if not with_database(lambda connection: _published(connection, done.gone)):
        fail(
            "It is in the database, and a recorder has not published it yet: until one does, the board counts two. "
            "Start a recorder; this need not be repeated."
        )
    typer.echo("It is published: the board counts the person once as soon as it has read so far.")


async def _merge(connection: asyncpg.Connection, kept: Names, gone: Names, who: str, why: str) -> Done | None:
    async with connection.transaction():
        await not_while_rebuilding(connection)
        await merges.alone(connection)
        try:
            wanted = plan(kept, gone, await store.known_links(connection, {*kept, *gone}))
        except ValueError as error:
            fail(str(error))
        if wanted is None:
            return None
        anchor = await store.anchor(connection, hold=True)
        if wanted.unlinked and not can_be_told(anchor, kept, gone):
            fail(
                f"Persons are told apart by the key {anchor}, and ingest does not have it: give it "
                f"{PREVIOUS_KEY_FILE_VARIABLE}, as docs/keys.md says. Nothing was changed."
            )
        kept_person = _person_of(wanted.kept)
        act = await add_act(
            connection,
            who=who,
            what=ACT,
            why=why,
            details={"kept": wanted.kept, "gone": list(wanted.gone), "linked": len(wanted.unlinked)},
        )
        at = await connection.fetchval("SELECT date_trunc('milliseconds', at) FROM pcare.acts WHERE number = $1", act)
        rules = Rules.load().version
        moved: dict[UUID, list[EventKey]] = {}
        if wanted.gone:
            moved = await merges.move(connection, dict.fromkeys(map(_person_of, wanted.gone), kept_person))
        if wanted.unlinked:
            # Whoever was never seen becomes somebody, so that this is a merge like any other; there are no events.
            begun = await _begin(connection, wanted.unlinked, at, act, rules)
            await merges.move_links(connection, {begun: kept_person})
            moved[begun] = []
        for gone_person, events in moved.items():
            text = subjects_merged_text(
                f"{PERSON}{gone_person}", wanted.kept, merged_at=at, act=act, rules_version=rules
            ).decode()
            await merges.add(connection, Merge(gone_person, kept_person, text, events), at)
        return Done(act, tuple(moved), sum(map(len, moved.values())))


async def _begin(connection: asyncpg.Connection, names: Names, at: dt.datetime, act: int, rules: str) -> UUID:
    subject = uuid4()
    await store.add_links(connection, sorted((name, subject, at, rules, ORIGIN_TOPIC, 0, act) for name in names))
    return subject


async def _published(connection: asyncpg.Connection, gone: Sequence[UUID]) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + PUBLISHED_WITHIN_SECONDS
    while loop.time() < until:
        if await connection.fetchval(
            "SELECT count(published_at) = $2 FROM pcare.merges WHERE gone = ANY($1::uuid[])", list(gone), len(gone)
        ):
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


def _person_of(subject: str) -> UUID:
    return UUID(subject.removeprefix(PERSON))


def _what_to_do(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        places = ", ".join(error["pointer"] for error in problem.get("errors", ()))
        return f"{problem['title']}. {problem['detail']}" + (f" ({places})" if places else "")
    except (ValueError, KeyError, TypeError):
        return "Is this the address of ingest?"
