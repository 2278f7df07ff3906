"""The tree against published vectors (of Certificate Transparency, of RFC 6962), and every proof of every size."""

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_audit.merkle import (
    EMPTY_ROOT,
    MerkleError,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# the reference implementation's, as every log's tests have them
CT_LEAVES = [
    bytes.fromhex(one)
    for one in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CT_CONSISTENCY = {
    (1, 1): [],
    (1, 8): CT_INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
HASHES = [leaf_hash(one) for one in CT_LEAVES]
SIZES = st.integers(1, 130)


def hashes_of(number: int) -> list[bytes]:
    return [leaf_hash(str(one).encode()) for one in range(number)]


def test_the_roots_are_those_of_certificate_transparency() -> None:
    assert root_of([]) == EMPTY_ROOT == sha256(b"").digest()
    assert [root_of(HASHES[: size + 1]).hex() for size in range(8)] == CT_ROOTS


@pytest.mark.parametrize(("index", "size"), CT_INCLUSION)
def test_the_proofs_of_a_leaf_are_those_of_certificate_transparency(index: int, size: int) -> None:
    proof = inclusion_proof(HASHES, index, size)
    assert [one.hex() for one in proof] == CT_INCLUSION[index, size]
    verify_inclusion(HASHES[index], index, size, proof, bytes.fromhex(CT_ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new"), CT_CONSISTENCY)
def test_the_proofs_between_two_trees_are_those_of_certificate_transparency(old: int, new: int) -> None:
    proof = consistency_proof(HASHES, old, new)
    assert [one.hex() for one in proof] == CT_CONSISTENCY[old, new]
    verify_consistency(old, new, proof, bytes.fromhex(CT_ROOTS[old - 1]), bytes.fromhex(CT_ROOTS[new - 1]))


def test_the_example_of_rfc_6962_with_seven_leaves() -> None:
    a, b, c, d, e, f, j = hashes_of(7)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 -- the letters of the RFC
    assert root_of([a, b, c, d, e, f, j]) == node_hash(k, l)
    leaves = [a, b, c, d, e, f, j]
    assert inclusion_proof(leaves, 0, 7) == [b, h, l]
    assert inclusion_proof(leaves, 3, 7) == [c, g, l]
    assert inclusion_proof(leaves, 4, 7) == [f, j, k]
    assert inclusion_proof(leaves, 6, 7) == [i, k]
    assert consistency_proof(leaves, 3, 7) == [c, d, g, l]
    assert consistency_proof(leaves, 4, 7) == [l]
    assert consistency_proof(leaves, 6, 7) == [i, j, k]


@given(size=SIZES)
def test_every_leaf_of_a_tree_is_proven_and_no_other_in_its_place(size: int) -> None:
    hashes = hashes_of(size)
    root = root_of(hashes)
    for index in range(size):
        proof = inclusion_proof(iter(hashes), index, size)
        verify_inclusion(hashes[index], index, size, proof, root)
        with pytest.raises(MerkleError):
            verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
        if size > 1:
            with pytest.raises(MerkleError):
                verify_inclusion(hashes[index], (index + 1) % size, size, proof, root)
        with pytest.raises(MerkleError):
            verify_inclusion(hashes[index], index, size, [*proof, root], root)


@given(sizes=st.tuples(SIZES, SIZES).map(sorted))
def test_an_older_tree_is_proven_to_be_the_beginning_and_no_other(sizes: list[int]) -> None:
    old, new = sizes
    hashes = hashes_of(new)
    proof = consistency_proof(iter(hashes), old, new)
    old_root, new_root = root_of(hashes[:old]), root_of(hashes)
    verify_consistency(old, new, proof, old_root, new_root)
    changed = [*hashes[: old - 1], leaf_hash(b"another")]
    with pytest.raises(MerkleError):
        verify_consistency(old, new, proof, root_of(changed), new_root)
    if old < new:
        with pytest.raises(MerkleError):
            verify_consistency(old, new, proof, old_root, root_of([*changed, *hashes[old:]]))
        with pytest.raises(MerkleError):
            verify_consistency(old, new, proof[:-1], old_root, new_root)
        with pytest.raises(MerkleError):
            verify_consistency(old, new, [*proof, new_root], old_root, new_root)


@given(size=st.integers(0, 300), cut=st.integers(0, 300))
def test_a_tree_goes_on_from_its_edge(size: int, cut: int) -> None:
    hashes = hashes_of(size)
    first = Tree()
    for one in hashes[:cut]:
        first.append(one)
    second = Tree(first.size, first.edge)
    for one in hashes[cut:]:
        second.append(one)
    assert (second.size, second.root()) == (size, root_of(hashes))
    assert len(second.edge) == size.bit_count()


def test_what_cannot_be_proven_is_refused() -> None:
    hashes = hashes_of(4)
    for ask, words in [
        (lambda: inclusion_proof(hashes, 4, 4), "no leaf 4 in a tree of 4"),
        (lambda: inclusion_proof(hashes, 0, 5), "there are 4 hashes, and 5 are needed"),
        (lambda: consistency_proof(hashes, 3, 2), "a tree of 3 cannot be the beginning of one of 2"),
        (lambda: consistency_proof(hashes, 3, 7), "there are 4 hashes, and 7 are needed"),
        (lambda: verify_consistency(4, 4, [], root_of(hashes), EMPTY_ROOT), "two trees of 4 leaves"),
        (lambda: verify_consistency(0, 4, [], root_of(hashes), root_of(hashes)), "the empty tree"),
        (lambda: verify_consistency(3, 4, [], root_of(hashes[:3]), root_of(hashes)), "too short"),
    ]:
        with pytest.raises(MerkleError, match=re.escape(words)):
            ask()
    with pytest.raises(ValueError, match="3 leaves has 2 hashes"):
        Tree(3, [])
