"""A small record that was sealed, made here by the contract, so that a test can change whatever it likes."""

import datetime as dt
from dataclasses import dataclass, field

import msgspec
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pcare_audit.checkpoint import ActsHead, Checkpoint, origin_of
from pcare_audit.merkle import leaf_hash, root_of
from pcare_audit.sealed.items import End, Header, Item, Leaf, MergeOf, SealedCheckpoint, TrailHead, Unsealed
from pcare_audit.signed_note import Signer

TABLE, TOPIC = "pcare.checkpoints", "interventions.checkpoints"
NOON = dt.datetime(2024, 3, 31, 12, tzinfo=dt.UTC)
SUBMITTED = "interventions.submitted"


def signer(name: str = "test") -> Signer:
    return Signer(name, Ed25519PrivateKey.generate())


def text(number: int, subject: str = "person:a", **more: str) -> str:
    return orjson.dumps({"id": f"id-{number}", "source": "urn:test", "subject": subject, "data": more}).decode()


@dataclass
class Record:
    """Leaves by checkpoint; change what you like, then ask for the items."""

    signer: Signer = field(default_factory=signer)
    leaves: list[Leaf] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    covers: dict[str, int] = field(default_factory=dict)
    merges: list[MergeOf] = field(default_factory=list)
    unsealed: list[Unsealed] = field(default_factory=list)
    heads: dict[int, bytes] = field(default_factory=dict)
    places: list[str] = field(default_factory=lambda: [TABLE, TOPIC])
    missing: set[tuple[str, int]] = field(default_factory=set)  # (place, number of the checkpoint)
    instead: dict[tuple[str, int], str] = field(default_factory=dict)
    source: str = "database"

    def add(self, partition: int, offset: int, told: str | None = None, topic: str = SUBMITTED) -> Leaf:
        """Record an event that is not sealed yet."""
        said = told if told is not None else text(1000 * partition + offset)
        self.leaves.append(Leaf(-1, topic, partition, offset, leaf_hash(said.encode()), [said]))
        self.covers[f"{topic}/{partition}"] = max(self.covers.get(f"{topic}/{partition}", 0), offset + 1)
        return self.leaves[-1]

    def seal(self, acts: int | None = None) -> Checkpoint:
        """Put what is new in order, and sign."""
        done = sum(leaf.leaf != -1 for leaf in self.leaves)
        new = sorted(self.leaves[done:], key=lambda one: (one.origin, one.hash))
        self.leaves[done:] = [msgspec.structs.replace(leaf, leaf=done + number) for number, leaf in enumerate(new)]
        head = None
        if acts is not None:
            head = ActsHead(acts, self.heads.setdefault(acts, bytes([acts]) * 32))
        size = len(self.leaves)
        root = root_of(leaf.hash or b"" for leaf in self.leaves)
        time = NOON + dt.timedelta(minutes=5 * len(self.checkpoints))
        self.checkpoints.append(Checkpoint(origin_of("test"), size, root, time, head, dict(self.covers)))
        self.notes.append(self.signer.sign(self.checkpoints[-1].text()))
        return self.checkpoints[-1]

    def change(self, number: int, **fields: object) -> Leaf:
        """Change what is stored of a leaf, and return what it was."""
        before = self.leaves[number]
        self.leaves[number] = msgspec.structs.replace(before, **fields)
        return before

    def items(self) -> list[Item]:
        notes = [
            SealedCheckpoint(place, str(number), self.instead.get((place, number), note), checkpoint.size)
            for place in self.places
            for number, (note, checkpoint) in enumerate(zip(self.notes, self.checkpoints, strict=True))
            if (place, number) not in self.missing
        ]
        return [
            Header(1, self.source, "2024-04-01T00:00:00Z", self.places),
            *notes,
            *(TrailHead(position, hash_) for position, hash_ in self.heads.items()),
            *self.merges,
            *self.unsealed,
            *self.leaves,
            End(len(self.leaves)),
        ]

    def as_the_log(self) -> None:
        """Be what the log alone says: texts, and no numbers nor hashes."""
        self.source, self.places = "log", [TOPIC]
        self.leaves = [msgspec.structs.replace(leaf, leaf=None, hash=None) for leaf in self.leaves]


def sealed_record() -> Record:
    """Return 30 events from three partitions, sealed by four checkpoints, one of which adds nothing."""
    record = Record()
    for many in (range(3), range(3, 7)):
        for partition in (2, 10):
            for offset in many:
                record.add(partition, 2 * offset)
        record.seal(acts=3)
    record.seal(acts=5)
    for offset in range(16):
        record.add(1, offset, topic=f"{SUBMITTED}.rke")
    record.seal(acts=5)
    return record
