"""Which of its texts a leaf was made of, and which texts of a record are of another event than the leaf. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from pcare_audit.leaves import about, candidates, merged_into, subject_of
from pcare_audit.merkle import leaf_hash
from pcare_audit.sealed.items import Leaf, MergeOf
from pcare_audit.sealed.order import MERGES_TOPIC, Order

_NOBODY = ""


class Said(NamedTuple):
    """The leaf hash that the texts lead to, none without any; and whether another text says the event differently."""

    hash: bytes | None
    odd: bool = False


class _Named(msgspec.Struct):
    id: str
    source: str


class _Both(msgspec.Struct):
    gone: str
    kept: str


class _Merge(msgspec.Struct):
    data: _Both


_NAMED = msgspec.json.Decoder(_Named)
_MERGE = msgspec.json.Decoder(_Merge)


def event_in(text: str) -> tuple[str, str] | None:
    """Return source and id of a record, or None where it says none."""
    try:
        named = _NAMED.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return named.source, named.id


def merge_in(text: str, act: int) -> MergeOf | None:
    """Return which merge a record of this act says, or None where it says none."""
    try:
        said = _MERGE.decode(text).data
    except (msgspec.MsgspecError, RecursionError):
        return None
    return MergeOf(said.gone, said.kept, act)


def event_of(leaf: Leaf) -> tuple[str, str] | None:
    """Return source and id of the event of a leaf, or None where nothing is left that says them."""
    if leaf.source is not None and leaf.id is not None:
        return leaf.source, leaf.id
    return next((event for text in leaf.texts if (event := event_in(text)) is not None), None)


class Texts:
    """Knows the merges of persons, which rewrite the subject in texts, and when each was sealed."""

    def __init__(self, merges: Iterable[MergeOf], order: Order) -> None:
        known = list(merges)
        self._merged = merged_into((merge.gone, merge.kept) for merge in known)
        self._became = {merge.gone: (merge.kept, order.stretch_of(MERGES_TOPIC, 0, merge.act)) for merge in known}

    def said(self, leaf: Leaf, stretch: int) -> Said:
        """Return what the texts of a leaf that was sealed in this stretch lead to."""
        if not leaf.texts:
            return Said(None)
        texts = [text.encode() for text in leaf.texts]
        if leaf.origin_topic == MERGES_TOPIC:  # a merge is about who is gone, and stays so
            return Said(leaf_hash(texts[0]), odd=len(texts) > 1)
        if leaf.hash is None:
            right = self._as_sealed(texts, stretch)
        else:
            first = leaf_hash(texts[0])
            if first == leaf.hash and len(texts) == 1:
                return Said(first)
            right = self._matching(texts, leaf.hash) or texts[0]
        return Said(leaf_hash(right), odd=len(texts) > 1 and not all(self._same(text, right) for text in texts))

    def _matching(self, texts: Sequence[bytes], sealed: bytes) -> bytes | None:
        tried = (one for text in texts for one in candidates(text, self._merged))
        return next((one for one in tried if leaf_hash(one) == sealed), None)

    def _as_sealed(self, texts: Sequence[bytes], stretch: int) -> bytes:
        """Return what a text was when it was sealed: about whoever its first subject had become by then."""
        subjects = [subject_of(text) or _NOBODY for text in texts]
        later = {name for one in subjects for name in self._line(one)[1:]}
        at = next((number for number, one in enumerate(subjects) if one not in later), 0)
        sealed = subjects[at]
        for name in self._line(sealed)[1:]:
            when = self._became[sealed][1]
            if when is None or when > stretch:
                break
            sealed = name
        return texts[at] if sealed == subjects[at] else about(texts[at], sealed)

    def _same(self, text: bytes, other: bytes) -> bool:
        if text == other:
            return True
        one, two = subject_of(text) or _NOBODY, subject_of(other) or _NOBODY
        return self._line(one)[-1] == self._line(two)[-1] and about(text, two) == other

    def _line(self, subject: str) -> list[str]:
        """Return whom a subject became, one merge after another, itself first."""
        line = [subject]
        while line[-1] in self._became and len(line) <= len(self._became):
            line.append(self._became[line[-1]][0])
        return line
