"""The cases that a number most easily gets wrong, each by name."""

import itertools
from datetime import UTC, datetime

import pytest
from kpi_folding import facts_of, finished
from kpi_records import Said, Taken, placed, record

from pcare_kpi_aggregator.counts import lines_of
from pcare_kpi_aggregator.finish import Finished
from pcare_kpi_aggregator.fold import Fold, summed
from pcare_kpi_aggregator.partition import PartitionState
from pcare_kpi_aggregator.rules.rule import a_mean, a_share
from pcare_kpi_aggregator.years import LONDON, instant_of
from pcare_schemas.kpis import catalogue

FOLD = Fold.of(catalogue.load())
BARNET, CAMDEN = "E09000003", "E09000007"
NUMBERS = itertools.count()


def london(*when: int, fold: int = 0) -> int:
    return instant_of(datetime(*when, tzinfo=LONDON, fold=fold))


def said(kind: str, when: int, borough: str | None = CAMDEN, **data: object) -> Said:
    return Said(kind, when, "urn:s", f"{next(NUMBERS)}", placed(borough, **data))


def talk(when: int, borough: str = CAMDEN, situation: str = "hip_pain") -> Said:
    return said("sdm-conversation", when, borough, conversation_ref=f"c{next(NUMBERS)}", situation=situation)


def value(subjects, at, kpi, area="NCL", year=2023):
    found = finished(FOLD, {f"person:{n}": one for n, one in enumerate(subjects)}, at)
    return {(row.kpi, row.area, row.year): row.value for row in found.values()}[kpi, area, year]


JUNE, JULY, AUTUMN = london(2023, 6, 1), london(2023, 7, 1), london(2023, 10, 1)


def test_three_conversations_in_one_partition_and_three_in_another_reach_five():
    told = []
    for _ in range(2):
        facts = facts_of(FOLD, {"person:1": [talk(JUNE) for _ in range(3)]}).values()
        told.append(lines_of(summed(cell for one in facts for cell in FOLD.contribution(one, JULY).items())))
    values = {(row.kpi, row.area): row.value for row in Finished(FOLD.rules, told, JULY).values()}
    assert (values["sdm_situations", "NCL"], values["sdm_situations", CAMDEN]) == (1, 1)
    alone = {(row.kpi, row.area): row.value for row in Finished(FOLD.rules, told[:1], JULY).values()}
    assert alone["sdm_situations", "NCL"] == 0


def test_one_situation_reached_in_camden_and_in_barnet_is_one_for_ncl():
    people = [[talk(JUNE, borough) for _ in range(5)] for borough in (CAMDEN, BARNET)]
    assert [value(people, JULY, "sdm_situations", area) for area in (CAMDEN, BARNET, "NCL")] == [1, 1, 1]


def test_three_in_camden_and_three_in_barnet_reach_five_in_neither_and_in_ncl():
    people = [[talk(JUNE, borough) for _ in range(3)] for borough in (CAMDEN, BARNET)]
    assert [value(people, JULY, "sdm_situations", area) for area in (CAMDEN, BARNET, "NCL")] == [0, 0, 1]


def test_situations_of_one_priority_area_reach_it_together():
    people = [[talk(JUNE, situation=one) for one in ("hip_pain", "knee_pain", "back_pain", "shoulder_pain")]] * 1
    people.append([talk(JUNE), talk(JUNE, situation="smr_frailty")])  # the last has no priority area
    assert value(people, JULY, "sdm_priority_areas") == 1
    assert value(people, JULY, "sdm_situations") == 0


def test_a_person_who_moves_borough_counts_once():
    moved = [
        said("pam-scored", JUNE, BARNET, score=50, level=2, plan_ref="p"),
        said("pam-scored", JULY, CAMDEN, score=50, level=2),
        said("sp-referral", JUNE, BARNET, referral_ref="a", reasons=["mental_health"]),
        said("sp-referral", JULY, CAMDEN, referral_ref="b", reasons=["mental_health"]),
    ]
    for kpi in ("pam_people", "sp_people", "upc_people"):
        assert [value([moved], AUTUMN, kpi, area) for area in ("NCL", CAMDEN, BARNET)] == [1, 1, 0]
    assert [value([moved], AUTUMN, "sp_referrals", area) for area in ("NCL", CAMDEN, BARNET)] == [2, 1, 1]
    assert value([moved], AUTUMN, "pam_people_with_plan", BARNET) == 1


def test_a_person_with_three_cohorts_counts_once():
    cohorts = ["adult_chc", "adult_ld", "s117"]
    one = [said("phb-issued", JUNE, budget_ref="b", cohorts=cohorts, one_off=False)]
    assert value([one], AUTUMN, "phb_people") == value([one], AUTUMN, "phb_active") == 1


CHILDREN = {"cyp_ld_autism": 23, "cyp_other": 86, "cyp_ehcp": 106, "cyp_continuing_care": 193}
ADULTS = {"adult_mh": 244, "adult_joint": 401, "adult_ld": 532, "adult_other": 715, "adult_chc": 1330}


def people_of(lines: dict[str, int], people: int) -> list[list[str]]:
    """Return the cohorts of so many people, such that each cohort has exactly as many people as its line says."""
    entries = [cohort for cohort, count in lines.items() for _ in range(count)]
    return [sorted({*entries[first::people]}) for first in range(people)]


def test_the_london_baseline_3630_cohort_lines_are_2878_people():
    cohorts = people_of(ADULTS, 2562) + people_of(CHILDREN, 316)
    lines = [cohort for one in cohorts for cohort in one]
    assert len(lines) == 3630
    assert {name: lines.count(name) for name in ADULTS | CHILDREN} == ADULTS | CHILDREN
    when = london(2018, 12, 1)
    state = PartitionState(FOLD, FOLD.decoder())
    population = {}
    for number, one in enumerate(cohorts):
        issued = [said("phb-issued", when, budget_ref="b", cohorts=one)]
        if number % 3 == 0 and len(one) > 1:  # stated again, by another budget: still the same person
            issued.append(said("phb-issued", when, budget_ref="b2", cohorts=one[:1]))
        population[f"person:{number}"] = issued
    offset = 0
    for subject, issued in population.items():
        for event in issued:
            state.apply(offset, record(subject, event), 0)
            offset += 1
    end_of_q3 = london(2019, 1, 1)
    state.settle(end_of_q3)
    rows = Finished(FOLD.rules, [state.snapshot().counts.lines()], end_of_q3).values()
    values = {row.kpi: row.value for row in rows if (row.area, row.year) == ("NCL", 2018)}
    assert values["phb_people"] == values["phb_active"] == 2562 + 316 == 2878


@pytest.mark.parametrize(
    ("when", "year"),
    [
        (datetime(2024, 3, 31, 22, 59, 59, 999999, tzinfo=UTC), 2023),
        (datetime(2024, 3, 31, 23, tzinfo=UTC), 2024),  # midnight in London: the clocks went forward that morning
        (datetime(2024, 4, 1, tzinfo=UTC), 2024),
    ],
)
def test_the_hours_between_31_march_and_1_april_belong_to_london(when, year):
    one = [said("sp-referral", instant_of(when), referral_ref="a", reasons=["mental_health"])]
    at = london(2024, 5, 1)
    assert [value([one], at, "sp_referrals", year=y) for y in range(year, 2025)] == [1, 0][: 2025 - year]


def test_a_plan_agreed_on_the_leap_day_lapses_on_the_28th():
    plan = [said("care-plan-agreed", london(2024, 2, 29, 9), plan_ref="p")]
    lapse = london(2025, 2, 28, 9)
    assert [value([plan], at, "pcsp_active", year=2024) for at in (lapse, lapse + 1)] == [1, 0]


def test_a_plan_that_lapses_in_the_hour_that_comes_twice_lapses_with_its_second_coming():
    plan = [said("care-plan-agreed", london(2022, 10, 29, 1, 30), plan_ref="p")]
    second = london(2023, 10, 29, 1, 30, fold=1)
    assert second == instant_of(datetime(2023, 10, 29, 1, 30, tzinfo=UTC))
    assert [value([plan], at, "pcsp_active") for at in (second, second + 1)] == [1, 0]


def test_a_closed_year_turns_without_a_look_at_anyone():
    state = PartitionState(FOLD, FOLD.decoder())
    state.apply(0, record("person:1", said("care-plan-agreed", london(2023, 11, 5), plan_ref="p")), 0)
    budget = said("phb-issued", london(2023, 11, 5), budget_ref="b", cohorts=["adult_ld"])
    state.apply(1, record("person:1", budget), 0)
    state.settle(london(2024, 3, 31))
    assert state.next_due == london(2024, 11, 5) + 1  # the lapse: not the turn of the year, nor of any month
    turned = london(2024, 4, 1) + 1
    state.settle(turned)
    rows = Finished(FOLD.rules, [state.snapshot().counts.lines()], turned).values()
    values = {(row.kpi, row.year): row.value for row in rows if row.area == "NCL"}
    for kpi in ("pcsp_active", "phb_people", "phb_active", "phb_with_plan"):
        assert [values[kpi, year] for year in (2023, 2024)] == ([100, 100] if kpi == "phb_with_plan" else [1, 1])
    assert [values["upc_people", year] for year in (2023, 2024)] == [1, 0]


def test_a_budget_that_starts_in_the_future_counts_from_then_on():
    budget = [said("phb-issued", JUNE, budget_ref="b", cohorts=["adult_ld"], starts="2023-07-01")]
    for kpi in ("phb_people", "phb_active"):
        assert [value([budget], at, kpi) for at in (JULY, JULY + 1)] == [0, 1]


def test_a_link_worker_is_in_post_until_whoever_says_that_they_left():
    joined = Said("link-worker-joined", JUNE, "urn:employer", "1", {"pcn": "U12345", "borough": CAMDEN})
    left = Said("link-worker-left", JULY, "urn:network", "2", {"pcn": "U12345"})
    other = Said("link-worker-joined", JULY, "urn:employer", "3", {"pcn": "U54321"})
    found = [
        {row.area: row.value for row in finished(FOLD, {"link-worker:1": events}, AUTUMN).values() if row.kpi == kpi}
        for kpi, events in (("sp_link_workers", [joined]), ("sp_link_workers", [joined, left, other]))
    ]
    assert (found[0]["NCL"], found[0][CAMDEN]) == (1, 1)
    assert (found[1]["NCL"], found[1][CAMDEN], found[1]["NCL only"]) == (1, 0, 1)


def test_a_commissioners_latest_assessment_counts_and_one_taken_back_does_not():
    def assessed(when: int, met: list[int], number: str) -> Said:
        return Said("choice-standards-assessed", when, "urn:s", number, {"standards_met": met})

    events = [assessed(JUNE, [1, 2, 3], "1"), assessed(JULY, [1, 2, 3, 4, 5, 6, 7, 8], "2")]
    commissioners = {"commissioner:a": events, "commissioner:b": [assessed(JUNE, [], "3")]}

    def standards() -> dict[str, float | None]:
        found = finished(FOLD, commissioners, AUTUMN).values()
        return {row.area: row.value for row in found if row.kpi == "choice_standards"}

    assert (standards()["NCL"], standards()["NCL only"], standards()[CAMDEN]) == (44.44, 44.44, None)
    events.append(Taken("urn:s", "2"))
    assert standards()["NCL"] == 16.67


def test_too_few_answers_give_no_number_but_say_how_many_there_are():
    def answers(count: int) -> dict[str, list[Said]]:
        scores = {"team": "t", "understand": 9, "listen": 9, "include": 9}
        return {"team:t": [said("collaborate-scored", JUNE, CAMDEN, **scores) for _ in range(count)]}

    for count, top, mean in ((24, None, None), (25, 100, 9)):
        found = {row.kpi: row for row in finished(FOLD, answers(count), JULY).values() if row.area == CAMDEN}
        assert (found["sdm_collaborate"].value, found["sdm_collaborate_mean"].value) == (top, mean)
        assert (found["sdm_collaborate"].denominator, found["sdm_collaborate_mean"].numerator) == (count, 27 * count)


def test_shares_are_rounded_half_up_from_whole_numbers():
    assert a_share(1, 800).value == 0.13  # 0.125 %, which no float must round down
    assert a_share(201, 20_000).value == 1.01
    assert a_mean(1, 8, enough=True).value == 0.13
    assert a_share(0, 0) == (None, 0, 0)
    assert a_share(2, 3).value == 66.67


DECLINED = catalogue.Catalogue.model_validate(
    {
        "kpis": [
            {
                "id": name,
                "component": "social prescribing",
                "title": name,
                "unit": "referrals",
                "personal": True,
                "rule": {"count": name, "of": "sp-declined"},
                "additive": True,
                "dimensions": ["borough", "year"],
                "words": None,
            }
            for name in ("episodes", "events", "people_in_year")
        ]
    }
)


def test_an_event_that_may_go_without_a_reference_is_an_event_then_and_no_episode():
    fold = Fold.of(DECLINED)
    of_no_referral, of_one = said("sp-declined", JUNE), said("sp-declined", JUNE, referral_ref="r")
    people = {"person:1": [of_no_referral], "person:2": [of_one], "person:3": [of_one, of_no_referral]}
    values = {(row.kpi, row.area): row.value for row in finished(fold, people, JULY).values()}
    assert {kpi: values[kpi, "NCL"] for kpi in ("episodes", "events", "people_in_year")} == {
        "episodes": 2,
        "events": 4,
        "people_in_year": 2,
    }
