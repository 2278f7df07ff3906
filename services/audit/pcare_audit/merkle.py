"""A Merkle tree as RFC 6962 hashes it: a root that stands for a list, and proofs of what the list holds. Pure.

Leaves and nodes are hashed apart, so no node can pass for a leaf. A list is never needed whole: a tree keeps only its
right edge, and a proof is made in one pass over the hashes.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


class MerkleError(Exception):
    """A proof does not prove what it was given for, or one was asked for that cannot be. The message says which."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf that holds `data`."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node over two others."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows. It holds the roots of the full subtrees along its right edge, and nothing else."""

    __slots__ = ("_edge", "_size")

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        """Begin empty, or where another tree was: with its `size` and `edge`. Raises ValueError where they differ."""
        self._size = size
        self._edge = list(edge)
        if len(self._edge) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} hashes along its edge")

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def edge(self) -> tuple[bytes, ...]:
        """The roots of the full subtrees that make up the tree, the largest first: enough to go on from."""
        return tuple(self._edge)

    def append(self, hash_of_leaf: bytes) -> None:
        """Add the next leaf, given by its hash."""
        edge, size = self._edge, self._size
        node = hash_of_leaf
        while size & 1:
            node = sha256(b"\x01" + edge.pop() + node).digest()
            size >>= 1
        edge.append(node)
        self._size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._edge:
            return EMPTY_ROOT
        root = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            root = node_hash(left, root)
        return root


def root_of(hashes: Iterable[bytes]) -> bytes:
    """Return the root of a tree with these hashes of leaves."""
    tree = Tree()
    for one in hashes:
        tree.append(one)
    return tree.root()


class ProofInMaking:
    """Becomes a proof as it is given the hashes of the leaves, from the first on; it keeps a few of them only."""

    def __init__(self, stretches: Sequence["Stretch"], size: int) -> None:
        """`stretches`: of which subtrees the proof has the roots; they do not overlap."""
        self._asked = stretches
        self._size = size
        self._left = sorted(stretches, reverse=True)
        self._roots: dict[Stretch, bytes] = {}
        self._at = 0
        self._tree = Tree()

    @classmethod
    def of_leaf(cls, index: int, size: int) -> "ProofInMaking":
        """Begin to prove that leaf `index` is in the tree of `size`. Raises MerkleError where there is no such leaf."""
        if not 0 <= index < size:
            raise MerkleError(f"there is no leaf {index} in a tree of {size}")
        return cls(_beside(index, 0, size), size)

    @classmethod
    def between(cls, old: int, new: int) -> "ProofInMaking":
        """Begin to prove that the tree of `old` is the beginning of that of `new`. Raises MerkleError if larger."""
        if not 0 <= old <= new:
            raise MerkleError(f"a tree of {old} cannot be the beginning of one of {new}")
        return cls(_between(old, 0, new) if 0 < old < new else [], new)

    def take(self, hashes: Iterable[bytes]) -> "ProofInMaking":
        """Take the hashes that follow; more than are needed do no harm."""
        for one in hashes:
            if not self._left:
                break
            first, end = self._left[-1]
            if self._at >= first:
                self._tree.append(one)
            self._at += 1
            if self._at == end:
                self._roots[self._left.pop()] = self._tree.root()
                self._tree = Tree()
        return self

    def proof(self) -> list[bytes]:
        """Return the proof. Raises MerkleError where hashes are lacking."""
        if self._left:
            raise MerkleError(f"there are {self._at} hashes, and {self._size} are needed")
        return [self._roots[stretch] for stretch in self._asked]


def inclusion_proof(hashes: Iterable[bytes], index: int, size: int) -> list[bytes]:
    """Prove that leaf `index` stands in the tree of the first `size` hashes. They are read once, in order.

    Raises MerkleError where there is no such leaf, or there are fewer hashes than are needed.
    """
    return ProofInMaking.of_leaf(index, size).take(hashes).proof()


def consistency_proof(hashes: Iterable[bytes], old: int, new: int) -> list[bytes]:
    """Prove that the tree of the first `old` hashes is the beginning of that of the first `new`; read as above.

    Raises MerkleError where `old` is not from 0 to `new`, or there are fewer hashes than are needed.
    """
    return ProofInMaking.between(old, new).take(hashes).proof()


def verify_inclusion(hash_of_leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise MerkleError unless `proof` shows that this is leaf `index` of the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        raise MerkleError(f"there is no leaf {index} in a tree of {size}")
    node = hash_of_leaf
    for left, beside in _climb(index, size - 1, proof):
        node = node_hash(beside, node) if left else node_hash(node, beside)
    if node != root:
        raise MerkleError("the leaf, its place or its path is not that of the tree with this root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Raise MerkleError unless `proof` shows that the tree `old` leaves large is the beginning of that of `new`."""
    if not 0 <= old <= new:
        raise MerkleError(f"a tree of {old} cannot be the beginning of one of {new}")
    if old in (0, new):
        _trivially_consistent(old, new, proof, old_root, new_root)
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]  # a full old tree is a node of the new one
    if not path:
        raise MerkleError("the proof is too short")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    of_old = of_new = path[0]
    for left, beside in _climb(at, last, path[1:]):
        if left:
            of_old, of_new = node_hash(beside, of_old), node_hash(beside, of_new)
        else:
            of_new = node_hash(of_new, beside)
    if of_old != old_root:
        raise MerkleError("the proof does not lead to the root of the older tree")
    if of_new != new_root:
        raise MerkleError("the older tree is not the beginning of the newer one")


def _climb(at: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Give what stands beside the way from a node to the root, and whether it stands to the left; RFC 9162, 2.1.3.2.

    Raises MerkleError where the path has not as many steps as the way.
    """
    for beside in path:
        if last == 0:
            raise MerkleError("the proof is too long")
        left = bool(at & 1) or at == last
        while left and not at & 1 and at:
            at, last = at >> 1, last >> 1
        yield left, beside
        at, last = at >> 1, last >> 1
    if last:
        raise MerkleError("the proof is too short")


def _trivially_consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    if proof:
        raise MerkleError("the proof is too long")
    if old == 0 and old_root != EMPTY_ROOT:
        raise MerkleError("the root of the empty tree is another")
    if old == new and old_root != new_root:
        raise MerkleError(f"two trees of {new} leaves have different roots")


Stretch = tuple[int, int]
"""The leaves of a subtree, from the first to before the second."""


def _split(first: int, end: int) -> int:
    """Return where the right subtree begins: behind the largest power of two that is smaller than the whole."""
    return first + (1 << ((end - first - 1).bit_length() - 1))


def _beside(index: int, first: int, end: int) -> list[Stretch]:
    """Return the subtrees beside the way from a leaf to the root, from below."""
    if end - first == 1:
        return []
    middle = _split(first, end)
    if index < middle:
        return [*_beside(index, first, middle), (middle, end)]
    return [*_beside(index, middle, end), (first, middle)]


def _between(old: int, first: int, end: int, *, shown: bool = True) -> list[Stretch]:
    """Return the subtrees that make up both trees; `shown` while the one looked at is the older tree itself."""
    if old == end:
        return [] if shown else [(first, end)]
    middle = _split(first, end)
    if old <= middle:
        return [*_between(old, first, middle, shown=shown), (middle, end)]
    return [*_between(old, middle, end, shown=False), (first, middle)]
