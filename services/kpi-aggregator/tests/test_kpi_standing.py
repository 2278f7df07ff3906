"""Where a KPI stands: the trajectory, the gap, the forecast, and what is said about them."""

from types import SimpleNamespace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_kpi_aggregator import wording
from pcare_kpi_aggregator.standing import TOO_EARLY, line_of, standing_of
from pcare_kpi_aggregator.years import DAY, SECOND, end_of, start_of
from pcare_schemas import code_lists

YEAR = 2026
START, END = start_of(YEAR), end_of(YEAR)
HALFWAY = (START + END) // 2


class Point(NamedTuple):
    instant: int
    value: float | None
    numerator: int = 0
    denominator: int | None = None


def kpi(kind="count", course="year", **rule):
    return SimpleNamespace(kind_of_value=kind, course=course, rule=SimpleNamespace(**{"count": "episodes", **rule}))


PEOPLE = kpi()
ACTIVE = kpi(course="standing")
SHARE = kpi("share", "level")
MEAN = kpi("mean", "level")


def stand(measure, value, target, *, at=HALFWAY, opening=0, previous=None, denominator=None):
    course = [Point(START, opening), Point(min(at, END), value, denominator=denominator)]
    return standing_of(measure, YEAR, target, previous, course, at=at)


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (
            stand(PEOPLE, 10_378, 23_163),
            "1,204 short of the trajectory; at the present rate 20,800 by 31 March",
        ),
        (stand(PEOPLE, 600, 1_000), "100 ahead of the trajectory; at the present rate 1,200 by 31 March"),
        (stand(PEOPLE, 500, 1_000), "on the trajectory; at the present rate 1,000 by 31 March"),
        (
            stand(PEOPLE, 30, 1_000, at=START + 10 * DAY),
            "3 ahead of the trajectory; too early to say where the year will end",
        ),
        (stand(PEOPLE, 500, None), "no target is set; at the present rate 1,000 by 31 March"),
        (stand(PEOPLE, 5, None, at=START + DAY), "no target is set; too early to say where the year will end"),
        (stand(PEOPLE, 21_163, 23_163, at=END), "2,000 short of the target"),
        (stand(PEOPLE, 23_164, 23_163, at=END + 900 * DAY), "1 over the target"),
        (stand(PEOPLE, 23_163, 23_163, at=END), "exactly the target"),
        (stand(PEOPLE, 7, None, at=END), "no target is set"),
        (stand(SHARE, 87.5, 100), "12.5 percentage points short of the target"),
        (stand(SHARE, 82.35, 100), "17.6 percentage points short of the target"),  # 82.4% is shown beside it
        (stand(SHARE, 99.97, 100, at=END), "0.03 percentage points short of the target"),
        (stand(SHARE, 51.0, 50), "1 percentage point over the target"),
        (stand(SHARE, 100.0, 100), "on the target"),
        (stand(SHARE, 33.33, None), "no target is set"),
        (stand(MEAN, 7.6, 8), "0.4 short of the target"),
        (stand(SHARE, None, 100, denominator=0), "no number yet: nothing is recorded to work it out from"),
        (stand(kpi("share", "level", at_least=25), None, None, denominator=24), "no number yet: fewer than 25 answers"),
        (stand(kpi("mean", "level", at_least=25), None, 8, denominator=9, at=END), "no number: fewer than 25 answers"),
    ],
)  # fmt: skip
def test_what_is_said(standing, words):
    assert standing.words == words


def test_a_year_that_counts_up_starts_from_what_it_opened_with():
    assert stand(PEOPLE, 0, 1_000).trajectory == 500
    carried_in = stand(PEOPLE, 700, 1_000, opening=400)
    assert (carried_in.trajectory, carried_in.gap, carried_in.forecast) == (700, 0, 1_000)


def test_what_stands_goes_from_the_last_year_s_target_to_this_one_s():
    assert stand(ACTIVE, 1_450, 2_000, previous=1_000, opening=900).trajectory == 1_500
    assert stand(ACTIVE, 1_450, 2_000, opening=900).trajectory == 1_450
    falling = stand(ACTIVE, 100, 2_000, opening=900)
    assert falling.forecast == 0


def test_a_level_has_its_target_all_year_and_no_forecast():
    standing = stand(SHARE, 80.0, 90, at=START + DAY, opening=None)
    assert (standing.trajectory, standing.gap, standing.forecast) == (90, -10, None)


def test_no_more_situations_can_be_reached_than_there_are():
    reached = kpi(count="reached", by="situation")
    there_are = len(code_lists.built_in()["situations"].codes)
    assert stand(reached, 2, 30).forecast == 4
    assert stand(reached, there_are - 1, 30).forecast == there_are
    assert stand(kpi(count="reached", by="priority_area"), 4, 5).forecast == 5


def test_the_forecast_begins_after_a_fortnight():
    assert stand(PEOPLE, 10, 100, at=START + TOO_EARLY - 1).forecast is None
    assert stand(PEOPLE, 10, 100, at=START + TOO_EARLY).forecast == pytest.approx(10 * 365 / 14, abs=0.01)
    assert stand(PEOPLE, 10, 100, at=END).forecast is None


counts = st.integers(0, 10**7)
instants = st.integers(START + 1, END + 800 * DAY)


stories = st.tuples(counts, counts, st.none() | counts, counts)


@given(st.sampled_from([PEOPLE, ACTIVE]), stories, instants)
def test_the_numbers_agree_with_each_other_and_with_the_words(measure, story, at):
    value, target, previous, opening = story
    standing = stand(measure, value, target, at=at, previous=previous, opening=opening)
    assert standing.gap == pytest.approx(value - standing.trajectory)
    begins = previous if previous is not None and measure is ACTIVE else opening
    assert min(begins, target) - 0.01 <= standing.trajectory <= max(begins, target) + 0.01
    assert (standing.forecast is None) == (at >= END or at < START + TOO_EARLY)
    assert standing.forecast is None or standing.forecast >= 0
    side = {"short": "short of", "on": "on the" if at < END else "exactly", "ahead": "ahead of" if at < END else "over"}
    assert side[standing.against] in standing.words
    shown = int(standing.words.split()[0].replace(",", "")) if standing.against != "on" else 0
    assert shown == abs(wording.whole(value) - wording.whole(standing.trajectory))


@given(counts, counts, st.integers(START, END - SECOND), st.integers(0, 30 * DAY))
def test_the_line_leads_straight_to_the_target(opening, target, instant, later):
    line = line_of(PEOPLE, YEAR, target, None, opening)
    assert line.at(START - DAY) == line.at(START) == opening
    assert line.at(END) == line.at(END + DAY) == pytest.approx(target)
    between = line.at(instant + later) - line.at(instant)
    assert between * (target - opening) >= 0


@given(counts, st.integers(START + TOO_EARLY, END - 1))
def test_who_keeps_to_the_line_is_foretold_the_target(target, at):
    line = line_of(PEOPLE, YEAR, target, None, 0)
    assert stand(PEOPLE, line.at(at), target, at=at).forecast == pytest.approx(target, abs=0.02)


@pytest.mark.parametrize(
    ("value", "words"),
    [(26_913, "26,900"), (26_950, "27,000"), (847.4, "847"), (999.5, "1,000"), (0, "0"), (123_456, "123,000")],
)
def test_a_forecast_has_no_more_digits_than_it_deserves(value, words):
    assert wording.about(value) == words


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("count", 1_204, "1,204"), ("count", None, "\N{EN DASH}"), ("share", 87.45, "87.5%"), ("share", 100.0, "100%"),
        ("share", 99.97, "99.97%"), ("share", 0.03, "0.03%"), ("share", 0.0, "0%"), ("share", 50.0, "50.0%"),
        ("mean", 7.4, "7.40"),
    ],
)  # fmt: skip
def test_numbers_as_people_read_them(kind, value, words):
    assert wording.number(kind, value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"), (1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (125, "2 minutes"),
        (3_700, "61 minutes"), (7_200, "2 hours"), (200_000, "2 days"), (-3, "0 seconds"),
    ],
)  # fmt: skip
def test_how_long_in_words(seconds, words):
    assert wording.duration(seconds * SECOND) == words


def test_moments_are_london_s():
    assert wording.moment(start_of(2026)) == "00:00:00 on 1 April 2026"
