"""The rows of pcare.credentials: what there is of a provider, an API key more, one taken back."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import asyncpg
import orjson

from pcare_cli.providers.plan import Now, Plan, Step
from pcare_cli.providers.words import RefusedError
from pcare_common import api_keys
from pcare_schemas.instants import utc_milliseconds
from pcare_schemas.register import Provider


class Form(StrEnum):
    """By what a provider proves who it is."""

    api_key = "api_key"
    private_key_jwt = "private_key_jwt"


class State(StrEnum):
    """Whether a credential is accepted. Only live ones are."""

    live = "live"
    not_yet = "not yet"
    expired = "expired"
    revoked = "revoked"


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as it is kept, but for the hash of a secret."""

    id: str
    source: str
    form: Form
    state: State
    valid_from: dt.datetime
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None
    keys: tuple[dict[str, str], ...] = ()
    """Of private_key_jwt: the public keys whose signatures are accepted."""

    @property
    def key_ids(self) -> list[str]:
        """The `kid` of each of its keys."""
        return [key["kid"] for key in self.keys]

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        instants = {"valid_from": self.valid_from, "expires_at": self.expires_at, "revoked_at": self.revoked_at}
        known = {name: utc_milliseconds(instant) for name, instant in instants.items() if instant is not None}
        keys = {"keys": self.key_ids} if self.form is Form.private_key_jwt else {}
        return {"id": self.id, "form": str(self.form), "state": str(self.state), **known, **keys}


_SELECT = """
    SELECT id, source, form, jwks, valid_from, expires_at, revoked_at,
        CASE
            WHEN revoked_at IS NOT NULL THEN 'revoked'
            WHEN expires_at <= clock_timestamp() THEN 'expired'
            WHEN valid_from > clock_timestamp() THEN 'not yet'
            ELSE 'live'
        END AS state
    FROM pcare.credentials
"""


async def of(connection: asyncpg.Connection, source: str | None = None) -> list[Credential]:
    """Return the credentials of a provider, or of all, the oldest first."""
    rows = await connection.fetch(
        f"{_SELECT} WHERE $1::text IS NULL OR source = $1 ORDER BY source, valid_from, id", source
    )
    return [_credential(row) for row in rows]


async def live(connection: asyncpg.Connection, source: str | None) -> list[Credential]:
    """Return those of a provider that are accepted now."""
    return [] if source is None else [one for one in await of(connection, source) if one.state is State.live]


async def one(connection: asyncpg.Connection, named: str) -> Credential | None:
    """Return a credential by its id."""
    row = await connection.fetchrow(f"{_SELECT} WHERE id = $1", named)
    return None if row is None else _credential(row)


def new_api_key(provider: Provider, expires: dt.datetime | None, now: dt.datetime) -> tuple[Credential, str, Step]:
    """Make an API key: what is kept of it, its text, which is nowhere else, and the step that keeps it."""
    key = api_keys.new()
    made = Credential(key.id, provider.source, Form.api_key, State.live, now, expires)

    async def write(connection: asyncpg.Connection, act: int) -> None:
        await connection.execute(
            "INSERT INTO pcare.credentials (id, source, form, secret_sha256, valid_from, expires_at, act) "
            "VALUES ($1, $2, 'api_key', $3, $4, $5, $6)",
            made.id,
            made.source,
            api_keys.sha256(key.secret),
            made.valid_from,
            made.expires_at,
            act,
        )

    return made, key.text, Step("api-key-made", details(provider, made), write)


def details(provider: Provider, credential: Credential) -> dict[str, Any]:
    """Return what an act says of a credential."""
    return {"provider": provider.code, "source": provider.source, "credential": credential.document()}


def registered(now: Now, text: str) -> Provider:
    """Return a provider that credentials may be given to. Raises RefusedError for one that has no row."""
    source = now.entries.source_of(text)
    provider = None if source is None else now.entries.provider(source)
    if provider is None:
        raise RefusedError(f"{text} was not registered here yet: `pcare providers add {text}` does that.")
    return provider


def _owner(now: Now, found: Credential) -> Provider:
    """Return whose a credential is: it refers to a row, which stays."""
    provider = now.entries.provider(found.source)
    if provider is None:
        raise RefusedError(f"{found.id} is of {found.source}, which has no entry: the table was changed by hand.")
    return provider


async def give_key(now: Now, text: str, expires: dt.datetime | None) -> Plan:
    """Make an API key for a provider, beside those that it has."""
    provider = registered(now, text)
    made, secret, step = new_api_key(provider, expires, now.instant)
    others = [one.id for one in await live(now.connection, provider.source) if one.form is Form.api_key]
    plan = Plan([step], [f"An API key for {provider.code} ({provider.name}){_until(expires)}."])
    plan.afterwards = [
        "",
        f"  {secret}",
        "",
        "It is shown this once, and only its SHA-256 is kept. Hand it over by a safe way, not in an e-mail.",
        f"Its id is {made.id}: that is no secret. ingest accepts it within seconds.",
    ]
    if others:
        plan.afterwards.append(
            f"When {provider.code} has changed over, take back: {', '.join(others)} (`pcare providers revoke ID`)."
        )
    return plan


async def revoke(now: Now, named: str) -> Plan:
    """Take a credential back for ever."""
    found = await one(now.connection, named)
    if found is None:
        raise RefusedError(f"There is no credential {named}: `pcare providers list` names them.")
    provider = _owner(now, found)
    if found.state is State.revoked:
        return Plan(says=[f"{named} of {provider.code} was revoked before."])

    async def write(connection: asyncpg.Connection, act: int) -> None:
        await connection.execute(
            "UPDATE pcare.credentials SET revoked_at = greatest(valid_from, clock_timestamp()), act = $2 WHERE id = $1",
            named,
            act,
        )

    plan = Plan([Step("credential-revoked", details(provider, found), write)])
    plan.says.append(f"{named} of {provider.code} ({provider.name}) is not accepted any more.")
    plan.afterwards.append(
        "ingest learns of it within seconds; a copy that cannot reach PostgreSQL, at the latest when it stops to "
        "believe what it knows (PCARE_INGEST_REGISTER_STALE)."
    )
    if all(other.id == named for other in await live(now.connection, found.source)):
        plan.says.append(f"{provider.code} has no other: over HTTP it sends nothing until it gets one.")
    return plan


def _until(expires: dt.datetime | None) -> str:
    return "" if expires is None else f", accepted until {utc_milliseconds(expires)}"


def _credential(row: asyncpg.Record) -> Credential:
    return Credential(
        id=row["id"],
        source=row["source"],
        form=Form(row["form"]),
        state=State(row["state"]),
        valid_from=row["valid_from"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        keys=() if row["jwks"] is None else tuple(orjson.loads(row["jwks"])["keys"]),
    )
