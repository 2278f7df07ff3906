"""Lets the made-up organisations of `pcare simulate` in where ingest asks for credentials: an entry, and an API key.

For a demonstration: what they send stands in the record for good. Whoever has the file of keys may send in the name
of these organisations, and of nobody else.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pcare_cli.console import fail
from pcare_cli.providers import changing, credentials
from pcare_cli.providers.changing import Wanted
from pcare_cli.providers.plan import Actor, Now, Plan, carry_out
from pcare_cli.simulation.organisations import ORGANISATIONS, Organisation, Way
from pcare_common import api_keys
from pcare_schemas.register import Register

OWNER_ONLY = 0o600


def join(register: Path, file: Path, actor: Actor) -> None:
    """Register the organisations as the file `register` has them, and write the API key of each into `file`.

    May be repeated: a key that is accepted stays. Ends the process with one line where that cannot be done.
    """
    try:
        planned = Register.load(register)
    except ValueError as error:
        fail(str(error), status=2)
    keys = read(file) if file.exists() else {}

    async def plan(now: Now) -> Plan:
        whole = Plan()
        for organisation in ORGANISATIONS:
            await _one(now, organisation, planned, keys, whole)
        return whole

    carry_out(plan, actor)
    _write(file, keys)


def read(file: Path) -> dict[str, str]:
    """Return the API key of each source. Ends the process with one line where the file holds none."""
    try:
        return {str(source): str(key) for source, key in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError) as error:
        fail(f"{file} holds no API keys ({type(error).__name__}). `pcare simulate-join` writes them.", status=2)


async def _one(now: Now, organisation: Organisation, planned: Register, keys: dict[str, str], whole: Plan) -> None:
    provider = planned.by_source[organisation.source]
    kinds = None if provider.kinds is None else list(provider.kinds)  # as the database returns them
    entry = {"name": provider.name, "kind": str(provider.kind), "kinds": kinds}
    added = await changing.add(now, provider.source, entry, Wanted())
    whole.steps += added.steps
    whole.says += added.says
    if organisation.way is Way.HTTP and not await _is_live(now, provider.source, keys):
        _, keys[provider.source], step = credentials.new_api_key(provider, None, now.instant)
        whole.steps.append(step)
        whole.says.append(f"An API key for {provider.code}.")


async def _is_live(now: Now, source: str, keys: Mapping[str, str]) -> bool:
    parsed = api_keys.parse(keys.get(source, ""))
    return parsed is not None and any(one.id == parsed[0] for one in await credentials.live(now.connection, source))


def _write(file: Path, keys: Mapping[str, str]) -> None:
    written = file.with_suffix(".new")
    written.unlink(missing_ok=True)
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as stream:
        json.dump(keys, stream, indent=1)
    written.replace(file)
