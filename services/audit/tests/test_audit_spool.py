"""The log laid down in a file: in the order of the leaves, by origin, and what of it is in no leaf."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pcare_audit.merkle import leaf_hash
from pcare_audit.sealed.items import Leaf
from pcare_audit.sealed.order import Order
from pcare_audit.sealed.spool import FURTHEST, Spool
from sealed_record import SUBMITTED, Record, sealed_record, text


@pytest.fixture
def record() -> Record:
    return sealed_record()


@pytest.fixture
def spool(record: Record, tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "log.sqlite", Order(record.checkpoints)) as made:
        yield made


def told(record: Record) -> list[tuple[str, int, int, str]]:
    return [(leaf.origin_topic, leaf.origin_partition, leaf.origin_offset, leaf.texts[0]) for leaf in record.leaves]


def test_records_in_any_order_come_out_as_they_were_sealed(record: Record, spool: Spool) -> None:
    spool.fill([*reversed(told(record)), *told(record)])
    assert [(leaf.origin, leaf.texts) for leaf in spool.in_order()] == [
        (leaf.origin, leaf.texts) for leaf in record.leaves
    ]
    assert spool.waiting == 0


def test_what_is_not_sealed_yet_is_counted_and_nothing_else(record: Record, spool: Spool) -> None:
    spool.fill([*told(record), (SUBMITTED, 2, 13, text(1)), (SUBMITTED, 7, 0, text(2))])
    assert spool.waiting == 2
    assert len(list(spool.in_order())) == 30
    assert spool.texts(SUBMITTED, 7, 0) == []


def test_what_is_said_twice_and_differently_is_there_twice(record: Record, spool: Spool) -> None:
    first = record.leaves[0]
    spool.fill([*told(record), (*told(record)[0][:3], "another"), *told(record)])
    assert next(spool.in_order()).texts == [first.texts[0], "another"]
    assert spool.of_leaf(first) == [first.texts[0], "another"]


def test_a_record_whose_origin_has_no_leaf_is_told_of(record: Record, spool: Spool) -> None:
    spool.fill([*told(record), (SUBMITTED, 2, 3, text(2003))])
    spool.note_leaves(record.leaves[:9])
    spool.note_leaves(record.leaves[10:])
    missing = record.leaves[9]
    assert {(one.origin, one.text) for one in spool.without_leaf()} == {
        (str(missing.origin), missing.texts[0]),
        (f"{SUBMITTED}/2/3", text(2003)),
    }


def test_several_merges_of_one_act_are_leaves_each_by_their_hashes(tmp_path: Path) -> None:
    record = Record()
    texts = [text(number, f"person:{number}") for number in range(5)]
    for one in texts:
        record.add(0, 7, one, topic="pcare.acts")
    record.seal()
    hashes = sorted(leaf_hash(one.encode()) for one in texts)
    with Spool(tmp_path / "log.sqlite", Order(record.checkpoints)) as spool:
        spool.fill(told(record))
        leaves = list(spool.in_order())
        assert [leaf_hash(leaf.texts[0].encode()) for leaf in leaves] == hashes
        assert spool.of_leaf(Leaf(2, "pcare.acts", 0, 7, hashes[2], [])) == leaves[2].texts


def test_what_waits_from_beyond_where_the_database_is_is_given_from_the_furthest_on(
    record: Record, spool: Spool
) -> None:
    spool.fill(
        [*told(record), *((SUBMITTED, 2, offset, text(offset)) for offset in range(13, 213)), ("odd", 0, 5, "x")]
    )
    assert spool.waiting == 201
    found = spool.waiting_beyond({(SUBMITTED, 2): 211})
    assert [one.origin for one in found] == [f"{SUBMITTED}/2/212", f"{SUBMITTED}/2/211", "odd/0/5"]
    assert "no recorder has come so far" in found[0].words
    assert len(spool.waiting_beyond({("odd", 0): 6})) == FURTHEST


def test_an_origin_that_no_file_holds_has_no_texts(spool: Spool) -> None:
    assert spool.texts(SUBMITTED, 2, 10**19) == []
