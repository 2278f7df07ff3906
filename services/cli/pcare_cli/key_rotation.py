"""`pcare keys rotate`: everybody gets a pseudonym under a new key, and nobody becomes two people on the way.

Persons are told apart by one key, the anchor. While the key is changed ingest names a person under both keys, and the
recorder links both to one subject; when everybody has a pseudonym under the new one, that becomes the anchor. No key
is ever read here: all that is known of one is its id.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import typer

from pcare_cli.console import fail
from pcare_cli.operators import Result, add_act, not_while_rebuilding, with_database
from pcare_common.errors import OperatorError
from pcare_ingest import keys
from pcare_recorder.persons import STRANGERS_AT_MOST
from pcare_schemas.pseudonym import KEY_FILE_VARIABLE, PREVIOUS_KEY_FILE_VARIABLE

KEYS = 1000  # their ids are k0 to k999


class State(NamedTuple):
    """Which keys there are. `known` says how many persons have a pseudonym under each, `persons` how many there are.

    While the key is changed: `behind` are the persons who have fewer pseudonyms under the new one than under the
    anchor, `mixed` those who have more, which only a wrong `subjectprev` makes. A person of two NHS numbers has two.
    """

    anchor: str | None
    following: str | None
    known: Mapping[str, int]
    persons: int
    behind: int = 0
    mixed: int = 0


def present_key(state: State, *, leave_strangers: bool = False) -> str:
    """Return the id of the key under which everybody has a pseudonym. Pure.

    With `leave_strangers`, under which nearly everybody has: anybody who may send can send one made-up pseudonym.
    Raises OperatorError where there is none: then some have been counted as two people already.
    """
    if state.anchor is not None:
        return state.anchor
    if not state.persons:
        raise OperatorError(
            "Nobody is recorded yet, so there is nothing to change: give ingest another key, made by `pcare keys new`."
        )
    most = max(state.known.values(), default=0)
    key = max((key for key, known in state.known.items() if known == most), key=_number)
    strangers = state.persons - most
    if not strangers or (leave_strangers and strangers <= STRANGERS_AT_MOST * state.persons):
        return key
    shares = ", ".join(f"{known:,} under {key}" for key, known in sorted(state.known.items()))
    told = f"There are {state.persons:,} persons, and under no key all of them have a pseudonym ({shares}): "
    if strangers <= STRANGERS_AT_MOST * state.persons:
        raise OperatorError(
            f"{told}somebody sent pseudonyms that ingest did not make. Find out who (docs/keys.md says how); to leave "
            f"these {strangers:,} as they are and go on: --leave-strangers."
        )
    raise OperatorError(
        f"{told}the key was changed before without this command, and whoever has been seen under both is counted "
        "twice. docs/keys.md says what to do."
    )


def next_key(state: State, *, leave_strangers: bool = False) -> str:
    """Return the id of the key to make: one that nobody was ever known by. Pure. Raises OperatorError likewise."""
    present = _number(present_key(state, leave_strangers=leave_strangers))
    taken = set(map(_number, state.known))
    free = next((number for number in range(present + 1, KEYS) if number not in taken), None)
    if free is None:
        raise OperatorError(f"No id of a key is left between {present} and {KEYS}. Ask for help.")
    return f"k{free}"


def rotate(file: Path, who: str, why: str, *, leave_strangers: bool = False) -> None:
    """Make the next key in `file`, and let the recorder know by which key persons are told apart from now on."""

    async def work(connection: asyncpg.Connection) -> tuple[str, str]:
        async with connection.transaction():
            await not_while_rebuilding(connection)
            state = await read_state(connection)
            if state.following is not None:
                raise OperatorError(
                    f"The key is being changed already, from {state.anchor} to {state.following}: {state.behind:,} of "
                    f"{state.persons:,} persons are to go. Finish that first: `pcare keys rotate --finish`."
                )
            old = present_key(state, leave_strangers=leave_strangers)
            new = next_key(state, leave_strangers=leave_strangers)
            await _set(connection, "keys-rotated", old, new, who=who, why=why, details={"from": old, "to": new})
            keys.new(file, new)  # last: only a commit that fails would leave a file behind, and it says so
            return old, new

    old, new = _done(work)
    typer.echo(f"Wrote a new pseudonym key, {new}, to {file}. It is in no use yet. Back it up, then for ingest:")
    typer.echo(f"  {KEY_FILE_VARIABLE}={file}")
    typer.echo(f"  {PREVIOUS_KEY_FILE_VARIABLE}=<the file of {old}, that {KEY_FILE_VARIABLE} named until now>")
    typer.echo("Start its copies again, one after the other: until the last one has, all is counted right too.")
    typer.echo(f"When everybody has been seen: `pcare keys rotate --finish`. Until then keep {old}. See docs/keys.md.")


def finish(who: str, why: str) -> None:
    """Make the new key the one by which persons are told apart; ends with status 1 while somebody is not linked."""

    async def work(connection: asyncpg.Connection) -> State:
        async with connection.transaction():
            await not_while_rebuilding(connection)
            state = await read_state(connection)
            if state.following is None:
                raise OperatorError("No key is being changed. `pcare keys rotate FILE` begins it.")
            if state.behind:
                raise OperatorError(
                    f"{state.behind:,} of {state.persons:,} persons have not been seen, or not by each of their NHS "
                    f"numbers, since the key began to be changed, and lack a pseudonym under {state.following}. "
                    f"Without {state.anchor} they would come back as new people and count twice. Keep both keys, for "
                    "as long as it takes; or let providers send again over HTTP what they sent of them before: a "
                    "repeat counts nothing and links the new pseudonym. Nothing was changed."
                )
            if state.mixed:
                raise OperatorError(
                    f"{state.mixed:,} of {state.persons:,} persons have more pseudonyms under {state.following} than "
                    f"under {state.anchor}: a provider sent a `subjectprev` of somebody else, and without "
                    f"{state.anchor} the two would be one. docs/keys.md says what to do. Nothing was changed."
                )
            details = {"from": state.anchor, "to": state.following, "persons": state.persons}
            await _set(connection, "keys-rotation-finished", state.following, None, who=who, why=why, details=details)
            return state

    state = _done(work)
    typer.echo(f"All {state.persons:,} persons have a pseudonym under {state.following}, and are told apart by it now.")
    typer.echo(f"Unset {PREVIOUS_KEY_FILE_VARIABLE}, start ingest again, and destroy {state.anchor} and its copies.")


def show() -> None:
    """Print which keys there are, and how many persons are known by each."""

    async def work(connection: asyncpg.Connection) -> State:
        async with connection.transaction():
            return await read_state(connection, lock=False)

    state = with_database(work)
    typer.echo(f"{state.persons:,} persons")
    for key, known in sorted(state.known.items(), key=lambda one: _number(one[0])):
        role = {state.anchor: "  persons are told apart by it", state.following: "  the new one"}.get(key, "")
        typer.echo(f"{key:5} {known:>12,} have a pseudonym under it{role}")
    if state.following is not None:
        typer.echo(
            f"The key is being changed from {state.anchor} to {state.following}: {state.behind:,} persons to go."
        )
    if state.mixed:
        typer.echo(f"{state.mixed:,} persons have somebody else's pseudonym under {state.following}: see docs/keys.md.")


async def read_state(connection: asyncpg.Connection, *, lock: bool = True) -> State:
    """Return which keys there are. With `lock`, nobody begins meanwhile: until the transaction ends it stays so."""
    if lock:
        await connection.execute("SELECT FROM pcare.pseudonym_key FOR UPDATE")
    row = await connection.fetchrow("SELECT anchor, following FROM pcare.pseudonym_key")
    counts = {found[0]: found[1] for found in await connection.fetch("SELECT * FROM pcare.pseudonym_keys()")}
    behind, mixed = await connection.fetchrow(_APART, row["anchor"], row["following"])
    return State(row["anchor"], row["following"], counts, counts.pop(None), behind, mixed)


_APART = """
    SELECT count(*) FILTER (WHERE new < old), count(*) FILTER (WHERE new > old AND old > 0)
    FROM (
        SELECT count(*) FILTER (WHERE split_part(pseudonym, ':', 2) = $1) AS old,
               count(*) FILTER (WHERE split_part(pseudonym, ':', 2) = $2) AS new
        FROM pcare.subjects WHERE $2::text IS NOT NULL GROUP BY subject_id
    ) AS had
"""


async def _set(
    connection: asyncpg.Connection,
    what: str,
    anchor: str | None,
    following: str | None,
    *,
    who: str,
    why: str,
    details: dict[str, Any],
) -> None:
    act = await add_act(connection, who=who, what=what, why=why, details=details)
    await connection.execute(
        "UPDATE pcare.pseudonym_key SET anchor = $1, following = $2, act = $3", anchor, following, act
    )


def _done(work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
    try:
        return with_database(work)
    except OperatorError as error:
        fail(str(error))


def _number(key: str) -> int:
    return int(key[1:])
