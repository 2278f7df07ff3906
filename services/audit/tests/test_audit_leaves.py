"""What a leaf is, also after its subject turned out to be another."""

from pcare_audit.leaves import about, candidates, matching, merged_into, subject_of
from pcare_audit.merkle import leaf_hash

A, B, C, D = (f"person:{letter}" for letter in "abcd")
TEXT = b'{"id":"\\"subject\\":\\"person:x\\"","source":"s","subject":"person:a","data":{"subject":"person:a"}}'


def test_only_the_subject_of_the_envelope_is_changed() -> None:
    assert subject_of(TEXT) == A
    assert about(TEXT, B) == TEXT.replace(b'"subject":"person:a","data"', b'"subject":"person:b","data"')
    assert subject_of(b'{"id":"1"}') is None


def test_who_turned_out_to_be_somebody_by_one_merge_or_several() -> None:
    merged = merged_into([(B, C), (A, B), (D, C)])
    assert merged == {C: [B, D, A], B: [A]}
    assert merged_into([(A, B), (B, A)])[A] == [B]  # never written, and must not hang


def test_a_leaf_is_found_whatever_the_subject_became() -> None:
    merged = merged_into([(A, B), (B, C)])
    moved = about(TEXT, C)
    assert list(candidates(moved, merged)) == [moved, about(TEXT, B), TEXT]
    assert matching(moved, leaf_hash(TEXT), merged) == TEXT
    assert matching(moved, leaf_hash(moved), merged) == moved
    assert matching(moved.replace(b'"s"', b'"t"'), leaf_hash(TEXT), merged) is None
    assert matching(about(TEXT, D), leaf_hash(TEXT), merged) is None  # nobody merged A into D
