"""Disclosure control: no published number below NCL tells of 1 to 7 people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_schemas.kpis import catalogue
from pcare_schemas.kpis.areas import BOROUGHS, NCL, NCL_ONLY
from pcare_schemas.kpis.catalogue import Catalogue, Kpi
from pcare_schemas.kpis.disclosure import Published, percentage, protected, published, rounded, span, told

KPIS = catalogue.load()
MEAN = Kpi.model_validate(
    {
        "id": "pam_level",
        "component": "supported self-management",
        "title": "Mean level",
        "unit": "level",
        "personal": True,
        "rule": {"count": "mean", "of": "pam-scored", "fields": ["level"]},
        "additive": False,
        "dimensions": ["borough", "year"],
        "words": None,
    }
)
BELOW = [*BOROUGHS, NCL_ONLY]
COUNTS = st.integers(0, 40) | st.integers(0, 30_000)
below = st.sampled_from(BELOW)


def parts(denominators=COUNTS):
    return denominators.flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, 0), (1, None), (7, None), (8, 10), (12, 10), (13, 15), (17, 15), (18, 20), (1234, 1235)],
)
def test_a_count_is_kept_suppressed_or_rounded(count, shown):
    assert rounded(count) == shown
    kept = published(KPIS["sp_people"], "E09000007", count, count, None)
    assert kept == Published(shown, shown, None, suppressed=shown is None)


@given(kpi=st.sampled_from(KPIS.kpis), numbers=parts())
def test_the_whole_is_exact(kpi, numbers):
    numerator, denominator = numbers
    assert published(kpi, NCL, 1.23, numerator, denominator) == (1.23, numerator, denominator, False)


@given(area=below, numbers=parts())
def test_what_is_not_about_people_is_not_touched(area, numbers):
    kpi = KPIS["sp_link_workers"]
    assert not protected(kpi, area)
    assert published(kpi, area, numbers[0], *numbers) == (numbers[0], *numbers, False)


@given(count=COUNTS, area=below)
def test_no_small_count_is_shown_and_none_is_far_from_the_truth(count, area):
    shown = published(KPIS["pcsp_active"], area, count, count, None)
    assert shown.suppressed is (1 <= count <= 7)
    if shown.value is not None:
        assert shown.value % 5 == 0
        assert abs(shown.value - count) <= 2
        assert shown.value not in range(1, 8)


@given(one=COUNTS, other=COUNTS)
def test_a_greater_count_is_never_shown_as_less(one, other):
    low, high = rounded(min(one, other)), rounded(max(one, other))
    assert low is None or high is None or low <= high


@given(numbers=parts(), area=below)
def test_a_share_tells_no_more_than_its_rounded_parts(numbers, area):
    numerator, denominator = numbers
    value = percentage(numerator, denominator) if denominator else None
    shown = published(KPIS["choice_ers"], area, value, numerator, denominator)
    small = {numerator, denominator, denominator - numerator} & set(range(1, 8))
    assert shown.suppressed is bool(small)
    if small:
        assert (shown.value, shown.numerator) == (None, None)
    elif denominator == 0:
        assert shown == (None, 0, 0, False)
    else:
        assert (shown.numerator, shown.denominator) == (rounded(numerator), rounded(denominator))
        assert shown.value == percentage(rounded(numerator), rounded(denominator))
        assert 0 <= shown.value <= 100


@given(numbers=parts(), area=below)
def test_all_whose_rounded_parts_are_alike_are_published_alike(numbers, area):
    numerator, denominator = numbers
    near = [
        (n, d)
        for n in range(max(0, numerator - 2), numerator + 3)
        for d in range(max(n, denominator - 2), denominator + 3)
    ]
    shown = {
        published(KPIS["choice_ers"], area, percentage(n, d), n, d)
        for n, d in near
        if d and not {n, d, d - n} & set(range(1, 8))
        if (rounded(n), rounded(d)) == (rounded(numerator), rounded(denominator))
    }
    assert len(shown) <= 1


def test_a_share_of_too_few_answers_cannot_be_worked_out_from_its_parts():
    assert published(KPIS["sdm_collaborate"], "E09000003", None, 10, 20) == (None, None, 20, False)


@given(sum_of_levels=st.integers(0, 400), events=COUNTS)
def test_a_mean_is_withheld_when_it_rests_on_few(sum_of_levels, events):
    value = 2.5 if events else None
    shown = published(MEAN, "E09000003", value, sum_of_levels, events)
    assert shown.numerator is None
    assert shown.suppressed is (1 <= events <= 7)
    assert shown.value == (None if shown.suppressed else value)
    assert shown.denominator == rounded(events)


@given(numbers=parts())
def test_a_percentage_is_rounded_half_up(numbers):
    numerator, denominator = numbers
    if denominator:
        hundredths = round(percentage(numerator, denominator) * 100)
        assert hundredths * denominator * 2 - numerator * 20_000 + denominator >= 0
        assert hundredths * denominator * 2 - numerator * 20_000 <= denominator
    assert percentage(1, 8) == 12.5
    assert percentage(1, 800) == 0.13


def test_every_kpi_of_the_plan_that_counts_people_is_protected():
    unprotected = [kpi.id for kpi in Catalogue.model_validate(catalogue.load()).kpis if not protected(kpi, BELOW[0])]
    assert unprotected == [
        "choice_standards", "sp_link_workers", "sdm_situations", "sdm_priority_areas",
    ]  # fmt: skip


@given(counts=st.lists(st.integers(0, 12), min_size=6, max_size=6))
def test_a_number_is_told_exactly_where_only_one_agrees_with_what_is_published(counts):
    shown = dict(zip(BELOW, map(rounded, counts), strict=True))
    possible = {count: [other for other in range(41) if rounded(other) == count] for count in shown.values()}
    found = told(sum(counts), {area: span(count) for area, count in shown.items()})
    for area, count in shown.items():
        sums = {0}
        for other in BELOW:
            if other != area:
                sums = {one + more for one in sums for more in possible[shown[other]]}
        assert (area in found) is (sum(sum(counts) - one in possible[count] for one in sums) == 1)


def test_the_few_of_one_borough_follow_from_the_whole():
    assert told(3, {"E09000003": span(None), "E09000007": span(0)}) == {"E09000003", "E09000007"}
    assert told(2, {"E09000003": span(None), "E09000007": span(None)}) == {"E09000003", "E09000007"}
    assert told(14, {"E09000003": span(None), "E09000007": span(None)}) == {"E09000003", "E09000007"}
    assert not told(9, {"E09000003": span(None), "E09000007": span(None)})
