"""From a request's bytes to its resources: each read, held against R4, and ready to refer to the others."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from pcare_ingest.fhir import reading
from pcare_ingest.fhir.bundle import BATCH, TRANSACTION, TYPES, Held, Known, check_references, references, resource_of
from pcare_ingest.fhir.issues import Code, Issue, UnfitError, too_large
from pcare_ingest.fhir.limits import MAX_RESOURCE_BYTES
from pcare_ingest.fhir.paths import Node

SLICE: Final = 10
SLICE_BYTES: Final = 64 * 1024
"""Resources read in one go: so many, or of so many bytes. Between slices other requests get their turn."""

_LONGEST_TYPE: Final = 1024
METHODS: Final = ("POST", "PUT")
_CONDITIONS: Final = ("ifMatch", "ifNoneMatch", "ifModifiedSince")
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENTRIES = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])

Parts = dict[str, msgspec.Raw]


@dataclass(slots=True)
class Request:
    """What was sent. `bundle` is the type of the Bundle, None for a resource by itself; `entries` are not yet read.

    What is read of it is no larger than a resource may be.
    """

    bundle: str | None
    entries: list[Parts] = field(default_factory=list)
    single: Any = None


@dataclass(slots=True)
class Resources:
    """The resources of a request in their order, each fit or with what is wrong with it."""

    read: list[Held | UnfitError] = field(default_factory=list)
    known: Known = field(default_factory=Known)
    referred: set[int] = field(default_factory=set)
    """The entries that another entry refers to: one of a type that the mapping knows."""


def take(body: bytes) -> Request:
    """Return the request that a body is. Raises UnfitError, with 400 or 413, where the whole is not to be read."""
    try:
        parts = _PARTS.decode(body)
    except _UNREADABLE:
        return _by_itself(body)  # which says better what is wrong
    kind = bytes(parts.get("resourceType", b""))
    if b"resourceType" not in body or len(kind) > _LONGEST_TYPE or reading.parse(kind or b"null") != "Bundle":
        return _by_itself(body)
    return _bundle(parts)


async def read(request: Request, known_types: frozenset[str]) -> Resources:
    """Read every resource of the request. Of `known_types`, each is held against R4; others are only named."""
    found = Resources()
    if request.bundle is None:
        found.read.append(_fit(lambda: _single(request.single), known_types))
    for entries in _slices(request.entries):
        await asyncio.sleep(0)
        for parts in entries:
            at = len(found.read)
            found.read.append(_fit(lambda at=at, of=parts: _entry(at, of, request), known_types))
            if isinstance(found.read[-1], UnfitError):
                await asyncio.sleep(0)  # to say all that is wrong may have taken longer than to find all well
    fit = [held for held in found.read if isinstance(held, Held)]
    for held in fit:
        found.known.add(held)
    for index, held in enumerate(one for one in fit if one.type in known_types):
        if index % SLICE == 0:
            await asyncio.sleep(0)
        led_to = (found.known.resolve(text, held) for text in references(held.node.value))
        found.referred.update(to.entry for to in led_to if to and to.entry is not None and to.entry != held.entry)
    return found


def _slices(entries: list[Parts]) -> Iterator[list[Parts]]:
    """Yield the entries in their order, a few at a time: fewer of large ones."""
    some: list[Parts] = []
    size = 0
    for parts in entries:
        some.append(parts)
        size += _size(parts)
        if len(some) == SLICE or size >= SLICE_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _size(parts: Parts) -> int:
    return sum(len(name) + len(raw) for name, raw in parts.items())


def _by_itself(body: bytes) -> Request:
    if len(body) > MAX_RESOURCE_BYTES:
        raise UnfitError(too_large("A resource by itself", MAX_RESOURCE_BYTES, None))
    return Request(None, single=reading.parse(body))


def _bundle(parts: Parts) -> Request:
    if _size(_without(parts, "entry")) > MAX_RESOURCE_BYTES:
        raise UnfitError(too_large("What a Bundle holds beside its entries", MAX_RESOURCE_BYTES, "Bundle"))
    rest = {name: reading.parse(bytes(raw), "Bundle") for name, raw in parts.items() if name != "entry"}
    kind = rest.get("type")
    if kind not in TYPES:
        text = f"A Bundle of this type is not taken here: send one of {', '.join(TYPES)}."
        raise UnfitError(Issue(Code.not_supported, text, "Bundle.type", status=400))
    try:
        entries = _ENTRIES.decode(parts.get("entry", b"[]"))
    except _UNREADABLE:
        text = "This is not an array of entries."
        raise UnfitError(Issue(Code.structure, text, "Bundle.entry", status=400)) from None
    if not entries:
        raise UnfitError(Issue(Code.required, "The Bundle has no entries.", "Bundle.entry", status=400))
    try:
        reading.check(Node(rest, "Bundle"))
    except UnfitError as error:
        raise UnfitError(*(_for_all(issue) for issue in error.issues)) from None
    return Request(str(kind), entries)


def _for_all(issue: Issue) -> Issue:
    return Issue(issue.code, issue.text, issue.at, issue.reason, 400)


def _fit(make: Any, known_types: frozenset[str]) -> Held | UnfitError:
    try:
        held: Held = make()
        if held.type in known_types:
            check_references(held)
            reading.check(held.node)
            for inner in held.node.child("contained"):
                contained = resource_of(inner.value, inner.at)
                if contained.type in known_types:
                    reading.check(contained.node)
    except UnfitError as error:
        return error
    return held


def _single(value: Any) -> Held:
    return resource_of(value, None)


def _without(parts: Parts, name: str) -> Parts:
    return {other: raw for other, raw in parts.items() if other != name}


def _entry(index: int, parts: Parts, request: Request) -> Held:
    at = f"Bundle.entry[{index}]"
    if len(parts.get("resource", b"")) > MAX_RESOURCE_BYTES:
        raise UnfitError(too_large("A resource", MAX_RESOURCE_BYTES, f"{at}.resource"))
    if _size(_without(parts, "resource")) > MAX_RESOURCE_BYTES:
        raise UnfitError(too_large("What an entry holds beside its resource", MAX_RESOURCE_BYTES, at))
    rest = {name: reading.parse(bytes(raw), at) for name, raw in parts.items() if name != "resource"}
    if request.bundle in {TRANSACTION, BATCH}:
        _check_method(rest.get("request"), f"{at}.request")
    if "resource" not in parts:
        raise UnfitError(Issue(Code.required, "The entry has no resource.", f"{at}.resource"))
    value = reading.parse(bytes(parts["resource"]), f"{at}.resource")
    held = resource_of(value, f"{at}.resource", index, rest.get("fullUrl"))
    reading.check(Node({"resourceType": "Bundle", "type": request.bundle, "entry": [rest]}, "Bundle"), entry=index)
    if request.bundle in {TRANSACTION, BATCH}:
        _check_url(rest["request"], held, f"{at}.request")
    return held


def _check_method(asked: Any, at: str) -> None:
    if not isinstance(asked, Mapping):
        raise UnfitError(Issue(Code.required, "An entry of a transaction or a batch has a request.", at))
    if asked.get("method") not in METHODS:
        text = f"Only {' and '.join(METHODS)} are taken here. What was in error is sent with that status."
        raise UnfitError(Issue(Code.not_supported, text, f"{at}.method"))
    _none_of(asked, _CONDITIONS, at)


def _none_of(asked: Mapping[str, Any], names: Iterable[str], at: str) -> None:
    for name in names:
        if name in asked:
            text = "Nothing is kept here that this could be held against: leave it out."
            raise UnfitError(Issue(Code.not_supported, text, f"{at}.{name}"))


def _check_url(asked: Mapping[str, Any], held: Held, at: str) -> None:
    if not re.fullmatch(rf"/?{held.type}([/?].*)?", str(asked.get("url")), re.DOTALL):
        raise UnfitError(Issue(Code.invariant, "The address is not that of the resource's type.", f"{at}.url"))
