"""`pcare providers add | set | end`: an entry of the register, added or changed."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pcare_cli.providers import credentials, entries, letter, signing_keys
from pcare_cli.providers.credentials import Credential, Form
from pcare_cli.providers.entries import Row
from pcare_cli.providers.plan import Now, Plan, Step
from pcare_cli.providers.public_keys import PublicKey
from pcare_cli.providers.words import RefusedError, new_source
from pcare_schemas.register import Provider

Changes = Mapping[str, Any]
"""Values of columns that were given: those that were not stay as they are."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `add` makes beside the entry, and the address that is told to the provider."""

    api_key: bool = False
    keys: tuple[PublicKey, ...] = ()
    url: str | None = None


async def add(now: Now, text: str, changes: Changes, wanted: Wanted) -> Plan:
    """Register an organisation. One that is registered just so stays as it is; another is for `set` to change."""
    source = now.entries.source_of(text) or new_source(text)
    row = now.entries.row_of(source)
    there = source in now.entries.rows
    if row is None:
        row = dict.fromkeys(entries.ROW) | {"source": source, "expected_on_bank_holidays": False}
        missing = [name for name in ("name", "kind") if not changes.get(name)]
        if missing:
            raise RefusedError(f"{text} is in no register: say --name and --kind, for analysts and the desk.")
    changed = row | dict(changes)
    provider = now.entries.with_row(changed)
    if there and entries.document(changed) != entries.document(row):
        raise RefusedError(f"{provider.code} is registered already, otherwise: `pcare providers set` changes it.")
    plan = Plan()
    if there:
        plan.says.append(f"{provider.code} ({provider.name}) is registered already, just so.")
    else:
        plan.steps.append(_step("provider-added", changed, provider, {"entry": entries.document(changed)}))
        plan.says.append(f"{provider.code} ({provider.name}) is in the register: {', '.join(described(changed))}.")
    plan.afterwards += letter.lines(provider, await _ways_in(now, plan, provider, wanted))
    return plan


async def change(now: Now, text: str, changes: Changes, what: str = "provider-changed") -> Plan:
    """Change an entry; one that only files have gets a row of its own."""
    source = now.entries.source_of(text)
    row = None if source is None else now.entries.row_of(source)
    if row is None:
        raise RefusedError(f"No organisation of the register is called {text}: `pcare providers list --all`.")
    changed = row | dict(changes)
    provider = now.entries.with_row(changed)
    before, after = entries.document(row), entries.document(changed)
    plan = Plan()
    if before == after:
        plan.says.append(f"{provider.code} ({provider.name}) is registered just so.")
        return plan
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    details = {
        "before": {name: before.get(name) for name in names},
        "after": {name: after.get(name) for name in names},
    }
    plan.steps.append(_step(what, changed, provider, details))
    plan.says.append(f"{provider.code} ({provider.name}): {', '.join(described(changed))}.")
    return plan


async def end(now: Now, text: str, on: dt.date, successor: str | None) -> Plan:
    """Let an organisation end: events that took place on that day or later are refused from now on."""
    changes: dict[str, Any] = {"valid_to": on} | ({} if successor is None else {"successor": successor})
    plan = await change(now, text, changes, "provider-ended")
    source = now.entries.source_of(text)
    live = await credentials.live(now.connection, source)
    plan.says.append(
        f"Events that took place before {on} may still be sent, late or retracted. What is recorded stays as it is."
    )
    if live:
        named = ", ".join(one.id for one in live)
        plan.says.append(f"It still holds {named}. When nothing more is to come, `pcare providers revoke` each.")
    return plan


def described(row: Row) -> list[str]:
    """Return what an entry says, in words."""
    words = [str(row["kind"])]
    words += [f"from {row['valid_from']}"] if row["valid_from"] else []
    words += [f"events before {row['valid_to']}"] if row["valid_to"] else []
    words += [f"followed by {row['successor']}"] if row["successor"] else []
    words.append("every kind of event" if row["kinds"] is None else f"only {', '.join(row['kinds'])}")
    words += [f"at most {row['events_per_second']} events a second over HTTP"] if row["events_per_second"] else []
    if row["expected_by"] is not None:
        also = ", bank holidays too" if row["expected_on_bank_holidays"] else ""
        words.append(f"expected by {row['expected_by']:%H:%M} ({' '.join(row['expected_days'])}{also})")
    return words


async def _ways_in(now: Now, plan: Plan, provider: Provider, wanted: Wanted) -> list[letter.Section]:
    """Plan what a provider needs for each way in, and return what it is told of each. A further way is a line here."""
    return [await _over_http(now, plan, provider, wanted)]


async def _over_http(now: Now, plan: Plan, provider: Provider, wanted: Wanted) -> letter.Section:
    there = await credentials.live(now.connection, provider.source)
    shown: list[Credential] = list(there)
    text = None
    if wanted.api_key and any(one.form is Form.api_key for one in there):
        plan.says.append("It has an API key already; `pcare providers key new` makes another.")
    elif wanted.api_key:
        made, text, step = credentials.new_api_key(provider, None, now.instant)
        plan.steps.append(step)
        shown.append(made)
    if wanted.keys:
        added = signing_keys.add(there, provider, wanted.keys, now=now.instant)
        if added.step is not None:
            plan.steps.append(added.step)
        shown = [one for one in shown if one.id != added.credential.id] + [added.credential]
    return letter.over_http(provider, wanted.url, shown, api_key=text)


def _step(what: str, row: Row, provider: Provider, details: dict[str, Any]) -> Step:
    return Step(
        what,
        {"provider": provider.code, "source": provider.source, **details},
        lambda connection, act: entries.write(connection, row, provider, act),
    )
