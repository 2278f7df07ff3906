"""The provider register: who may send events, of which kinds, and from when to when."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from pcare_schemas.code_lists import load_yaml
from pcare_schemas.fields import Strict
from pcare_schemas.kinds import KINDS
from pcare_schemas.retraction import EventRetracted
from pcare_schemas.validity import Validity

ODS_SOURCE = "https://fhir.nhs.uk/Id/ods-organization-code/"
LOCAL_SOURCE = "urn:ncl:provider:"
SOURCE_PATTERN = rf"^({re.escape(ODS_SOURCE)}[A-Z0-9]{{3,8}}|{LOCAL_SOURCE}[a-z0-9]+(-[a-z0-9]+)*)$"

_VARIABLE = "PCARE_PROVIDER_REGISTER"

ProviderKind = Literal["gp_practice", "trust", "council", "voluntary_sector", "icb", "ccg"]


TABLE = "pcare.register"
"""The table of PostgreSQL whose rows stand before the entries of files."""

COLUMNS = ("source", "name", "kind", "valid_from", "valid_to", "successor", "kinds")
"""What a row of the table says that verdicts depend on: what `Register.with_rows` reads of it."""


class ProviderEntry(Strict):
    """One organisation as a register file, or a row of the table, states it."""

    source: Annotated[str, Field(pattern=SOURCE_PATTERN, max_length=96)]
    name: str
    kind: ProviderKind
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    successor: Annotated[str | None, Field(description="The code of the organisation that took over")] = None
    kinds: Annotated[
        tuple[str, ...] | None, Field(min_length=1, description="The kinds of event that it may send; default all")
    ] = None

    @field_validator("kinds")
    @classmethod
    def _are_kinds(cls, kinds: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """Put them into the order of the catalogue, so that the same permission is the same document."""
        if kinds is None:
            return None
        unknown = sorted(set(kinds) - KINDS.keys())
        if unknown:
            raise ValueError(f"no kind of event: {', '.join(unknown)}. The kinds are {', '.join(KINDS)}")
        return tuple(kind for kind in KINDS if kind in kinds)


class RegisterFile(Strict):
    """A register file: a list named `providers`."""

    providers: tuple[ProviderEntry, ...]


@dataclass(frozen=True, slots=True)
class Provider:
    """An organisation that sends events. `code` is its ODS code, or its slug if it has none."""

    source: str
    code: str
    name: str
    kind: ProviderKind
    validity: Validity
    successor: str | None
    kinds: tuple[str, ...] | None = None
    """The kinds of event that it may send; None: all."""

    @property
    def topic_slug(self) -> str:
        """The last part of the name of its own topic."""
        return self.code.lower()

    def may_send(self, kind: str) -> bool:
        """Say whether it may send events of this kind. What it has sent it may always take back."""
        return self.kinds is None or kind in self.kinds or kind == EventRetracted.KIND


class Register:
    """Providers by source, and by code. Raises ValueError if two share a source or a topic."""

    def __init__(self, entries: Iterable[ProviderEntry]) -> None:
        self.by_source: dict[str, Provider] = {}
        self.by_code: dict[str, Provider] = {}
        self._entries = tuple(entries)
        for provider in map(_provider, self._entries):
            if provider.source in self.by_source:
                raise ValueError(f"the provider register holds {provider.source} twice")
            other = self.by_code.get(provider.code) or self.by_code.get(provider.code.swapcase())
            if other is not None:
                raise ValueError(f"{provider.source} and {other.source} would share one topic")
            self.by_source[provider.source] = provider
            self.by_code[provider.code] = provider

    @classmethod
    def load(cls, extra: Path | None = None) -> "Register":
        """Read the built-in register, and the file beside it if one is named; its entries stand before built-in ones.

        Raises ValueError naming the file at fault.
        """
        built_in = resources.files("pcare_schemas") / "data" / "register.yaml"
        entries = _entries(built_in.read_text(encoding="utf-8"), "the built-in register")
        if extra is None:
            return cls(entries)
        try:
            own = _entries(extra.read_text(encoding="utf-8"), f"{_VARIABLE}: {extra}")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{_VARIABLE}: {extra} cannot be read: {error}") from error
        return cls(_replacing(entries, own))

    def with_rows(self, rows: Iterable[Mapping[str, Any]]) -> "Register":
        """Return this register with the rows of the table, which stand before its own entries of the same source.

        A row needs the `COLUMNS`; others are left alone. Raises ValueError, naming the table, for a row that is no
        provider, and where two providers would share a topic.
        """
        try:
            own = [ProviderEntry.model_validate({name: row[name] for name in COLUMNS}, strict=False) for row in rows]
            return Register(_replacing(self._entries, own))
        except ValidationError as error:
            raise ValueError(f"the table {TABLE} holds what is not a provider: {error}") from error
        except ValueError as error:
            raise ValueError(f"with the table {TABLE}: {error}") from error

    def document(self) -> list[dict[str, Any]]:
        """Return the register as plain JSON values, in the order of source."""
        return [_document(self.by_source[source]) for source in sorted(self.by_source)]

    @classmethod
    def from_document(cls, document: Iterable[Mapping[str, Any]]) -> "Register":
        """Read what `document` returned. Raises ValidationError or ValueError if it is not that."""
        return cls(ProviderEntry.model_validate(entry, strict=False) for entry in document)


def _replacing(entries: Iterable[ProviderEntry], own: Iterable[ProviderEntry]) -> list[ProviderEntry]:
    own = tuple(own)
    replaced = {entry.source for entry in own}
    return [*(entry for entry in entries if entry.source not in replaced), *own]


def _entries(text: str, origin: str) -> tuple[ProviderEntry, ...]:
    try:
        return RegisterFile.model_validate(load_yaml(text, origin), strict=False).providers
    except ValidationError as error:
        raise ValueError(f"{origin} is not a provider register: {error}") from error


def _provider(entry: ProviderEntry) -> Provider:
    return Provider(
        source=entry.source,
        code=re.split("[/:]", entry.source)[-1],
        name=entry.name,
        kind=entry.kind,
        validity=Validity.between(entry.valid_from, entry.valid_to),
        successor=entry.successor,
        kinds=entry.kinds,
    )


def _document(provider: Provider) -> dict[str, Any]:
    document: dict[str, Any] = {
        "source": provider.source,
        "name": provider.name,
        "kind": provider.kind,
        **provider.validity.document(),
    }
    if provider.successor is not None:
        document["successor"] = provider.successor
    if provider.kinds is not None:
        document["kinds"] = list(provider.kinds)
    return document
