"""The whole from its parts: the same answer whoever said what in which order, and none where a part is missing."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_records import pam, record

from pcare_common.clock import FixedClock
from pcare_kpi_aggregator import partials
from pcare_kpi_aggregator.counts import Told, cells_of, lines_of
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.partials import Partial
from pcare_kpi_aggregator.partition import PartitionState, Snapshot
from pcare_kpi_aggregator.whole import Whole
from pcare_kpi_aggregator.years import DAY, end_of, first_month, last_month, moment_of, start_of
from pcare_schemas.kpis import catalogue
from pcare_schemas.kpis.areas import BOROUGHS

CATALOGUE = catalogue.load()
VERSION = CATALOGUE.version
FOLD = Fold.of(CATALOGUE)
AT = start_of(2024) + 10**12
CLOCK = FixedClock(moment_of(AT + 10**10))


def partial(partition=0, *, applied_through=9, at=AT, counts=None, started=1000, owner="a", version=VERSION) -> Partial:
    """Return a partial; counts are given by part, borough and year, and fall into that year's August."""
    cells = {(part, borough, first_month(year) + 4): count for (part, borough, year), count in (counts or {}).items()}
    return Partial(version, partition, owner, Snapshot(started, applied_through, at, Told(lines_of(cells))))


def whole(*offers: Partial, partitions=(0,), ends=None) -> Whole:
    made = Whole(FOLD, VERSION, CLOCK, partitions)
    made.read_from_the_start = True
    for offer in offers:
        made.offer(offer)
    made.log_ends(ends or dict.fromkeys(partitions, 100), asked_after=made.offers)
    return made


def value(answered, kpi, area="NCL", year=2024):
    return {(row.kpi, row.area, row.year): row.value for row in answered.values}[kpi, area, year]


def test_a_partial_survives_the_topic():
    one = partial(counts={("sdm_situations/hip_pain", "E09000007", 2023): 3, ("phb_people/carried", "", 2022): -1})
    assert partials.decode(partials.encode(one)) == one
    written = Partial(VERSION, 0, "a", Snapshot(1, 2, AT, Told({}), 3))
    assert partials.decode(partials.encode(written)).snapshot.log_written == 3
    empty = partial(applied_through=-1, started=None)
    assert partials.decode(partials.encode(empty)) == empty


def test_twelve_years_of_everything_stay_far_below_what_a_record_may_hold():
    parts = [f"kpi_{number}/part" for number in range(60)]
    months = range(first_month(2015), last_month(2026) + 1)
    cells = {
        (part, borough, month): month % 97 + 1 for part in parts for borough in ("", *BOROUGHS) for month in months
    }
    encoded = partials.encode(Partial(VERSION, 0, "a", Snapshot(1, 2, AT, Told(lines_of(cells)))))
    assert len(encoded) < 200_000
    assert cells_of(partials.decode(encoded).snapshot.counts.lines()) == cells


@pytest.mark.parametrize("value", [b"{}", b"[]", b"nonsense", b'{"format":99}', b'{"format":2,"catalogue":"x"}'])
def test_what_is_no_partial_is_refused(value):
    with pytest.raises((ValueError, KeyError, TypeError)):
        partials.decode(value)


@given(st.permutations([
    partial(at=AT), partial(at=AT + 5), partial(applied_through=12, at=AT - 7, owner="b"),
    partial(applied_through=99, started=500), partial(applied_through=50, version="another"),
]))  # fmt: skip
@settings(deadline=None)
def test_the_one_furthest_on_counts_whatever_the_order(offers):
    best = whole(*offers).best[0].snapshot
    assert (best.log_started, best.applied_through, best.at) == (1000, 12, AT - 7)


def test_part_of_a_sum_is_no_number():
    answered = whole(partial(0), partitions=(0, 1)).answer()
    assert (answered.complete, answered.values) == (False, [])
    assert answered.oldest == AT


def test_nothing_is_complete_before_the_topic_was_read_and_the_ends_are_known():
    made = Whole(FOLD, VERSION, CLOCK, (0,))
    made.offer(partial())
    assert not made.complete
    made.read_from_the_start = True
    assert not made.complete
    made.log_ends({0: 100}, asked_after=made.offers)
    assert made.complete


def test_no_partitions_is_not_the_whole():
    made = Whole(FOLD, VERSION, CLOCK)
    made.read_from_the_start = True
    made.log_ends({}, asked_after=0)
    assert not made.complete


def test_a_partial_beyond_the_logs_end_belongs_to_a_topic_that_is_no_more():
    made = whole(partial(applied_through=120), ends={0: 100})
    assert made.missing == [0]
    made.offer(partial(applied_through=40))
    assert made.best[0].snapshot.applied_through == 40


def test_a_partial_that_came_while_the_ends_were_asked_for_is_not_judged_by_them():
    made = whole(partial(applied_through=50))
    asked_after = made.offers
    made.offer(partial(applied_through=130))
    made.log_ends({0: 100}, asked_after=asked_after)
    assert made.best[0].snapshot.applied_through == 130


def test_counts_of_a_clock_that_runs_ahead_are_not_taken():
    ahead = 10**10 + 61 * 10**6
    made = whole(partial(at=AT + ahead), partial(at=AT))
    assert made.best[0].snapshot.at == AT
    made.offer(partial(at=AT + ahead - 2 * 10**6))
    assert made.best[0].snapshot.at > AT


def test_an_empty_partition_is_known_too():
    made = whole(partial(applied_through=-1, started=None), ends={0: 0})
    assert made.complete
    assert made.lag(0) == 0


def test_lag():
    made = whole(partial(applied_through=90), partitions=(0, 1), ends={0: 100, 1: 7})
    assert (made.lag(0), made.lag(1), made.lag(5)) == (9, 7, None)


def test_a_lag_is_not_known_for_long_after_the_ends_were_asked_for(monkeypatch):
    clock = FixedClock(CLOCK.now())
    monkeypatch.setitem(globals(), "CLOCK", clock)
    made = whole(partial(applied_through=90))
    clock.advance(timedelta(seconds=5.1))
    assert made.lag(0) is None
    assert made.complete  # the numbers stand; how far behind they are is not known


def test_situations_are_reached_across_partitions_and_boroughs_but_counted_once():
    hip, copd = "sdm_situations/hip_pain", "sdm_situations/copd"
    made = whole(
        partial(0, counts={(hip, "E09000007", 2024): 3, (copd, "E09000003", 2024): 5}),
        partial(1, counts={(hip, "E09000010", 2024): 2, (copd, "E09000007", 2024): 6}),
        partitions=(0, 1),
    )
    answered = made.answer()
    assert value(answered, "sdm_situations") == 2
    assert value(answered, "sdm_situations", "E09000007") == 1  # copd; hip pain has three there
    assert value(answered, "sdm_situations", "E09000003") == 1
    assert value(answered, "sdm_situations", "E09000010") == 0


def test_standing_numbers_add_up_the_changes_of_all_years():
    camden, barnet = "E09000007", "E09000003"
    made = whole(partial(counts={
        ("pam_people", camden, 2020): 7, ("pam_people", camden, 2023): -2, ("pam_people", barnet, 2023): 2,
        ("phb_people/carried", camden, 2021): 4, ("phb_people/carried", camden, 2023): -1,
        ("phb_people/change", camden, 2024): 2,
    }))  # fmt: skip
    answered = made.answer()
    assert [value(answered, "pam_people", camden, year) for year in (2020, 2021, 2023, 2024)] == [7, 7, 5, 5]
    assert value(answered, "pam_people", "NCL", 2024) == 7
    assert [value(answered, "phb_people", camden, year) for year in (2020, 2022, 2023, 2024)] == [0, 4, 4, 5]


def test_a_new_year_is_shown_when_every_partition_has_come_to_it():
    def years_shown(first: int, second: int) -> set[int]:
        answered = whole(partial(0, at=first), partial(1, at=second), partitions=(0, 1)).answer()
        return {row.year for row in answered.values}

    turn = end_of(2023)
    assert years_shown(turn, turn + 1) == {2023}
    assert years_shown(turn + 1, turn + 9) == {2024}


def test_who_has_no_borough_counts_for_ncl_alone():
    answered = whole(partial(counts={("pam_people", "", 2024): 2, ("pam_people", "E09000007", 2024): 1})).answer()
    assert value(answered, "pam_people") == 3
    assert value(answered, "pam_people", "NCL only") == 2
    without = whole(partial(counts={("pam_people", "E09000007", 2024): 1})).answer()
    assert "NCL only" not in {row.area for row in without.values}


def test_an_answer_is_made_once_until_something_is_offered():
    made = whole(partial(counts={("pam_people", "", 2024): 2}))
    answered = made.answer()
    assert made.answer() is answered
    made.offer(partial(applied_through=3))  # not further on
    assert made.answer() is answered
    made.offer(partial(applied_through=10, counts={("pam_people", "", 2024): 3}))
    assert value(made.answer(), "pam_people") == 3


def test_shares_and_means_of_ncl_are_not_sums():
    camden, barnet = "E09000007", "E09000003"
    offered, exercised = "choice_ers/of", "choice_ers/which"
    total, events = "sdm_collaborate_mean/total", "sdm_collaborate_mean/events"
    answered = whole(
        partial(0, counts={(offered, camden, 2024): 3, (exercised, camden, 2024): 1, (total, camden, 2024): 700}),
        partial(1, counts={(offered, barnet, 2024): 5, (exercised, barnet, 2024): 5, (events, camden, 2024): 30}),
        partitions=(0, 1),
    ).answer()
    assert value(answered, "choice_ers", camden) == 33.33
    assert value(answered, "choice_ers", barnet) == 100
    assert value(answered, "choice_ers") == 75
    assert value(answered, "choice_ers", "E09000010") is None
    assert value(answered, "sdm_collaborate_mean") == 7.78


def test_the_course_of_a_year_runs_from_its_opening_to_the_instant_counted_at():
    counts = {("pam_people", "", 2023): 4, ("pam_people", "", 2024): 1, ("sp_referrals", "", 2023): 7}
    later = partial(at=start_of(2024) + 40 * DAY, counts=counts)
    made = Whole(FOLD, VERSION, FixedClock(moment_of(later.snapshot.at)), (0,))
    assert made.answer().course("pam_people", "NCL", 2024) == []
    made.read_from_the_start = True
    made.offer(later)
    made.log_ends({0: 100}, asked_after=made.offers)
    answered = made.answer()
    running = answered.course("pam_people", "NCL", 2024)
    assert [(point.instant, point.value) for point in running] == [
        (start_of(2024), 4), (start_of(2024) + 30 * DAY, 4), (later.snapshot.at, 5)
    ]  # fmt: skip
    closed = answered.course("sp_referrals", "NCL", 2023)
    assert [point.value for point in closed] == [0, 0, 0, 0, 0, *[7] * 8]
    assert closed[-1].instant == end_of(2023)
    assert answered.course("sp_referrals", "NCL", 2025) == []


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_a_worker_that_wakes_after_a_long_stop_makes_no_wrong_total(data):
    """Whatever an older state of a worker says, before or after the one that took over, the answer is the log's."""
    said = [record(f"person:{number}", pam(AT - 5 * 10**9 + number * 10**9, str(number))) for number in range(6)]
    decoder = FOLD.decoder()
    offers, whole_log = [], []
    for partition in (0, 1):
        for length in sorted({*data.draw(st.lists(st.integers(0, 5), max_size=2)), 6}):
            state = PartitionState(FOLD, decoder)
            for offset, event in enumerate(said[:length]):
                state.apply(offset, event, 1000)
            state.settle(AT if length == 6 else AT - data.draw(st.integers(0, 10**12)))
            offers.append(Partial(VERSION, partition, f"worker {length}", state.snapshot()))
        whole_log.append(offers[-1])
    made = whole(*data.draw(st.permutations(offers)), partitions=(0, 1), ends={0: 6, 1: 6})
    assert made.answer().values == whole(*whole_log, partitions=(0, 1), ends={0: 6, 1: 6}).answer().values
    assert value(made.answer(), "pam_people") == 2 * 5  # the sixth event of each is of this very moment


def test_a_borough_that_is_none_of_ncls_makes_no_area_of_its_own():
    answered = whole(partial(counts={("pam_people", "E09000033", 2024): 2})).answer()
    assert {row.area for row in answered.values} == {"NCL", "NCL only", *BOROUGHS}
    assert value(answered, "pam_people", "NCL only") == 2
