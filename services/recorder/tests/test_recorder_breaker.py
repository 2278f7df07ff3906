"""When the circuit breaker opens: counted over offsets, the same however the log is cut into batches."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorder_events import checked, event

from pcare_recorder import breaker
from pcare_recorder.breaker import Limit, crowded, tripped
from pcare_recorder.cursors import Partition
from pcare_recorder.progress import Progress
from pcare_recorder.verdicts import Recorded, Submitted, judge
from pcare_schemas.check import Record
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import FieldError, Reason, Rejection, rejection
from pcare_schemas.topics import SUBMITTED, provider_topic

P0, RKE = Partition(SUBMITTED, 0), Partition(provider_topic("rke"), 0)
LIMIT = Limit(window=10, rejections=5)


def refused(reason: Reason = Reason.invalid_data) -> Rejection:
    return rejection(b"{}", reason, FieldError("/data/score", "Above 100.", "at most 100"))


def batch(*offsets: int, partition: Partition = P0) -> dict[Partition, dict[int, Rejection]]:
    return {partition: {offset: refused() for offset in offsets}}


@pytest.mark.parametrize(
    ("window", "share", "limit"),
    [
        (500, 0.5, Limit(500, 250)),
        (500, 0.501, Limit(500, 251)),
        (100, 0.07, Limit(100, 7)),
        (3, 0.5, Limit(3, 2)),
        (1, 0.01, Limit(1, 1)),
        (0, 0.5, None),
    ],
)
def test_a_share_of_a_window_is_so_many_rejections(window: int, share: float, limit: Limit | None) -> None:
    assert Limit.of(window, share) == limit


def test_the_limit_itself_opens_it_and_one_less_does_not() -> None:
    assert tripped(LIMIT, batch(1, 3, 5, 7), before={}, released={}) == []
    (one,) = tripped(LIMIT, batch(1, 3, 5, 7, 9), before={}, released={})
    assert (one.partition, one.first, one.last, one.rejected) == (P0, 1, 9, 5)
    assert tripped(LIMIT, batch(0, 3, 5, 7, 10), before={}, released={}) == []  # five, over eleven records


def test_what_was_rejected_before_counts_and_alone_opens_nothing() -> None:
    before = {P0: [1, 2, 3, 4]}
    assert tripped(LIMIT, batch(10), before=before, released={})
    assert not tripped(LIMIT, batch(11), before=before, released={})
    # five of ten are at the desk already, as when the limit was another one then: only what comes now can open it
    assert not tripped(LIMIT, batch(40), before={P0: [1, 2, 3, 4, 5]}, released={})


def test_each_partition_counts_for_itself() -> None:
    both = batch(3, 4, 5) | batch(3, 4, 5, partition=RKE)
    assert tripped(LIMIT, both, before={}, released={}) == []
    assert [one.partition for one in tripped(LIMIT, both, before={RKE: [0, 1]}, released={})] == [RKE]


def test_what_a_person_released_does_not_count() -> None:
    assert not tripped(LIMIT, batch(*range(20)), before={}, released={P0: 20})
    assert not tripped(LIMIT, batch(*range(20)), before={}, released={P0: 16})
    (one,) = tripped(LIMIT, batch(*range(20)), before={}, released={P0: 15})
    assert (one.first, one.last, one.released) == (15, 19, 15)


def test_duplicates_count_as_good() -> None:
    known = event()
    repeats = checked(known, *[known] * 30, b"broken")
    verdicts = judge(repeats, Recorded(), lambda: "person:00000000-0000-4000-8000-000000000001")
    assert list(breaker.by_partition(verdicts)[P0]) == [31]


def test_the_rejections_of_a_batch_are_told_by_partition_and_in_order() -> None:
    records = [
        Submitted(Origin(SUBMITTED, 0, 7), Record(b"broken", b"-", SUBMITTED, checked(b"-")[0][0].record.timestamp)),
        Submitted(Origin(SUBMITTED, 0, 3), Record(b"broken", b"-", SUBMITTED, checked(b"-")[0][0].record.timestamp)),
    ]
    found = breaker.by_partition(judge(checked(*records), Recorded(), lambda: "person:-"))
    assert {partition: list(offsets) for partition, offsets in found.items()} == {P0: [3, 7]}


@given(
    bad=st.lists(st.booleans(), max_size=60),
    cuts=st.lists(st.integers(1, 12), min_size=60, max_size=60),
    window=st.integers(1, 12),
    share=st.floats(0.1, 1.0),
    floor=st.integers(0, 20),
)
def test_it_opens_for_the_same_record_however_the_log_is_cut(
    bad: Sequence[bool], cuts: Sequence[int], window: int, share: float, floor: int
) -> None:
    limit = Limit.of(window, share)
    assert limit is not None
    worst = next(
        (
            end
            for end in range(len(bad))
            if bad[end] and sum(bad[max(floor, end - window + 1) : end + 1]) >= limit.rejections and end >= floor
        ),
        None,
    )
    opened = None
    for first, end in _batches(len(bad), cuts):
        rejected = [offset for offset in range(first, end) if bad[offset]]
        before = [offset for offset in range(max(0, first - window), first) if bad[offset]]
        if rejected and tripped(limit, batch(*rejected), before={P0: before}, released={P0: floor}):
            (one,) = tripped(limit, batch(*rejected), before={P0: before}, released={P0: floor})
            opened = one.last
            assert first <= one.last < end
            assert one.rejected == limit.rejections
            break
    assert opened == worst


def _batches(length: int, cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = 0
    for size in cuts:
        if first >= length:
            return
        yield first, min(first + size, length)
        first += size


@given(st.lists(st.integers(0, 200), unique=True), st.integers(1, 30), st.integers(1, 10), st.integers(0, 200))
def test_a_stretch_is_found_exactly_where_there_is_one(
    offsets: list[int], window: int, rejections: int, first: int
) -> None:
    limit = Limit(window, rejections)
    found = crowded(limit, sorted(offsets), first=first)
    ends = [
        end
        for end in offsets
        if end >= first and sum(end - window < offset <= end for offset in offsets) >= limit.rejections
    ]
    assert (None if found is None else found[1]) == min(ends, default=None)
    if found is not None:
        assert found[1] - found[0] < window


def test_the_message_says_what_was_seen_and_what_to_do_and_repeats_nothing() -> None:
    rejected = batch(1, 3, 5, 7, 9)
    rejected[P0][3] = refused(Reason.not_json)
    (one,) = tripped(LIMIT, rejected, before={}, released={})
    said = breaker.message(one)
    assert "interventions.submitted/0: 5 of the 9 records from 1 to 9 would be rejected" in said
    assert "by reason: invalid_data 4, not_json 1; such as invalid_data at /data/score: Above 100." in said
    assert "`pcare breaker release interventions.submitted --why '...'`" in said
    assert "interventions.submitted is read no further" in breaker.reason_not_ready(one)


def test_a_place_that_the_sender_named_is_not_repeated() -> None:
    named = rejection(b"{}", Reason.invalid_data, FieldError("/data/Jane Doe\n", "No such field.", None))
    (one,) = tripped(Limit(1, 1), {P0: {1: named}}, before={}, released={})
    assert "Jane" not in breaker.message(one)
    assert "such as invalid_data: No such field." in breaker.message(one)


def test_a_topic_that_is_held_back_is_not_ready_and_not_stuck() -> None:
    progress = Progress(0.0, not_ready_after=60.0, exit_after=180.0)
    progress.assigned({P0, RKE}, 0.0)
    progress.begun(0.0)
    progress.lag({P0: 3, RKE: 5}, 0.0)
    progress.held_back({RKE.topic: "read no further"})
    progress.lag({P0: 0, RKE: 5}, 5.0)
    assert progress.ready(500.0).reasons == ("read no further",)
    assert progress.stuck(500.0) is None
    progress.held_back({})
    progress.lag({P0: 0, RKE: 5}, 500.0)
    assert progress.ready(559.0).ok
    assert not progress.ready(560.0).ok
