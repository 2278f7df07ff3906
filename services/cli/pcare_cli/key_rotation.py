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
from pcare_cli.operators import Result, add_act, with_database
from pcare_common.errors import OperatorError
from pcare_ingest import keys
from pcare_schemas.pseudonym import KEY_FILE_VARIABLE, PREVIOUS_KEY_FILE_VARIABLE


class State(NamedTuple):
    """Which keys there are. `known` says how many persons have a pseudonym under each, `persons` how many there are."""

    anchor: str | None
    following: str | None
    known: Mapping[str, int]
    persons: int


def present_key(state: State) -> str:
    """Return the id of the key under which everybody has a pseudonym. Pure.

    Raises OperatorError where there is none: then some have been counted as two people already.
    """
    if state.anchor is not None:
        return state.anchor
    if not state.persons:
        raise OperatorError(
            "Nobody is recorded yet, so there is nothing to change: give ingest another key, made by `pcare keys new`."
        )
    everybody = [key for key, known in state.known.items() if known == state.persons]
    if not everybody:
        shares = ", ".join(f"{known:,} under {key}" for key, known in sorted(state.known.items()))
        raise OperatorError(
            f"There are {state.persons:,} persons, and under no key all of them have a pseudonym ({shares}): the key "
            "was changed before without this command, and whoever has been seen under both is counted twice. "
            "docs/keys.md says what to do."
        )
    return max(everybody, key=_number)


def next_key(state: State) -> str:
    """Return the id of the key to make: one that nobody was ever known by. Pure. Raises OperatorError likewise."""
    return f"k{1 + max(map(_number, {present_key(state), *state.known}))}"


def behind(state: State) -> int:
    """Return how many persons have no pseudonym yet under the key that everybody is being linked to. Pure."""
    return state.persons - state.known.get(state.following or "", 0)


def rotate(file: Path, who: str, why: str) -> None:
    """Make the next key in `file`, and let the recorder know by which key persons are told apart from now on."""

    async def work(connection: asyncpg.Connection) -> tuple[str, str]:
        async with connection.transaction():
            state = await read_state(connection)
            if state.following is not None:
                raise OperatorError(
                    f"The key is being changed already, from {state.anchor} to {state.following}: {behind(state):,} of "
                    f"{state.persons:,} persons are to go. Finish that first: `pcare keys rotate --finish`."
                )
            old, new = present_key(state), next_key(state)
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
            state = await read_state(connection)
            if state.following is None:
                raise OperatorError("No key is being changed. `pcare keys rotate FILE` begins it.")
            if behind(state):
                raise OperatorError(
                    f"{behind(state):,} of {state.persons:,} persons have not been seen since the key began to be "
                    f"changed, and have no pseudonym under {state.following}. Without {state.anchor} they would come "
                    "back as new people and count twice. Keep both keys, for as long as it takes; or let providers "
                    "send again over HTTP what they sent of them before: a repeat counts nothing and links the new "
                    "pseudonym. Nothing was changed."
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
            f"The key is being changed from {state.anchor} to {state.following}: {behind(state):,} persons to go."
        )


async def read_state(connection: asyncpg.Connection, *, lock: bool = True) -> State:
    """Return which keys there are. With `lock`, nobody begins meanwhile: until the transaction ends it stays so."""
    if lock:
        await connection.execute("SELECT FROM pcare.pseudonym_key FOR UPDATE")
    row = await connection.fetchrow("SELECT anchor, following FROM pcare.pseudonym_key")
    counts = {found[0]: found[1] for found in await connection.fetch("SELECT * FROM pcare.pseudonym_keys()")}
    return State(row["anchor"], row["following"], persons=counts.pop(None), known=counts)


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
