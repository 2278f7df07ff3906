"""What the register says of those who call: which credential is whose, and for whom each provider may speak.

A provider speaks for itself and for the organisations that it took over from (whose `successor` it is, whether by one
step or several), once they have ended: somebody must be able to send the last of their events, and to take back what
they sent. Until an organisation has ended, its successor may not speak for it; one whose last day the register does
not have has not ended. Which time an event may be of is for the rules: an organisation that has ended has no new
events.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from pcare_ingest.callers import Caller
from pcare_ingest.public_keys import PublicKey, public_keys
from pcare_ingest.rate_limit import Granted
from pcare_schemas.register import Provider, Register

_ALWAYS = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Credential:
    """By what a provider proves who it is: the SHA-256 of an API key's secret, or public keys by their `kid`."""

    id: str
    source: str
    form: Literal["api_key", "private_key_jwt"]
    secret_sha256: bytes | None
    keys: Mapping[str, PublicKey]
    valid_from: dt.datetime
    expires_at: dt.datetime | None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Credential":
        """Make it of a row of the view edge.credentials. Keys that are none are left out: nobody can sign by them."""
        return cls(
            id=row["id"],
            source=row["source"],
            form=row["form"],
            secret_sha256=row["secret_sha256"],
            keys=public_keys(row["jwks"]),
            valid_from=row["valid_from"],
            expires_at=row["expires_at"],
        )

    def has_begun(self, now: dt.datetime) -> bool:
        """Whether its validity has begun at an aware instant."""
        return self.valid_from <= now

    def has_ended(self, now: dt.datetime) -> bool:
        """Whether its validity is over at an aware instant."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class Providers:
    """The register and the credentials as they were at one instant. Never changes once made.

    `rates` holds, by source, the events a second that the register grants; the others get what is granted by default.
    """

    register: Register
    credentials: Mapping[str, Credential]
    rates: Mapping[str, int]
    granted: Granted

    _callers: dict[str, Caller] = field(default_factory=dict, init=False, repr=False, compare=False)

    def caller(self, credential: Credential, now: dt.datetime) -> Caller | None:
        """Return who calls with a credential, or None when the register does not know its provider any more."""
        known = self._callers.get(credential.id)
        if known is not None:
            return known
        provider = self.register.by_source.get(credential.source)
        if provider is None:
            return None
        since = self._inherited(provider)
        sources = frozenset({provider.source, *(source for source, start in since.items() if start <= now)})
        rate = self.granted.rate(self.rates.get(provider.source))
        caller = Caller(provider.code, sources, credential.id, rate)
        if all(start <= now for start in since.values()):  # else it would have to be made anew on that day
            self._callers[credential.id] = caller
        return caller

    def _inherited(self, heir: Provider) -> dict[str, dt.datetime]:
        """Return the sources of those that it took over from, and since when it may speak for each."""
        found: dict[str, dt.datetime] = {}
        waiting = [(heir, _ALWAYS)]
        while waiting:
            provider, since = waiting.pop()
            for predecessor in self._by_successor.get(provider.code, ()):
                ends = predecessor.validity.ends
                if ends is None or predecessor is heir or predecessor.source in found:
                    continue
                found[predecessor.source] = max(since, ends)
                waiting.append((predecessor, found[predecessor.source]))
        return found

    @cached_property
    def _by_successor(self) -> dict[str, list[Provider]]:
        found: dict[str, list[Provider]] = {}
        for provider in self.register.by_source.values():
            if provider.successor is not None:
                found.setdefault(provider.successor, []).append(provider)
        return found
