"""Token buckets."""

from hypothesis import given
from hypothesis import strategies as st

from pcare_ingest.rate_limit import Rate, RateLimit

TEN = Rate(per_second=10, burst=100)


def test_the_burst_is_there_at_once_and_then_the_rate() -> None:
    limit = RateLimit()

    assert limit.take("RKE", 100, TEN, 0.0) == 0.0
    assert limit.take("RKE", 1, TEN, 0.0) == 0.1
    assert limit.take("RKE", 1, TEN, 0.1) == 0.0


def test_what_does_not_fit_takes_nothing() -> None:
    limit = RateLimit()
    limit.take("RKE", 60, TEN, 0.0)

    assert limit.take("RKE", 50, TEN, 0.0) == 1.0
    assert limit.take("RKE", 40, TEN, 0.0) == 0.0


def test_more_than_the_burst_fits_into_a_full_bucket_and_is_made_up_for() -> None:
    limit = RateLimit()

    assert limit.take("RKE", 1_000, TEN, 0.0) == 0.0
    assert limit.take("RKE", 1, TEN, 50.0) > 0
    assert limit.take("RKE", 1_000, TEN, 99.0) == 1.0
    assert limit.take("RKE", 1_000, TEN, 100.0) == 0.0


def test_what_was_taken_already_is_part_of_what_is_taken() -> None:
    limit = RateLimit()
    limit.take("RKE", 1, TEN, 0.0)

    assert limit.take("RKE", 1_000, TEN, 0.0, 1) == 0.0
    assert limit.left("RKE", TEN, 0.0) == -900.0


def test_who_asks_again_when_told_to_is_let_in() -> None:
    limit = RateLimit()
    limit.take("RKE", 60, TEN, 0.0)

    assert limit.take("RKE", 1, TEN, 0.0) == 0.0
    wait = limit.take("RKE", 50, TEN, 0.0, 1)
    assert wait == 1.1
    assert limit.take("RKE", 1, TEN, wait) == 0.0
    assert limit.take("RKE", 50, TEN, wait, 1) == 0.0


def test_one_provider_does_not_use_up_what_is_another_s() -> None:
    limit = RateLimit()
    limit.take("RKE", 100, TEN, 0.0)

    assert limit.take("RRP", 100, TEN, 0.0) == 0.0


def test_a_rate_that_was_lowered_holds_at_once() -> None:
    limit = RateLimit()
    limit.take("RKE", 1, TEN, 0.0)

    assert limit.take("RKE", 5, Rate(1, 5), 0.0) == 0.0
    assert limit.take("RKE", 1, Rate(1, 5), 0.0) == 1.0


def test_of_too_many_names_the_one_that_was_used_longest_ago_is_forgotten() -> None:
    limit = RateLimit(most=2)
    for name in ("a", "b", "a", "c"):
        limit.take(name, 50, TEN, 0.0)

    assert len(limit) == 2
    assert limit.left("b", TEN, 0.0) == 100
    assert limit.left("a", TEN, 0.0) == 0


@given(
    asked=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 1_000)), max_size=60),
    per_second=st.integers(1, 500),
    burst=st.integers(1, 500),
)
def test_in_no_stretch_of_time_more_passes_than_the_rate_the_burst_and_one_batch(
    asked: list[tuple[float, int]], per_second: int, burst: int
) -> None:
    limit, rate, now = RateLimit(), Rate(per_second, burst), 0.0
    passed: list[tuple[float, int]] = []
    for pause, count in asked:
        now += pause
        if limit.take("RKE", count, rate, now) == 0.0:
            passed.append((now, count))
    for index, (start, _) in enumerate(passed):
        for last in range(index, len(passed)):
            before_the_last = sum(count for _, count in passed[index:last])
            assert before_the_last <= per_second * (passed[last][0] - start) + burst + 1e-6


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 1_000)), min_size=1, max_size=40), st.integers(1, 500))
def test_who_waits_as_told_gets_through(asked: list[tuple[float, int]], burst: int) -> None:
    limit, rate, now = RateLimit(), Rate(20, burst), 0.0
    for pause, count in asked:
        now += pause
        now += limit.take("RKE", count, rate, now)
        wait = limit.take("RKE", count, rate, now + 1e-6)
        assert wait == 0.0 or limit.left("RKE", rate, now) < rate.burst
