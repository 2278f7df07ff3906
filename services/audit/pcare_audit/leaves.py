"""What a leaf of the tree is: the exact bytes of a record of the log, as they were when it was sealed. Pure.

A merge of two subjects rewrites the subject in the text of an event, also after it was sealed. The leaf stays what it
was. So a text is that of a leaf if it is so with its own subject, or with one of those that turned out to be it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pcare_audit.merkle import leaf_hash

_SUBJECT = b'"subject":"'

MergedInto = Mapping[str, Sequence[str]]
"""For a subject, as in the log, those that turned out to be it, by one merge or by several one after another."""


def subject_of(text: bytes) -> str | None:
    """Return the subject of a record of the log, or None where it has none."""
    _, found, rest = text.partition(_SUBJECT)  # within a text of JSON the quotes would be escaped
    return rest.partition(b'"')[0].decode(errors="replace") if found else None


def about(text: bytes, subject: str) -> bytes:
    """Return a record of the log about another subject; not a byte else is changed."""
    before, found, rest = text.partition(_SUBJECT)
    _, end, after = rest.partition(b'"')
    return before + found + subject.encode() + end + after


def merged_into(merges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return who became whom, of merges given as (gone, kept) in any order."""
    gone_of: dict[str, list[str]] = defaultdict(list)
    for gone, kept in merges:
        gone_of[kept].append(gone)
    return {kept: list(_all_gone(kept, gone_of)) for kept in list(gone_of)}


def _all_gone(kept: str, gone_of: Mapping[str, Sequence[str]]) -> Iterator[str]:
    seen = {kept}
    waiting = list(gone_of.get(kept, ()))
    while waiting:
        one = waiting.pop(0)
        if one not in seen:  # a circle is refused by the database, and must not hang who verifies
            seen.add(one)
            yield one
            waiting.extend(gone_of.get(one, ()))


def candidates(text: bytes, merged: MergedInto) -> Iterator[bytes]:
    """Give the bytes that a leaf may be of: the text, then the text with each subject that turned out to be its."""
    yield text
    subject = subject_of(text)
    for gone in merged.get(subject or "", ()):
        yield about(text, gone)


def matching(text: bytes, sealed: bytes, merged: MergedInto) -> bytes | None:
    """Return the bytes whose leaf hash is `sealed`, or None where the text is none that was sealed."""
    return next((one for one in candidates(text, merged) if leaf_hash(one) == sealed), None)
