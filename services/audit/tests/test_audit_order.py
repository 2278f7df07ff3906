"""Which checkpoint sealed a record follows from what the checkpoints cover."""

import datetime as dt

from pcare_audit.checkpoint import Checkpoint, origin_of
from pcare_audit.merkle import EMPTY_ROOT
from pcare_audit.sealed.order import Order
from pcare_schemas.origin import Origin


def checkpoint(size: int, **covers: int) -> Checkpoint:
    time = dt.datetime(2024, 4, 1, tzinfo=dt.UTC)
    return Checkpoint(origin_of("test"), size, EMPTY_ROOT, time, None, {f"{name}/0": at for name, at in covers.items()})


ORDER = Order(
    [checkpoint(0), checkpoint(5, a=5), checkpoint(5, a=5), checkpoint(9, a=7, b=3), checkpoint(12, a=7, b=9)]
)


def test_a_record_belongs_to_the_first_checkpoint_that_covers_it() -> None:
    assert [ORDER.stretch_of("a", 0, offset) for offset in (0, 4, 5, 6, 7)] == [1, 1, 3, 3, None]
    assert [ORDER.stretch_of("b", 0, offset) for offset in (0, 2, 3, 8, 9)] == [3, 3, 4, 4, None]
    assert ORDER.of(Origin("a", 1, 0)) is ORDER.of(Origin("c", 0, 0)) is None


def test_each_checkpoint_adds_a_stretch_of_leaves() -> None:
    assert [(one.first, one.end) for one in ORDER.stretches] == [(0, 0), (0, 5), (5, 5), (5, 9), (9, 12)]
    assert ORDER.bounds() == {("a", 0): 7, ("b", 0): 9}


def test_one_that_covers_less_than_the_one_before_takes_nothing_back() -> None:
    order = Order([checkpoint(5, a=5), checkpoint(6, a=2), checkpoint(8, a=8)])
    assert [order.stretch_of("a", 0, offset) for offset in (1, 4, 5)] == [0, 0, 2]
