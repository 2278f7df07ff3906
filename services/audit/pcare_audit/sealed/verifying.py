"""The whole verification, over items as they come: what was sealed is as it was, or what is not, by name. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pcare_audit.checkpoint import Checkpoint
from pcare_audit.merkle import leaf_hash
from pcare_audit.sealed.checking import Key, LeafCheck
from pcare_audit.sealed.findings import Finding, Findings, Kind
from pcare_audit.sealed.items import (
    End,
    Header,
    Item,
    Leaf,
    MergeOf,
    SealedCheckpoint,
    TrailHead,
    Unsealed,
)
from pcare_audit.sealed.opening import KEPT, Opened, compare_with_trail, open_all, trusted
from pcare_audit.sealed.order import MERGES_TOPIC, Order
from pcare_audit.sealed.texts import Texts, event_in, merge_in
from pcare_audit.signed_note import Opens
from pcare_schemas.origin import Origin

DATABASE = "database"
LOG = "log"


@dataclass(frozen=True, slots=True)
class Result:
    """What was found. `proven` is the newest checkpoint whose root the leaves have; `checkpoints` counts the signed.

    `unproven_merges` counts the merges of persons that no checkpoint has sealed yet: that an event is about whom one of
    them says, and not about who was sealed, nobody has signed. `beyond` is a checkpoint that another export goes on to;
    `waiting` counts the log's records that no checkpoint has sealed yet.
    """

    source: str
    leaves: int
    checkpoints: int
    newest: Checkpoint | None
    proven: Checkpoint | None
    findings: Sequence[Finding]
    total: int
    unproven_merges: int = 0
    beyond: Checkpoint | None = None
    waiting: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing was found, and there was something to prove."""
        return self.total == 0 and self.newest is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint that somebody took away earlier."""

    name: str
    note: str


class Verification:
    """Takes the items of an export, or of the record as it is read. Holds checkpoints and merges, and no leaves."""

    def __init__(self, key: Opens, kept: Iterable[Kept] = ()) -> None:
        self._key = key
        self._header: Header | None = None
        self._notes = [SealedCheckpoint(KEPT, one.name, one.note, 0) for one in kept]
        self._heads: dict[int, bytes] = {}
        self._merges: list[MergeOf] = []
        self._sealed_merges: set[MergeOf] = set()
        self._acts_with_leaves: set[int] = set()
        self._unsealed: list[Unsealed] = []
        self._used: set[str] = set()
        self._findings = Findings()
        self._opened: list[Opened] = []
        self._signed: list[Checkpoint] = []
        self._check: LeafCheck | None = None
        self._order = Order([])

    def take(self, item: Item) -> None:
        """Look at the next item."""
        match item:
            case Leaf():
                if self._check is None:
                    self._check = self._begin()
                self._check.take(item)
                if item.origin_topic == MERGES_TOPIC:
                    self._note_merge(item)
            case Header():
                self._header = item
            case SealedCheckpoint():
                self._notes.append(item)
            case TrailHead():
                self._heads[item.position] = item.hash
            case MergeOf():
                self._merges.append(item)
            case Unsealed():
                self._unsealed.append(item)
            case End():
                pass

    def finish(self) -> Result:
        """Say what was found. Call it once, when all was taken."""
        check = self._check or self._begin()
        check.finish()
        unproven = self._look_at_merges()
        for record in self._unsealed:
            if record.origin not in self._used and self._is_below(record):
                words = record.words or "it stands below what is sealed, and is in no leaf"
                self._findings.add(Finding(Kind.ADDED, words, event_in(record.text), record.origin))
        return Result(
            self._header.source if self._header else "",
            check.leaves,
            len(self._signed),
            self._signed[-1] if self._signed else None,
            check.proven,
            self._findings.listed,
            self._findings.total,
            unproven,
        )

    def _begin(self) -> LeafCheck:
        places = self._header.checkpoints_in if self._header else []
        self._opened = open_all(self._key, self._notes, places, self._findings)
        self._signed, unsigned = trusted(self._opened)
        if self._header and self._header.source == DATABASE:
            compare_with_trail(self._signed, self._heads, self._findings)
        self._order = Order(self._signed)
        # within a stretch in which a checkpoint is missing the order is not known
        orderly = [not any(one.first <= size <= one.end for size in unsigned) for one in self._order.stretches]
        return LeafCheck(self._order, Texts(self._merges, self._order), self._findings, self._between, orderly)

    def _note_merge(self, leaf: Leaf) -> None:
        """Take note of which merge a leaf is of."""
        self._acts_with_leaves.add(leaf.origin_offset)
        merge = merge_in(leaf.texts[0], leaf.origin_offset) if leaf.texts else None
        as_sealed = leaf.hash is None or (leaf.texts and leaf_hash(leaf.texts[0].encode()) == leaf.hash)
        if merge is not None and as_sealed and self._order.of(leaf.origin) is not None:
            self._sealed_merges.add(merge)

    def _look_at_merges(self) -> int:
        """Say which merges should be sealed and are not, and return how many are to be sealed yet.

        A merge is why an event may be about somebody else than was sealed: a made-up one would excuse a changed text.
        """
        unproven = 0
        told_of_leaf = {found.origin for found in self._findings.listed}
        for merge in set(self._merges) - self._sealed_merges:
            origin = Origin(MERGES_TOPIC, 0, merge.act)
            if self._order.of(origin) is None:
                unproven += 1
            elif not (merge.act in self._acts_with_leaves and str(origin) in told_of_leaf):
                words = f"the merge of {merge.gone} into {merge.kept} stands below what is sealed, and is in no leaf"
                self._findings.add(Finding(Kind.ADDED, words, origin=str(origin)))
                self._used.add(str(origin))
        return unproven

    def _is_below(self, record: Unsealed) -> bool:
        """Whether a signed checkpoint covers it, or it is nothing that ever could be covered, as its words say."""
        if record.words or not record.text:
            return True
        try:
            return self._order.of(Origin.parse(record.origin)) is not None
        except ValueError:
            return True

    def _between(self, stretch: int, before: Key | None, behind: Key | None) -> list[tuple[Origin, str]]:
        """Return the records without a leaf that belong between two places, in their order, and count them as found."""
        found = []
        for record in self._unsealed:
            try:
                origin = Origin.parse(record.origin)
            except ValueError:
                continue
            key = (origin.topic, origin.partition, origin.offset, b"")
            inside = (before is None or key > before) and (behind is None or key < behind)
            whole = origin.topic != MERGES_TOPIC and not record.words
            if inside and whole and self._order.of(origin) == stretch:
                found.append((key, origin, record.text))
        self._used.update(str(origin) for _, origin, _ in found)
        return [(origin, text) for _, origin, text in sorted(found)]


def verify(items: Iterable[Item], key: Opens, kept: Iterable[Kept] = ()) -> Result:
    """Verify everything that the items hold with the public key alone."""
    verification = Verification(key, kept)
    for item in items:
        verification.take(item)
    return verification.finish()
