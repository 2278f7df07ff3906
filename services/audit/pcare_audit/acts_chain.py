"""The audit trail's chain, computed again from its rows: which act was altered, removed, reordered or added. Pure.

Written from docs/audit-trail.md, not from the SQL that makes the chain.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

VERSION = "pcare.acts.v1"
BEFORE_THE_FIRST = bytes(32)
LISTED = 20
"""How many findings are told of; all are counted."""
COMPARED_AT_MOST = 500
"""Of this many entries that do not fit it is tried whether they changed places."""


@dataclass(frozen=True, slots=True)
class Act:
    """A row of pcare.acts; `details` as the database keeps the text.

    `odd` says what the row has that no act can have, and something else stands in place of: such a row fits no link.
    """

    number: int
    at: dt.datetime
    who: str
    login: str
    what: str
    why: str
    details: str
    odd: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A row of pcare.acts_chain."""

    position: int
    act: int
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ended once, as somebody wrote it down; `said` is who, in words: "the checkpoint of …"."""

    position: int
    hash: bytes
    said: str

    def __str__(self) -> str:
        """As it is written down."""
        return f"{self.position} {self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `findings` are sentences, the first of `number`; `head` is where the chain ends now."""

    acts: int
    heads: int
    head: Head | None
    findings: tuple[str, ...]
    number: int

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return self.number == 0


Entry = tuple[Link | None, Act | None]
"""A link with its act; without one, the act is gone; an act without a link was never chained."""


def act_hash(previous: bytes, position: int, act: Act) -> bytes:
    """Return the hash of an act at a position after the one with the hash `previous`."""
    fields = (
        VERSION,
        previous.hex(),
        str(position),
        str(act.number),
        act.at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        act.who,
        act.login,
        act.what,
        act.why,
        act.details,
    )
    digest = hashlib.sha256()
    for one in fields:
        data = one.encode()
        digest.update(b"%d:%b," % (len(data), data))
    return digest.digest()


_HEAD = re.compile(r"(?:acts )?([1-9][0-9]{0,17}) ([0-9a-f]{64})")


def parse_head(text: str, said: str) -> Head:
    """Read `POSITION HASH`, as a verification prints it and a checkpoint has it. Raises ValueError."""
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no head of the trail: a position, a space, and 64 hexadecimal digits.")
    return Head(int(found[1]), bytes.fromhex(found[2]), said)


def heads_of_note(note: str, said: str) -> Iterator[Head]:
    """Return the head that a checkpoint carries, if any: its line `acts <position> <hash>`."""
    for line in note.split("\n\n", 1)[0].splitlines():
        if line.startswith("acts "):
            yield parse_head(line, said)


@dataclass(frozen=True, slots=True)
class _Unfit:
    """An entry whose act has not the hash that its link has; `after`: which entry it does not continue, if any."""

    link: Link
    act: Act
    after: Link | None


class Verification:
    """A pass over the chain, in order of position; acts without a link come last.

    Holds of the acts only the few that do not fit, and of the heads each that says something of its own.
    """

    def __init__(self, heads: Iterable[Head] = ()) -> None:
        self._heads: dict[int, list[Head]] = {}
        for head in heads:
            known = self._heads.setdefault(head.position, [])
            if all(one.hash != head.hash for one in known):
                known.append(head)
        self._acts = 0
        self._last: Link | None = None
        self._last_fitted = True
        self._agreed = 0  # the last position whose hash somebody wrote down, and where it is the same
        self._number = 0
        self._findings: list[str | _Unfit] = []
        self._unfit: list[_Unfit] = []

    def look(self, link: Link | None, act: Act | None) -> None:
        """Look at the next entry: a link with its act. Without one, the act is gone; or it was never chained."""
        self._acts += act is not None
        if link is not None:
            fits = act is not None and not act.odd and act_hash(link.previous, link.position, act) == link.hash
            after = self._look_at_its_place(link)
            if after is not None and fits and self._last_fitted:
                self._found(_with_its_link(after, f"act {link.act}, which follows, was chained to another"))
            if act is None:
                self._found(f"act {link.act}, at position {link.position}, was removed.")
            elif not fits:
                self._found(_Unfit(link, act, after if self._last_fitted else None))
            self._compare_with_heads(link)
            self._last, self._last_fitted = link, fits
        elif act is not None:
            self._found(f"act {_words(act)} was added past the chain: it has no link.")

    def tell(self, sentence: str) -> None:
        """Take note of something that was found beside the entries."""
        self._found(sentence)

    def verdict(self) -> Verdict:
        """Return what was found. Call it once, when all was looked at."""
        self._look_for_a_tail()
        last = self._last
        return Verdict(
            self._acts,
            sum(map(len, self._heads.values())),
            None if last is None else Head(last.position, last.hash, "the trail"),
            tuple(one if isinstance(one, str) else _in_words(one, self._unfit) for one in self._findings),
            self._number,
        )

    def _found(self, one: str | _Unfit) -> None:
        self._number += 1
        if len(self._findings) < LISTED:
            self._findings.append(one)
        if isinstance(one, _Unfit) and len(self._unfit) < COMPARED_AT_MOST:
            self._unfit.append(one)

    def _look_at_its_place(self, link: Link) -> Link | None:
        """Return the entry before, where this one does not continue it."""
        before = self._last
        expected = 1 if before is None else before.position + 1
        if link.position > expected:
            gone = f"{expected}" if link.position == expected + 1 else f"{expected} to {link.position - 1}"
            self._found(f"the chain has no position {gone}: what was done there was removed, with its links.")
        elif before is None and link.previous != BEFORE_THE_FIRST:
            self._found(f"act {link.act}, at position 1, was not the first: what was done before it was removed.")
        elif before is not None and link.previous != before.hash:
            return before
        return None

    def _compare_with_heads(self, link: Link) -> None:
        for head in self._heads.get(link.position, ()):
            if head.hash == link.hash:
                self._agreed = link.position
            else:
                after = f"after position {self._agreed}, up to this one," if self._agreed else "up to this one"
                self._found(
                    f"position {link.position} had another hash when {head.said} was made: an act {after} was altered, "
                    "removed, reordered or added, and the chain made anew."
                )

    def _look_for_a_tail(self) -> None:
        end = 0 if self._last is None else self._last.position
        beyond = [head for position in sorted(self._heads) if position > end for head in self._heads[position]]
        if beyond:
            head = beyond[-1]
            self._found(
                f"the trail ends at position {end}, and had {head.position} at least when {head.said} was made: "
                "its end was removed, or an older database was restored."
            )


def verify(entries: Iterable[Entry], heads: Iterable[Head] = ()) -> Verdict:
    """Compute the chain of these entries again, and compare it with heads that were kept elsewhere."""
    verification = Verification(heads)
    for link, act in entries:
        verification.look(link, act)
    return verification.verdict()


def _in_words(one: _Unfit, unfit: Sequence[_Unfit]) -> str:
    link, act = one.link, one.act
    if act.odd:
        return f"act {act.number}, at position {link.position}, was altered: {act.odd}."
    places = {other.link.position for other in unfit} | {link.position - 1, link.position + 1}
    for place in sorted(places - {link.position}):
        if act_hash(link.previous, place, act) == link.hash:
            return _moved(one, place, unfit)
    for other in unfit:
        if other is not one and act_hash(link.previous, link.position, other.act) == link.hash:
            return (
                f"the acts were reordered: act {_words(act)} is at position {link.position} in the place of "
                f"act {_words(other.act)}."
            )
    if one.after is not None:
        return _with_its_link(
            one.after, f"act {_words(act)}, which follows, was chained to another, and altered as well"
        )
    return f"act {_words(act)}, at position {link.position}, was altered: it has not the hash that it was chained with."


def _moved(one: _Unfit, place: int, unfit: Sequence[_Unfit]) -> str:
    link, words = one.link, f"act {_words(one.act)}, at position {one.link.position}, was chained at {place}"
    if one.after is not None and place == link.position - 1:
        return f"act {one.after.act}, at position {one.after.position}, was added: {words}."
    had = any(act_hash(other.link.previous, link.position, other.act) == other.link.hash for other in unfit)
    if place == link.position + 1 and not had:
        return f"the act that was at position {link.position} was removed: {words}."
    return f"the acts were reordered: {words}."


def _with_its_link(link: Link, why: str) -> str:
    return f"act {link.act}, at position {link.position}, was altered, added or moved, with its link: {why}."


def _words(act: Act) -> str:
    return f"{act.number} ({act.what} by {act.who}, {act.at:%Y-%m-%d})"
