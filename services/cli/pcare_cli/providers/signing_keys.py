"""The public keys of a provider that signs its requests for a token (private_key_jwt): added and removed by `kid`.

Keys are added beside those that are there, so that old and new are accepted while the provider changes over.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg
import orjson

from pcare_cli.providers import credentials
from pcare_cli.providers.credentials import Credential, Form, State
from pcare_cli.providers.plan import Now, Plan, Step, Write
from pcare_cli.providers.public_keys import MOST_KEYS, PublicKey
from pcare_cli.providers.words import RefusedError
from pcare_common import api_keys
from pcare_schemas import identifiers
from pcare_schemas.register import Provider

_CLIENT_ID = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{2,63}")


@dataclass(frozen=True, slots=True)
class Added:
    """The credential with the keys added, and the step that writes it; None where it has them all already."""

    credential: Credential
    step: Step | None


def add(
    there: Sequence[Credential],
    provider: Provider,
    keys: Sequence[PublicKey],
    *,
    now: dt.datetime,
    client_id: str | None = None,
    expires: dt.datetime | None = None,
) -> Added:
    """Add keys to the client of a provider, or make one. `there` are the provider's live credentials.

    Raises RefusedError where it has several clients and none is named, and where a `kid` stands for another key.
    """
    client = _client(there, client_id)
    if client is None:
        named = client_id or api_keys.new_id()
        if not _CLIENT_ID.fullmatch(named) or identifiers.find(named):
            raise RefusedError(
                "A client id is 3 to 64 letters, digits, dots, hyphens and underscores, and no NHS number."
            )
        made = Credential(named, provider.source, Form.private_key_jwt, State.live, now, expires)
        made = replace(made, keys=tuple(key.document for key in keys))
        return Added(made, Step("signing-keys-added", credentials.details(provider, made), _inserting(made)))
    if expires is not None:
        raise RefusedError(f"{client.id} is there already, and its end is not changed by new keys.")
    known = {key["kid"]: key for key in client.keys}
    for key in keys:
        if key.kid in known and known[key.kid] != key.document:
            raise RefusedError(
                f"{client.id} has another key under the kid {key.kid}. Give the new key a kid of its own."
            )
    new = [key.document for key in keys if key.kid not in known]
    changed = replace(client, keys=(*client.keys, *new))
    if len(changed.keys) > MOST_KEYS:
        raise RefusedError(
            f"{client.id} would have more than {MOST_KEYS} keys: `pcare providers jwks remove` old ones."
        )
    step = Step("signing-keys-added", _details(provider, changed, [key["kid"] for key in new]), _updating(changed))
    return Added(changed, step if new else None)


async def give_keys(
    now: Now, text: str, keys: Sequence[PublicKey], client_id: str | None, expires: dt.datetime | None
) -> Plan:
    """Add the public keys of a provider."""
    provider = credentials.registered(now, text)
    if client_id is not None:
        taken = await credentials.one(now.connection, client_id)
        if taken is not None and (
            taken.source != provider.source or taken.form is not Form.private_key_jwt or taken.state is not State.live
        ):
            raise RefusedError(f"The id {client_id} is taken, by a credential that no key can be added to.")
    there = await credentials.live(now.connection, provider.source)
    added = add(there, provider, keys, now=now.instant, client_id=client_id, expires=expires)
    client = added.credential
    plan = Plan(
        says=[f"{provider.code} ({provider.name}) signs as client {client.id}, by: {', '.join(client.key_ids)}."]
    )
    if added.step is not None:
        plan.steps.append(added.step)
        plan.afterwards.append("ingest accepts tokens that are asked for with any of these keys within seconds.")
        if len(client.keys) > len(keys):
            plan.afterwards.append(
                "When the provider has changed over, `pcare providers jwks remove` takes away the key that it left."
            )
    return plan


async def remove_key(now: Now, text: str, kid: str, client_id: str | None) -> Plan:
    """Take a public key away; the last of a client goes only with the client."""
    provider = credentials.registered(now, text)
    there = await credentials.live(now.connection, provider.source)
    clients = [one for one in there if kid in one.key_ids and client_id in (None, one.id)]
    if not clients:
        raise RefusedError(f"No client of {provider.code} has a key {kid}: `pcare providers show {provider.code}`.")
    if len(clients) > 1:
        raise RefusedError(f"Say whose: --client-id, one of {', '.join(one.id for one in clients)}.")
    (client,) = clients
    if len(client.keys) == 1:
        raise RefusedError(
            f"It is the only key of {client.id}. Add the new one first, or `pcare providers revoke {client.id}`."
        )
    changed = replace(client, keys=tuple(key for key in client.keys if key["kid"] != kid))
    step = Step("signing-key-removed", _details(provider, changed, [kid]), _updating(changed))
    return Plan(
        [step], [f"{client.id} of {provider.code} signs no longer by {kid}; left: {', '.join(changed.key_ids)}."]
    )


def _client(there: Sequence[Credential], client_id: str | None) -> Credential | None:
    clients = [one for one in there if one.form is Form.private_key_jwt and client_id in (None, one.id)]
    if len(clients) > 1:
        raise RefusedError(
            f"It has several clients. Say which: --client-id, one of {', '.join(one.id for one in clients)}."
        )
    return clients[0] if clients else None


def _details(provider: Provider, client: Credential, kids: list[str]) -> dict[str, object]:
    return {**credentials.details(provider, client), "kids": kids}


def _set_of(client: Credential) -> str:
    return orjson.dumps({"keys": list(client.keys)}).decode()


def _inserting(made: Credential) -> Write:
    async def write(connection: asyncpg.Connection, act: int) -> None:
        await connection.execute(
            "INSERT INTO pcare.credentials (id, source, form, jwks, valid_from, expires_at, act) "
            "VALUES ($1, $2, 'private_key_jwt', $3, $4, $5, $6)",
            made.id,
            made.source,
            _set_of(made),
            made.valid_from,
            made.expires_at,
            act,
        )

    return write


def _updating(changed: Credential) -> Write:
    async def write(connection: asyncpg.Connection, act: int) -> None:
        await connection.execute(
            "UPDATE pcare.credentials SET jwks = $2, act = $3 WHERE id = $1", changed.id, _set_of(changed), act
        )

    return write
