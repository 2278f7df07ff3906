"""The start rules and the rule of what follows on: each case of the architecture page."""

import pytest

from pcare_common.errors import OperatorError
from pcare_recorder.cursors import Carried, Cursor, Follows, Held, Partition, Start, lag, start

PARTITION = Partition("interventions.submitted.rke", 2)
WHOLE = Held(first=0, end=1000)


def test_a_partition_nobody_knows_begins_at_the_start_of_the_log() -> None:
    begins = start(PARTITION, cursor=None, committed=None, held=Held(first=40, end=90))
    assert begins == Start(next_offset=40, publish_from=40, is_new=True)


def test_what_is_recorded_and_not_published_through_is_published_again() -> None:
    begins = start(PARTITION, cursor=Cursor(0, 500), committed=420, held=WHOLE)
    assert begins == Start(next_offset=500, publish_from=420)


def test_cursors_that_agree_leave_nothing_to_publish_again() -> None:
    assert start(PARTITION, cursor=Cursor(0, 500), committed=500, held=WHOLE) == Start(500, 500)


def test_without_a_committed_offset_all_that_the_log_holds_is_published_again() -> None:
    assert start(PARTITION, cursor=Cursor(100, 500), committed=None, held=Held(300, 900)) == Start(500, 300)
    assert start(PARTITION, cursor=Cursor(100, 500), committed=None, held=WHOLE) == Start(500, 100)


def test_a_committed_offset_before_the_base_publishes_from_the_base() -> None:
    assert start(PARTITION, cursor=Cursor(100, 500), committed=50, held=WHOLE) == Start(500, 100)


def test_a_committed_offset_without_a_row_is_refused() -> None:
    with pytest.raises(OperatorError, match=r"submitted\.rke/2: .* below 7 is recorded.*`pcare rebuild`"):
        start(PARTITION, cursor=None, committed=7, held=WHOLE)


def test_a_database_behind_what_was_published_is_refused() -> None:
    with pytest.raises(OperatorError, match=r"judged up to 499, but 500 was published.*`pcare rebuild`"):
        start(PARTITION, cursor=Cursor(0, 499), committed=500, held=WHOLE)


def test_retention_that_overtook_the_cursor_is_refused_with_the_exact_gap() -> None:
    with pytest.raises(OperatorError, match=r"offsets 500 to 609 \(110 at most\) were deleted"):
        start(PARTITION, cursor=Cursor(0, 500), committed=500, held=Held(610, 1000))


def test_a_partition_that_ends_before_the_cursor_is_refused() -> None:
    with pytest.raises(OperatorError, match=r"judged up to 500, but the partition ends at 499\. The topic was deleted"):
        start(PARTITION, cursor=Cursor(0, 500), committed=500, held=Held(0, 499))


def test_a_log_that_was_emptied_up_to_the_cursor_is_well() -> None:
    assert start(PARTITION, cursor=Cursor(0, 500), committed=500, held=Held(500, 500)) == Start(500, 500)


def test_a_batch_at_the_cursor_follows() -> None:
    carried = Carried(10)
    carried.advance(20)
    assert carried.follows(PARTITION, 20) is Follows.YES
    assert not carried.proving


def test_a_gap_is_read_again_from_the_cursor_before_it_is_believed() -> None:
    carried = Carried(10, proving=False)
    assert carried.follows(PARTITION, 12) is Follows.READ_AGAIN
    carried.proving = True
    assert carried.follows(PARTITION, 12) is Follows.CHECK_LOG_START


def test_records_before_the_cursor_are_read_again_and_then_refused() -> None:
    carried = Carried(10, proving=False)
    assert carried.follows(PARTITION, 9) is Follows.READ_AGAIN
    carried.proving = True
    with pytest.raises(OperatorError, match="asked for 10, Kafka answered with 9"):
        carried.follows(PARTITION, 9)


def test_lag_is_what_lies_between_cursor_and_end() -> None:
    other, third = Partition("interventions.submitted", 0), Partition("interventions.submitted", 1)
    held = {PARTITION: Held(0, 8), other: Held(0, 7)}
    assert lag({PARTITION: 5, other: 9, third: 1}, held) == {PARTITION: 3, other: 0}
