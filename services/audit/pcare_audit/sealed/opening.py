"""The checkpoints: each signature, whether every place has the same, and whether each goes on from the one before."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise

from pcare_audit.checkpoint import Checkpoint, CheckpointError, parse
from pcare_audit.sealed.findings import Finding, Findings, Kind
from pcare_audit.sealed.items import SealedCheckpoint
from pcare_audit.signed_note import NoteError, Opens, split

KEPT = "the kept copy"
UNPUBLISHED = "unpublished"
"""Where a checkpoint stands that its sealer has yet to publish."""


@dataclass(slots=True)
class Opened:
    """A note, where it was found, and what it says; `signed` is whether the key signed that."""

    note: str
    checkpoint: Checkpoint | None
    signed: bool
    size: int
    where: list[SealedCheckpoint] = field(default_factory=list)

    @property
    def places(self) -> set[str]:
        """The places where it was found."""
        return {one.place for one in self.where}

    def __str__(self) -> str:
        if self.checkpoint is not None:
            return str(self.checkpoint)
        return f"of {self.size:,} leaves ({', '.join(f'{one.place} {one.at}' for one in self.where)})"


def open_all(key: Opens, found: Iterable[SealedCheckpoint], places: Sequence[str], findings: Findings) -> list[Opened]:
    """Open every note, and return each distinct one, from the oldest on. `places` must all have the same."""
    opened: dict[str, Opened] = {}
    for one in found:
        if one.note not in opened:
            opened[one.note] = _open(key, one, findings)
        opened[one.note].where.append(one)
        _compare_surroundings(opened[one.note], one, findings)
    every = list(opened.values())
    # one that is there with a byte changed was found as such: it is not missing too
    spoilt = {(found.place, found.size) for one in every if not one.signed for found in one.where}
    for each in every:
        _look_in_places(each, spoilt, places, findings)
    every.sort(key=lambda one: (one.size, one.checkpoint.time.timestamp() if one.checkpoint else 0.0))
    _in_sequence([one.checkpoint for one in every if one.signed and one.checkpoint], findings)
    return every


def trusted(every: Sequence[Opened]) -> tuple[list[Checkpoint], list[int]]:
    """Return the checkpoints that are signed, and the sizes of those that are not and have none in their place."""
    signed = [one.checkpoint for one in every if one.signed and one.checkpoint is not None]
    sizes = {one.size for one in signed}
    return signed, [one.size for one in every if not one.signed and one.size not in sizes and one.places != {KEPT}]


def compare_with_trail(checkpoints: Iterable[Checkpoint], heads: Mapping[int, bytes], findings: Findings) -> None:
    """Compare what checkpoints say of the audit trail with the hashes that it has now."""
    for checkpoint in checkpoints:
        acts = checkpoint.acts
        if acts is None or heads.get(acts.position) == acts.hash:
            continue
        if acts.position in heads:
            kind, words = Kind.ALTERED, f"an act of the audit trail, at position {acts.position} or before, was changed"
        else:
            kind, words = Kind.REMOVED, f"the audit trail had {acts.position} acts, and has that one no more"
        findings.add(Finding(kind, f"{words}. `pcare audit trail` says which.", checkpoint=str(checkpoint)))


def _open(key: Opens, one: SealedCheckpoint, findings: Findings) -> Opened:
    signed, words, text = True, "", ""
    try:
        text = key.open(one.note)
    except NoteError as error:
        signed, words = False, str(error)
    try:
        checkpoint = parse(text if signed else split(one.note)[0])
    except (CheckpointError, NoteError) as error:
        checkpoint = None
        words = words or f"it is signed, and no checkpoint. {error}"
    opened = Opened(one.note, checkpoint, not words, checkpoint.size if checkpoint and signed else one.size)
    if words:
        about = (
            f"{opened} in {one.place} at {one.at}"
            if checkpoint
            else f"of {one.size:,} leaves in {one.place} at {one.at}"
        )
        findings.add(Finding(Kind.SIGNATURE, words, checkpoint=about))
    return opened


def _compare_surroundings(opened: Opened, one: SealedCheckpoint, findings: Findings) -> None:
    if one.spoilt:
        words = f"in {one.place} at {one.at}, {one.spoilt}"
        findings.add(Finding(Kind.ALTERED, words, checkpoint=str(opened)))
    if opened.signed and one.place != KEPT and one.size != opened.size:
        words = f"beside its note in {one.place} at {one.at} stands the size {one.size:,}, which is not what is signed"
        findings.add(Finding(Kind.ALTERED, words, checkpoint=str(opened)))


def _look_in_places(one: Opened, spoilt: Set[tuple[str, int]], places: Sequence[str], findings: Findings) -> None:
    if not one.signed:
        return
    waiting = any(found.at == UNPUBLISHED for found in one.where)
    missing = [place for place in places if place not in one.places and (place, one.size) not in spoilt]
    if missing and not (waiting and len(missing) < len(places)):
        had = " and ".join(sorted(one.places))
        words = f"it is in {had}, and not in {' nor in '.join(missing)}"
        findings.add(Finding(Kind.REMOVED, words, checkpoint=str(one)))


def _in_sequence(checkpoints: Sequence[Checkpoint], findings: Findings) -> None:
    for older, newer in pairwise(checkpoints):
        words = _contradiction(older, newer)
        if words:
            findings.add(Finding(Kind.INCONSISTENT, f"{words} than the one {older}", checkpoint=str(newer)))


def _contradiction(older: Checkpoint, newer: Checkpoint) -> str | None:
    back = [partition for partition, offset in older.covers.items() if newer.covers.get(partition, 0) < offset]
    before, after = older.acts, newer.acts
    contradictions = (
        (older.origin != newer.origin, f"it is of another log ({newer.origin})"),
        (newer.time < older.time, "it has more leaves, and was made earlier"),
        (older.size == newer.size and older.root != newer.root, "it has another root"),
        (bool(back), f"it covers less of {', '.join(back[:1])}"),
        (before is not None and (after is None or after.position < before.position), "it knows of fewer acts"),
        (
            before is not None and after is not None and before.position == after.position and before != after,
            "it has another hash for the same act of the audit trail",
        ),
    )
    return next((words for holds, words in contradictions if holds), None)
