"""`pcare audit verify`: leaves a second, of the proof work alone and of a whole file; and what one event's proof takes.

    python benchmarks/measure_proofs.py [--leaves 300000]

The ceiling is SHA-256 alone: each text once, and each node of the tree once. No server is needed. One process computes
and waits for nobody, so seconds are of its processor: what else the machine does is not counted.
"""

import argparse
import asyncio
import datetime as dt
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import made_log
from pcare_audit.checkpoint import Checkpoint, origin_of
from pcare_audit.merkle import ProofInMaking, Tree, leaf_hash, verify_inclusion
from pcare_audit.sealed.items import FORMAT, End, Header, Item, Leaf, SealedCheckpoint, read, write
from pcare_audit.sealed.verifying import DATABASE, Verification
from pcare_audit.signed_note import Signer
from results import Figure
from stand import Stand

LEAVES = 300_000
A_CHECKPOINT = 1_000  # what is recorded in a few minutes
PEOPLE = 100_000
TOPIC = "interventions.submitted"
PLACE = "pcare.checkpoints"
PART = "proofs"


async def measure(_stand: Stand, run: int) -> list[Figure]:
    """Measure once."""
    return await asyncio.to_thread(figures, LEAVES, run)


def figures(leaves: int, seed: int) -> list[Figure]:
    """Seal a made log, and verify it."""
    signer = Signer("bench", Ed25519PrivateKey.generate())
    items = list(_sealed(leaves, seed, signer))
    hashes = [item.hash for item in items if isinstance(item, Leaf) and item.hash is not None]
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "record.gz"
        exporting = _seconds(lambda: write(file, items))
        size = file.stat().st_size / leaves
        verifying = _seconds(lambda: _verify(items, signer))
        whole = _seconds(lambda: _verify(read(file), signer))
    ceiling = leaves / _seconds(lambda: _hash_alone(items))
    growing = _seconds(lambda: _grow(hashes))
    root = _grow(hashes)
    proving = _seconds(lambda: ProofInMaking.of_leaf(leaves // 3, leaves).take(hashes).proof())
    proof = ProofInMaking.of_leaf(leaves // 3, leaves).take(hashes).proof()
    checking = _seconds(lambda: verify_inclusion(hashes[leaves // 3], leaves // 3, leaves, proof, root))
    return [
        Figure(PART, "ceiling: SHA-256 of the same texts and nodes alone, leaves/s", "1/s", ceiling),
        Figure(
            PART, "the proof work: texts, order, roots of all checkpoints, leaves/s", "1/s", leaves / verifying, ceiling
        ),
        Figure(PART, "the tree alone, leaves/s", "1/s", leaves / growing, ceiling),
        Figure(PART, "a file verified, reading it included, leaves/s", "1/s", leaves / whole, ceiling),
        Figure(PART, "a file written, leaves/s", "1/s", leaves / exporting),
        Figure(PART, "bytes of the file a leaf", "B", size),
        Figure(PART, "one event's proof: making it", "ms", proving * 1e3),
        Figure(PART, "one event's proof: checking it", "µs", checking * 1e6),
        Figure(PART, "memory of this process at most, all items in it", "MiB", _memory()),
    ]


def _sealed(leaves: int, seed: int, signer: Signer) -> Iterator[Item]:
    notes: list[SealedCheckpoint] = []
    made: list[Leaf] = []
    tree = Tree()
    for number, (_, value) in enumerate(made_log.recorded(leaves, seed=seed, people=PEOPLE)):
        sealed = leaf_hash(value)
        made.append(Leaf(number, TOPIC, 0, number, sealed, [value.decode()]))
        tree.append(sealed)
        if tree.size % A_CHECKPOINT == 0 or tree.size == leaves:
            time_of = dt.datetime(2024, 4, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=number)
            checkpoint = Checkpoint(
                origin_of("bench"), tree.size, tree.root(), time_of, covers={f"{TOPIC}/0": tree.size}
            )
            notes.append(SealedCheckpoint(PLACE, str(tree.size), signer.sign(checkpoint.text()), tree.size))
    yield Header(FORMAT, DATABASE, "", [PLACE])
    yield from notes
    yield from made
    yield End(len(made))


def _verify(items: Iterable[Item], signer: Signer) -> None:
    verification = Verification(signer.verifier)
    for item in items:
        verification.take(item)
    assert verification.finish().whole


def _hash_alone(items: list[Item]) -> None:
    node = bytes(65)
    for item in items:
        if isinstance(item, Leaf):
            sha256(item.texts[0].encode()).digest()
            sha256(node).digest()


def _grow(hashes: list[bytes]) -> bytes:
    tree = Tree()
    for one in hashes:
        tree.append(one)
    return tree.root()


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the verification of proofs.")
    parser.add_argument("--leaves", type=int, default=LEAVES)
    for figure in figures(parser.parse_args().leaves, 1):
        ratio = f" ({figure.value / figure.ceiling:.0%} of the ceiling)" if figure.ceiling else ""
        print(f"{figure.name}: {figure.value:,.0f} {figure.unit}{ratio}")
