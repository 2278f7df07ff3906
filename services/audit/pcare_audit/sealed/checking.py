"""The leaves, one after another, against the checkpoints: each text against its leaf, then the roots.

A leaf that does not fit its text is only put down; the root of the next checkpoint says which of the two was changed.
Each checkpoint that is reached is firm ground: what went wrong before it is not held against what comes after.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from pcare_audit.checkpoint import Checkpoint
from pcare_audit.merkle import Tree, leaf_hash
from pcare_audit.sealed.findings import LISTED, Finding, Findings, Kind
from pcare_audit.sealed.items import Leaf
from pcare_audit.sealed.order import MERGES_TOPIC, Order, Stretch
from pcare_audit.sealed.texts import Texts, event_in, event_of
from pcare_schemas.origin import Origin

HASH_BYTES = 32
SORTED_AT_MOST = 100_000
"""A stretch of at most so many leaves, whose order was changed, is put in order again: so the next can be checked."""

Key = tuple[str, int, int, bytes]
Between = Callable[[int, Key | None, Key | None], list[tuple[Origin, str]]]
"""Gives the records without a leaf that were sealed in a stretch, between two places in the order."""


class Unlike(NamedTuple):
    """A leaf that does not fit: its text, its row or its place."""

    leaf: Leaf
    number: int
    said: bytes | None


@dataclass(slots=True)
class _InHand:
    """The stretch that is being read."""

    stretch: Stretch
    stored: Tree
    found: Tree | None = None  # only once a text says another thing than its leaf
    unlike: list[Unlike] = field(default_factory=list)
    moved: list[Unlike] = field(default_factory=list)
    keys: list[tuple[Key, bytes]] = field(default_factory=list)
    last: list[tuple[Key, Leaf, int]] = field(default_factory=list)
    short: int = 0


class LeafCheck:
    """Takes the leaves in their order. `orderly` says of which stretches the checkpoints tell the order."""

    def __init__(
        self, order: Order, texts: Texts, findings: Findings, between: Between, orderly: Sequence[bool]
    ) -> None:
        self._order = order
        self._texts = texts
        self._findings = findings
        self._between = between
        self._orderly = orderly
        self._tree: Tree | None = Tree()
        self._next = 0
        self._behind = 0
        self._doubtful: list[_InHand] = []
        self.leaves = 0
        self.proven: Checkpoint | None = None
        self._hand: _InHand | None = None
        self._number = -1
        self._begin_next()

    def take(self, leaf: Leaf) -> None:
        """Check the next leaf."""
        self.leaves += 1
        key = _key(leaf)
        number = self._number_of(leaf)
        if number is None:  # an export holds what is sealed, and nothing else
            self._behind += self._is_uncovered(leaf)
            return
        if number > self._next:
            self._missing(number, key)
        while self._hand is not None and number >= self._hand.stretch.end:
            self._close()
        if self._hand is None:
            self._behind += 1
            return
        if number < self._next:
            self._add(Kind.ADDED, leaf, number, "a leaf with this number stands before it")
            return
        self._append(self._hand, leaf, number, key)

    def finish(self) -> None:
        """Check what is left, and say what could not be proven."""
        while self._hand is not None:
            if self._next < self._hand.stretch.end:
                self._missing(self._hand.stretch.end, None)
            self._close()
        if self._behind:
            words = (
                f"{self._behind:,} leaves stand behind it, which a later checkpoint must have sealed: it was removed"
            )
            newest = self._order.stretches[-1].checkpoint if self._order.stretches else None
            self._findings.add(Finding(Kind.REMOVED, words, checkpoint=str(newest) if newest else "at the beginning"))
        self._tell_doubtful()

    def _is_uncovered(self, leaf: Leaf) -> bool:
        return self._order.of(leaf.origin) is None

    def _number_of(self, leaf: Leaf) -> int | None:
        if leaf.leaf is not None:
            return leaf.leaf
        # the log numbers nothing: a record's place follows from the checkpoint that sealed it
        stretch = self._order.stretch_of(leaf.origin_topic, leaf.origin_partition, leaf.origin_offset)
        if stretch is None:
            return None
        while self._hand is not None and self._hand.stretch.number < stretch:
            if self._next < self._hand.stretch.end:
                self._missing(self._hand.stretch.end, None)
            self._close()
        if self._hand is not None and self._next >= self._hand.stretch.end:
            self._add(Kind.ADDED, leaf, None, f"{self._sealed_by()} sealed fewer records: this or one before was added")
            self._tree = None
            return None
        return self._next

    def _append(self, hand: _InHand, leaf: Leaf, number: int, key: Key) -> None:
        if leaf.leaf is not None and (leaf.hash is None or len(leaf.hash) != HASH_BYTES):  # the log has none at all
            self._add(Kind.ALTERED, leaf, number, "the row of the leaf was changed: it holds no hash any more")
            leaf = msgspec.structs.replace(leaf, hash=None)
        said = self._texts.said(leaf, hand.stretch.number)
        sealed = said.hash if leaf.hash is None else leaf.hash
        self._next = number + 1
        if sealed is None:  # neither hash nor text: the log never has that, a damaged file might
            self._add(Kind.REMOVED, leaf, number, "nothing is left of it")
            self._tree = None
            return
        if said.odd:
            self._add(Kind.ALTERED, leaf, number, "the log says it more than once, and not the same")
        if leaf.gone:
            self._add(Kind.REMOVED, leaf, number, leaf.gone)
        if said.hash != sealed:
            if hand.found is None:
                hand.found = Tree(hand.stored.size, hand.stored.edge)
            if len(hand.unlike) < LISTED:
                hand.unlike.append(Unlike(leaf, number, said.hash))
        if hand.found is not None:
            hand.found.append(said.hash or sealed)
        hand.stored.append(sealed)
        if self._orderly[hand.stretch.number]:
            self._look_at_place(hand, leaf, number, key, sealed)

    def _look_at_place(self, hand: _InHand, leaf: Leaf, number: int, key: Key, sealed: bytes) -> None:
        stretch = hand.stretch
        if stretch.end - stretch.first <= SORTED_AT_MOST:
            hand.keys.append((key, sealed))
        where = self._order.stretch_of(leaf.origin_topic, leaf.origin_partition, leaf.origin_offset)
        if where != stretch.number:
            hand.moved.append(Unlike(leaf, number, None))
            return
        if hand.last and key < hand.last[-1][0]:
            if len(hand.last) > 1 and key < hand.last[0][0]:
                hand.moved.append(Unlike(leaf, number, None))
                return
            # it fits behind the one before the last: so the last one is out of place
            _, other, at = hand.last.pop()
            hand.moved.append(Unlike(other, at, None))
        hand.last = [*hand.last[-1:], (key, leaf, number)]

    def _missing(self, until: int, key: Key | None) -> None:
        """Say which leaves are not there, as far as records that have none tell; the tree ends where none does."""
        while self._hand is not None and self._next < until:
            hand = self._hand
            end = min(until, hand.stretch.end)
            before = hand.last[-1][0] if hand.last else None
            records = self._between(hand.stretch.number, before, key if end == until else None)
            if len(records) == end - self._next:
                for origin, text in records:
                    words = "it has no leaf any more, and its record is there"
                    self._findings.add(Finding(Kind.REMOVED, words, event_in(text), str(origin), self._next))
                    self._fill(hand, leaf_hash(text.encode()))
            else:
                self._gap(hand, end)
            if end == hand.stretch.end and end < until:
                self._close()

    def _fill(self, hand: _InHand, sealed: bytes) -> None:
        hand.stored.append(sealed)
        if hand.found is not None:
            hand.found.append(sealed)
        hand.keys.clear()
        self._next += 1

    def _gap(self, hand: _InHand, end: int) -> None:
        number = end - self._next
        which = f"leaf {self._next}" if number == 1 else f"{number:,} leaves from {self._next} on"
        words = f"{which}, which it sealed, are not there" if number > 1 else f"{which}, which it sealed, is not there"
        words += "; without it no root from here on can be computed" if self._tree is not None else ""
        self._findings.add(Finding(Kind.REMOVED, words, checkpoint=str(hand.stretch.checkpoint)))
        self._tree = None
        self._next = end

    def _close(self) -> None:
        """Hold the roots against the checkpoint that ends the stretch, and begin the next."""
        hand = self._hand
        assert hand is not None  # noqa: S101 -- callers look
        right = self._right_tree(hand) if self._tree is not None else None
        if right is not None:
            self._tell_inconsistent()
            self._tell(hand, right)
            self._tree = right
            self.proven = hand.stretch.checkpoint
        elif self._tree is None:
            self._tell(hand, None)
        else:
            self._doubtful.append(hand)
            self._tree = hand.stored
        self._begin_next()

    def _right_tree(self, hand: _InHand) -> Tree | None:
        root = hand.stretch.checkpoint.root
        if hand.stored.root() == root:
            return hand.stored
        if hand.found is not None and hand.found.root() == root:
            return hand.found
        if hand.moved and len(hand.keys) == hand.stretch.end - hand.stretch.first:
            in_order = Tree(self._tree.size, self._tree.edge) if self._tree else Tree()
            for _, sealed in sorted(hand.keys):
                in_order.append(sealed)
            if in_order.root() == root:
                return in_order
        return None

    def _tell(self, hand: _InHand, right: Tree | None) -> None:
        """Name what does not fit, now that it is known what was sealed; without `right` it is not."""
        sealed_of = {one.leaf.hash: one.number for one in hand.unlike if one.leaf.hash is not None}
        for one in hand.unlike:
            if one.said is None:
                if not one.leaf.gone:
                    self._add(Kind.REMOVED, one.leaf, one.number, "its record is gone; the leaf is still there")
            elif one.said in sealed_of:
                words = f"its record is the one of leaf {sealed_of[one.said]}: they changed places"
                self._add(Kind.REORDERED, one.leaf, one.number, words)
            elif right is hand.found and right is not None:
                self._add(
                    Kind.ALTERED, one.leaf, one.number, "the row of the leaf was changed: its record is what was sealed"
                )
            else:
                sure = "" if right is not None else "; which of the two was changed, no checkpoint says"
                self._add(Kind.ALTERED, one.leaf, one.number, f"its text is not the one that the leaf is of{sure}")
        for one in hand.moved:
            where = self._order.of(one.leaf.origin)
            if where is None:
                self._add(Kind.ADDED, one.leaf, one.number, "no checkpoint covers where it came from")
            else:
                self._add(
                    Kind.REORDERED,
                    one.leaf,
                    one.number,
                    f"it stands at another place than where {self._sealed_by(where)} sealed it",
                )

    def _tell_inconsistent(self) -> None:
        """Name the checkpoints that are not of this tree, now that a later one is."""
        for hand in self._doubtful:
            words = (
                "its root is not that of the leaves, which a later checkpoint confirms: one key signed two histories"
            )
            self._findings.add(Finding(Kind.INCONSISTENT, words, checkpoint=str(hand.stretch.checkpoint)))
            self._tell(hand, hand.stored)
        self._doubtful.clear()

    def _tell_doubtful(self) -> None:
        for hand in self._doubtful:
            self._tell(hand, None)
        if self._doubtful:
            first = self._doubtful[0].stretch
            words = f"what stands as leaves {first.first} to {first.end - 1} is not what it sealed"
            if not (self._doubtful[0].unlike or self._doubtful[0].moved):
                words += "; texts and leaves agree, so both were changed: compare with the log, or with an older export"
            if len(self._doubtful) > 1:
                words += f"; nor can any of the {len(self._doubtful) - 1} later ones be proven"
            self._findings.add(Finding(Kind.ALTERED, words, checkpoint=str(first.checkpoint)))

    def _begin_next(self) -> None:
        self._number += 1
        if self._number >= len(self._order.stretches):
            self._hand = None
            return
        tree = self._tree or Tree()
        self._hand = _InHand(self._order.stretches[self._number], Tree(tree.size, tree.edge))

    def _sealed_by(self, stretch: int | None = None) -> str:
        number = self._number if stretch is None else stretch
        return f"the checkpoint {self._order.stretches[number].checkpoint}"

    def _add(self, kind: Kind, leaf: Leaf, number: int | None, words: str) -> None:
        self._findings.add(Finding(kind, words, event_of(leaf), str(leaf.origin), number))


def _key(leaf: Leaf) -> Key:
    """Return what decides a leaf's place within its stretch. One act may merge several subjects: by their hashes."""
    tie = b""
    if leaf.origin_topic == MERGES_TOPIC:
        tie = leaf.hash or (leaf_hash(leaf.texts[0].encode()) if leaf.texts else b"")
    return leaf.origin_topic, leaf.origin_partition, leaf.origin_offset, tie
