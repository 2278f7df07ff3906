"""About whom a row was when it was sealed, whatever was merged before and since."""

import datetime as dt

from pcare_audit.merkle import leaf_hash
from pcare_cli.sealing.merges import AsSealed, Merges, read_merge
from pcare_schemas.origin import Origin
from pcare_schemas.recorded import subjects_merged_text

AT = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
ANN, BEA, CLO, DOT, EVE = (f"person:{name}" for name in ("ann", "bea", "clo", "dot", "eve"))


def merge(act: int, gone: str, kept: str) -> bytes:
    return subjects_merged_text(gone, kept, merged_at=AT, act=act, rules_version="1-abcdef012345")


TEXTS = [merge(9, BEA, CLO), merge(5, ANN, BEA), merge(9, DOT, CLO)]
MERGES = Merges([read_merge(text) for text in TEXTS])


def about(subject: str) -> bytes:
    return f'{{"id":"1","subject":"{subject}","data":{{}}}}'.encode()


def test_a_subject_is_whom_it_was_known_as_at_that_act() -> None:
    assert [MERGES.subject_at(ANN, below) for below in (5, 6, 9, 10)] == [ANN, BEA, BEA, CLO]
    assert MERGES.person(ANN) == MERGES.person(DOT) == CLO
    assert MERGES.person(EVE) == EVE
    assert MERGES.end == 10
    assert Merges([]).end == 0


def test_who_was_moved_since_and_all_that_they_were() -> None:
    assert MERGES.moved_since(6) == {CLO}
    assert MERGES.moved_since(10) == frozenset()
    assert MERGES.persons_of(frozenset({CLO})) == {ANN, BEA, CLO, DOT}
    assert MERGES.is_before(ANN, CLO)
    assert not MERGES.is_before(CLO, ANN)
    assert not MERGES.is_before(ANN, DOT)


def test_merges_are_leaves_by_act_and_of_one_act_by_hash() -> None:
    of_nine = sorted(leaf_hash(text) for text in (TEXTS[0], TEXTS[2]))
    assert MERGES.leaves(0, 10) == [(5, leaf_hash(TEXTS[1])), (9, of_nine[0]), (9, of_nine[1])]
    assert MERGES.leaves(6, 9) == []
    assert MERGES.leaves(5, 6) == [(5, leaf_hash(TEXTS[1]))]


def test_a_row_is_given_as_it_was_sealed() -> None:
    firsts = {"t/0/1": ANN, "t/0/2": DOT, "t/0/3": CLO}
    origins = [Origin("t", 0, offset) for offset in (1, 2, 3)]

    def sealed(below: int) -> list[bytes]:
        text_of = AsSealed(MERGES, below, firsts)
        return [text_of(origin, about(CLO)) for origin in origins]

    assert sealed(5) == [about(ANN), about(DOT), about(CLO)]
    assert sealed(6) == [about(BEA), about(DOT), about(CLO)]
    assert sealed(10) == [about(CLO)] * 3
    assert AsSealed(MERGES, 5, firsts)(origins[0], about(EVE)) == about(EVE), "a row of somebody else stays"
    assert AsSealed(MERGES, 5, {})(origins[0], about(CLO)) == about(CLO), "nobody knows: its root will tell"
