"""A small story a rule, its numbers worked out by hand."""

from datetime import timedelta
from typing import Any

import pytest
from audit_lines import BARNET, CAMDEN, ENFIELD, line, london, numbers, one_kpi, shares

from pcare_schemas.log import LogLine

MICROSECOND = timedelta(microseconds=1)


def referral(time: str, ref: str = "r", borough: str = CAMDEN, **more: Any) -> LogLine:
    return line("sp-referral", time, borough=borough, referral_ref=ref, **more)


def agreed(time: str, ref: str = "p", borough: str = CAMDEN, **more: Any) -> LogLine:
    return line("care-plan-agreed", time, borough=borough, plan_ref=ref, **more)


def reviewed(time: str, ref: str = "p", borough: str = CAMDEN, **more: Any) -> LogLine:
    return line("care-plan-reviewed", time, borough=borough, plan_ref=ref, **more)


def ended(time: str, ref: str = "p", borough: str = CAMDEN, **more: Any) -> LogLine:
    return line("care-plan-ended", time, borough=borough, plan_ref=ref, **more)


def budget(time: str, ref: str = "b", borough: str = CAMDEN, **more: Any) -> LogLine:
    return line("phb-issued", time, borough=borough, budget_ref=ref, **more)


def budget_ended(time: str, ref: str = "b", **more: Any) -> LogLine:
    return line("phb-ended", time, borough=CAMDEN, budget_ref=ref, **more)


def talk(time: str, ref: str, situation: str = "knee_pain", borough: str = CAMDEN, **more: Any) -> LogLine:
    return line("sdm-conversation", time, borough=borough, conversation_ref=ref, situation=situation, **more)


def test_an_episode_has_the_date_and_place_of_its_earliest_event() -> None:
    lines = [referral("2023-05-01", borough=BARNET), referral("2023-03-01"), referral("2023-06-01", source="urn:b")]
    assert numbers("sp_referrals", lines) == {
        (CAMDEN, "2022/23"): 1,
        ("NCL", "2022/23"): 1,
        (CAMDEN, "2023/24"): 1,
        ("NCL", "2023/24"): 1,
    }


def test_a_reference_is_of_whoever_gave_it() -> None:
    lines = [referral("2023-05-01"), referral("2023-06-01", source="urn:b", ref_source="urn:a")]
    assert numbers("sp_referrals", lines) == {(CAMDEN, "2023/24"): 1, ("NCL", "2023/24"): 1}


def test_a_person_counts_once_a_year_where_the_latest_episode_began() -> None:
    lines = [referral("2023-05-01", "r-1"), referral("2023-06-01", "r-2", BARNET), referral("2024-01-01", "r-1")]
    assert numbers("sp_people", lines) == {(BARNET, "2023/24"): 1, ("NCL", "2023/24"): 1}


def test_ever_goes_on_and_moves_with_the_person() -> None:
    at = london("2025-06-01")
    lines = [line("pam-scored", "2022-05-01", borough=CAMDEN), line("pam-scored", "2024-05-01", borough=BARNET)]
    found = numbers("pam_people", lines, at)
    assert {key: n for key, n in found.items() if key[0] != "NCL"} == {
        (CAMDEN, "2022/23"): 1,
        (CAMDEN, "2023/24"): 1,
        (BARNET, "2024/25"): 1,
        (BARNET, "2025/26"): 1,
    }
    assert [found["NCL", year] for year in ("2022/23", "2023/24", "2024/25", "2025/26")] == [1, 1, 1, 1]


def test_a_fact_that_does_not_pass_is_as_if_it_were_not_there() -> None:
    lines = [
        line("pam-scored", "2024-05-01", borough=CAMDEN, plan_ref="p"),
        line("pam-scored", "2024-06-01", borough=BARNET),
    ]
    at = london("2024-12-01")
    assert (CAMDEN, "2024/25") in numbers("pam_people_with_plan", lines, at)
    assert (BARNET, "2024/25") in numbers("pam_people", lines, at)


def test_reached_is_any_of_the_kinds_by_event_not_by_episode() -> None:
    lines = [referral("2023-05-01"), referral("2024-05-01", borough=BARNET), ended("2025-05-01")]
    assert numbers("upc_people", lines) == {
        (CAMDEN, "2023/24"): 1,
        ("NCL", "2023/24"): 1,
        (BARNET, "2024/25"): 1,
        ("NCL", "2024/25"): 1,
    }


@pytest.mark.parametrize(
    ("lines", "in_place"),
    [
        ([agreed("2023-06-01")], True),
        ([agreed("2023-06-01"), ended("2023-07-01")], False),
        ([ended("2023-05-01"), agreed("2023-06-01")], True),
        ([agreed("2023-06-01"), ended("2023-06-01")], False),
        ([agreed("2023-06-01"), ended("2023-07-01"), agreed("2023-08-01")], True),
        ([agreed("2023-06-01"), ended("2023-07-01"), reviewed("2023-08-01")], False),
        ([agreed("2022-02-01"), reviewed("2023-06-01")], True),
        ([agreed("2022-02-01")], False),
        ([reviewed("2023-06-01")], False),
        ([agreed("2023-06-01"), ended("2023-07-01", "other")], True),
        ([agreed("2023-06-01"), ended("2023-07-01", source="urn:b")], True),
        ([agreed("2023-06-01"), ended("2023-07-01", source="urn:b", ref_source="urn:a")], False),
        ([agreed("2023-06-01"), ended("2023-07-01", subject="person:2")], True),
        ([agreed("2022-06-01"), reviewed("2023-06-01"), ended("2023-06-01")], False),
    ],
)
def test_plans_at_the_end_of_2023(lines: list[LogLine], in_place: bool) -> None:
    assert numbers("pcsp_active", lines, london("2024-04-01")).get(("NCL", "2023/24"), 0) == int(in_place)


def test_a_plan_lapses_after_its_last_instant() -> None:
    lines = [agreed("2023-05-01T10:00")]
    lapse = london("2024-05-01T10:00")
    assert numbers("pcsp_active", lines, lapse)["NCL", "2024/25"] == 1
    assert ("NCL", "2024/25") not in numbers("pcsp_active", lines, lapse + MICROSECOND)
    opened = london("2023-05-01T10:00")
    assert numbers("pcsp_active", lines, opened) == {}
    assert numbers("pcsp_active", lines, opened + MICROSECOND) == {(CAMDEN, "2023/24"): 1, ("NCL", "2023/24"): 1}


def test_the_latest_fact_that_keeps_a_plan_in_place_gives_the_borough() -> None:
    lines = [
        agreed("2023-05-01", "p-1"),
        reviewed("2023-07-01", "p-1", BARNET),
        agreed("2023-09-01", "p-2", ENFIELD),
        ended("2023-10-01", "p-2", ENFIELD),
    ]
    assert numbers("pcsp_active", lines, london("2023-09-15")) == {(ENFIELD, "2023/24"): 1, ("NCL", "2023/24"): 1}
    assert numbers("pcsp_active", lines, london("2023-11-01")) == {(BARNET, "2023/24"): 1, ("NCL", "2023/24"): 1}


def test_budgets_count_in_every_year_in_which_they_ran() -> None:
    lines = [budget("2022-06-01"), budget_ended("2024-04-01")]
    assert numbers("phb_people", lines) == {
        (area, year): 1 for area in (CAMDEN, "NCL") for year in ("2022/23", "2023/24")
    }
    assert numbers("phb_active", lines) == numbers("phb_people", lines)


def test_a_budget_counts_once_its_event_has_happened_and_it_has_started() -> None:
    later = [budget("2024-03-01", starts="2024-04-01")]
    assert numbers("phb_people", later, london("2024-04-01")) == {}
    assert ("NCL", "2024/25") in numbers("phb_people", later, london("2024-04-01") + MICROSECOND)
    earlier = [budget("2024-04-02", starts="2024-03-01")]
    assert set(numbers("phb_people", earlier, london("2024-05-01"))) == {(CAMDEN, "2024/25"), ("NCL", "2024/25")}


def test_a_single_payment_ends_with_its_day() -> None:
    lines = [budget("2024-03-31T09:00", one_off=True)]
    assert set(numbers("phb_people", lines)) == {(CAMDEN, "2023/24"), ("NCL", "2023/24")}
    assert numbers("phb_active", lines) == {
        (CAMDEN, "2023/24"): 1,
        ("NCL", "2023/24"): 1,
    }  # in place to the last instant
    issued_late = [budget("2024-06-02T09:00", one_off=True, starts="2024-06-01")]
    assert ("NCL", "2024/25") in numbers("phb_people", issued_late)
    assert numbers("phb_active", issued_late) == {}


def test_a_post_is_known_by_its_network_whoever_tells() -> None:
    joined = line("link-worker-joined", "2022-05-01", "link-worker:RKE:a", pcn="U1", borough=CAMDEN)
    second = line("link-worker-joined", "2022-06-01", "link-worker:RKE:a", pcn="U2")
    left = line("link-worker-left", "2023-06-01", "link-worker:RKE:a", source="urn:b", pcn="U2")
    found = numbers("sp_link_workers", [joined, second, left], london("2024-04-01"))
    assert found == {("NCL only", "2022/23"): 1, ("NCL", "2022/23"): 1, (CAMDEN, "2023/24"): 1, ("NCL", "2023/24"): 1}


def test_three_here_and_three_there_embed_a_situation_in_ncl_alone() -> None:
    lines = [talk("2023-05-01", f"c-{n}", borough=(CAMDEN, BARNET)[n % 2]) for n in range(6)]
    assert numbers("sdm_situations", lines) == {("NCL", "2023/24"): 1}
    assert numbers("sdm_priority_areas", lines) == {("NCL", "2023/24"): 1}
    lines += [talk("2023-06-01", f"d-{borough}-{n}", borough=borough) for n in range(4) for borough in (CAMDEN, BARNET)]
    lines += [talk("2023-06-01", f"e-{n}", "smr_frailty") for n in range(5)]
    assert numbers("sdm_situations", lines) == {(CAMDEN, "2023/24"): 2, (BARNET, "2023/24"): 1, ("NCL", "2023/24"): 2}
    assert numbers("sdm_priority_areas", lines)["NCL", "2023/24"] == 1


def test_a_share_is_of_the_episodes_that_pass() -> None:
    def choice(ref: str, *, elective: bool = True, ers: bool = True, chosen: bool = True, time: str = "2023-05-01"):
        data = {"borough": CAMDEN, "referral_ref": ref, "elective": elective}
        return line("choice-offered", time, **data, via_ers=ers, choice_exercised=chosen)

    lines = [choice("1"), choice("2", ers=False), choice("3", chosen=False), choice("4", elective=False)]
    lines += [choice("2", time="2023-06-01"), choice("4", time="2023-06-01")]  # the earliest event decides
    assert shares("choice_ers", lines) == {(area, "2023/24"): ("33.33", 1, 3) for area in (CAMDEN, "NCL")}


def test_standards_are_those_of_the_latest_assessment_of_the_year() -> None:
    def assessed(time: str, *met: int, subject: str = "commissioner:93C") -> LogLine:
        return line("choice-standards-assessed", time, subject, standards_met=list(met))

    lines = [assessed("2023-05-01", 1, 2, 3), assessed("2023-04-20", *range(1, 10)), assessed("2022-05-01")]
    lines += [assessed("2023-06-01", *range(1, 10), subject="commissioner:QMJ")]
    found = shares("choice_standards", lines, london("2024-04-01"))
    assert {key: value for key, value in found.items() if key[0] == "NCL"} == {
        ("NCL", "2022/23"): ("0.00", 0, 9),
        ("NCL", "2023/24"): ("66.67", 12, 18),
    }
    assert ("NCL only", "2023/24") in found


def test_with_too_few_answers_there_is_no_share_and_no_mean() -> None:
    def answers(number: int) -> list[LogLine]:
        data = {"borough": CAMDEN, "understand": 9, "listen": 9}
        return [
            line("collaborate-scored", "2023-05-01", "team:RKE:t", **data, include=9 if n else 0) for n in range(number)
        ]

    assert shares("sdm_collaborate", answers(24))["NCL", "2023/24"] == (None, 23, 24)
    assert shares("sdm_collaborate_mean", answers(24))["NCL", "2023/24"] == (None, 24 * 27 - 9, 72)
    assert shares("sdm_collaborate", answers(32))["NCL", "2023/24"] == ("96.88", 31, 32)  # 96.875, half up
    assert shares("sdm_collaborate_mean", answers(25))["NCL", "2023/24"] == ("8.88", 666, 75)


def test_budgets_with_a_plan_are_a_share_of_those_in_place() -> None:
    lines = [
        budget("2023-05-01"),
        agreed("2023-05-01", borough=BARNET),
        budget("2023-05-01", subject="person:2"),
        agreed("2022-05-01", subject="person:2"),
        agreed("2023-05-01", subject="person:3"),
    ]
    assert shares("phb_with_plan", lines, london("2024-04-01")) == {
        (area, "2023/24"): ("50.00", 1, 2) for area in (CAMDEN, "NCL")
    }


@pytest.mark.parametrize(
    ("where", "passing"),
    [
        ({"cohorts": "s117"}, ["1", "2"]),
        ({"cohorts": ["s117", "ltc"]}, ["1", "2", "3"]),
        ({"one_off": False}, ["1", "3"]),
        ({"annual_value_pence": 100}, ["2"]),
        ({"cohorts": "s117", "one_off": True}, ["2"]),
    ],
)
def test_filters_compare_as_json_does(where: dict[str, Any], passing: list[str]) -> None:
    lines = [
        budget("2023-05-01", "1", cohorts=["s117", "dementia"]),
        budget("2023-05-01", "2", cohorts=["s117"], one_off=True, annual_value_pence=100.0),
        budget("2023-05-01", "3", cohorts=["ltc"], one_off=False, annual_value_pence=1),
    ]
    catalogue = one_kpi({"count": "events", "of": "phb-issued", "where": where})
    assert numbers("x", lines, catalogue=catalogue)["NCL", "2023/24"] == len(passing)


def test_a_review_renews_only_if_the_catalogue_says_so() -> None:
    rule = {"count": "in_place_at_end", "opened_by": "care-plan-agreed", "closed_by": "care-plan-ended"}
    rule |= {"renewed_by": "care-plan-reviewed", "lapses_after_months": 12}
    lines, at = [agreed("2023-01-01"), reviewed("2023-06-01")], london("2024-04-01")
    assert ("NCL", "2023/24") in numbers("x", lines, at, one_kpi({**rule, "review_renews": True}))
    assert ("NCL", "2023/24") not in numbers("x", lines, at, one_kpi({**rule, "review_renews": False}))
