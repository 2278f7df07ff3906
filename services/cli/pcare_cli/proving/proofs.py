"""Proofs that fit into a letter: that one event is in a checkpoint, and that one checkpoint goes on from another."""

from pathlib import Path

import asyncpg
import msgspec

from pcare_audit import merkle
from pcare_audit.checkpoint import Checkpoint, CheckpointError, parse
from pcare_audit.leaves import matching, merged_into
from pcare_audit.sealed.texts import event_in
from pcare_audit.signed_note import NoteError, Opens, split
from pcare_recorder.verdicts import PERSON

HASHES_AT_ONCE = 20_000


class Inclusion(msgspec.Struct, frozen=True, tag="inclusion", tag_field="kind"):
    """That `text` is leaf `leaf` of the tree of the checkpoint in `note`. Hashes are base64."""

    text: str
    leaf: int
    size: int
    path: list[bytes]
    note: str


class Consistency(msgspec.Struct, frozen=True, tag="consistency", tag_field="kind"):
    """That the tree of `new_note` begins with that of `old_note`."""

    old_note: str
    new_note: str
    path: list[bytes]


Proof = Inclusion | Consistency


class ProofError(Exception):
    """What was asked cannot be proven, or is not proven. The message says why."""


async def of_event(connection: asyncpg.Connection, event: tuple[str, str], size: int | None) -> Inclusion:
    """Prove that an event is in the newest checkpoint, or in that of `size` leaves. Raises ProofError."""
    found = await connection.fetchrow(
        "SELECT l.leaf, l.hash, p.published::text FROM pcare.interventions AS i "
        "JOIN pcare.published AS p USING (origin_topic, origin_partition, origin_offset) "
        "LEFT JOIN pcare.leaves AS l USING (origin_topic, origin_partition, origin_offset) "
        "WHERE i.source = $1 AND i.id = $2",
        *event,
    )
    if found is None:
        raise ProofError("There is no such event: say its source and its id as they are recorded.")
    leaf, sealed, now = found
    note, checkpoint = await _checkpoint(connection, size)
    if leaf is None or leaf >= checkpoint.size:
        raise ProofError(f"The event is not in the checkpoint {checkpoint}: it was sealed later, or not yet.")
    merges = await connection.fetch("SELECT gone, kept FROM pcare.merges")
    pairs = ((f"{PERSON}{gone}", f"{PERSON}{kept}") for gone, kept in merges)
    text = matching(now.encode(), sealed, merged_into(pairs))
    if text is None:
        raise ProofError(f"Leaf {leaf} is not of the event's text: one was altered. `pcare audit verify` says more.")
    path = await _made(connection, merkle.ProofInMaking.of_leaf(leaf, checkpoint.size), checkpoint.size)
    return Inclusion(text.decode(), leaf, checkpoint.size, path, note)


async def between(connection: asyncpg.Connection, old: int, new: int) -> Consistency:
    """Prove that the checkpoint of `new` leaves goes on from that of `old`. Raises ProofError."""
    (old_note, first), (new_note, second) = [await _checkpoint(connection, size) for size in sorted((old, new))]
    path = await _made(connection, merkle.ProofInMaking.between(first.size, second.size), second.size)
    return Consistency(old_note, new_note, path)


def check(proof: Proof, key: Opens) -> str:
    """Return in words what a proof shows, by the public key alone. Raises ProofError where it shows nothing."""
    try:
        if isinstance(proof, Inclusion):
            checkpoint = parse(key.open(proof.note))
            if proof.size != checkpoint.size:
                raise ProofError(f"The proof is for {proof.size} leaves, and its checkpoint has {checkpoint.size}.")
            merkle.verify_inclusion(
                merkle.leaf_hash(proof.text.encode()), proof.leaf, checkpoint.size, proof.path, checkpoint.root
            )
            event = event_in(proof.text)
            named = "the record" if event is None else "the event {} {}".format(*event)
            return f"{named} is leaf {proof.leaf} of the checkpoint {checkpoint}, byte for byte as the proof has it"
        old, new = parse(key.open(proof.old_note)), parse(key.open(proof.new_note))
        if old.origin != new.origin:
            raise ProofError("The two checkpoints are of different logs.")
        merkle.verify_consistency(old.size, new.size, proof.path, old.root, new.root)
    except (NoteError, CheckpointError, merkle.MerkleError) as error:
        raise ProofError(str(error)) from error
    return f"the checkpoint {new} begins with all that the checkpoint {old} has, in the same order"


def write(proof: Proof, file: Path) -> None:
    """Write a proof. Raises OSError."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(proof), indent=2) + b"\n")


def read(file: Path) -> Proof:
    """Read a proof. Raises ProofError."""
    try:
        proof: Proof = msgspec.json.decode(file.read_bytes(), type=Proof)
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise ProofError(f"{file} is no proof of `pcare audit prove`: {error}.") from error
    return proof


async def _checkpoint(connection: asyncpg.Connection, size: int | None) -> tuple[str, Checkpoint]:
    note = await connection.fetchval(
        "SELECT note FROM pcare.checkpoints WHERE $1::bigint IS NULL OR size = $1 "
        "ORDER BY size DESC, made_at DESC LIMIT 1",
        size,
    )
    if note is None:
        sizes = await connection.fetch("SELECT DISTINCT size FROM pcare.checkpoints ORDER BY size DESC LIMIT 10")
        newest = ", ".join(str(row[0]) for row in sizes)
        raise ProofError(f"There is no such checkpoint. The newest have these sizes: {newest or 'there is none yet'}.")
    try:
        return note, parse(split(note)[0])
    except (NoteError, CheckpointError) as error:
        raise ProofError(f"The checkpoint was changed: {error}") from error


async def _made(connection: asyncpg.Connection, proof: merkle.ProofInMaking, size: int) -> list[bytes]:
    cursor = await connection.cursor("SELECT hash FROM pcare.leaves WHERE leaf < $1 ORDER BY leaf", size)
    while rows := await cursor.fetch(HASHES_AT_ONCE):
        proof.take(row[0] or b"" for row in rows)  # one that was taken away leads to no root
    try:
        return proof.proof()
    except merkle.MerkleError as error:
        raise ProofError(f"Leaves are missing: {error}. `pcare audit verify` says which.") from error
