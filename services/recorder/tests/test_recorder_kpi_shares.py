"""The KPIs in SQL that are shares, means and filtered, against numbers worked out by hand from docs/kpis.md."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from recorder_events import KIM, SAM, event, retraction
from recorder_kpis import BARNET, CAMDEN, ENFIELD, NOW, Finished, Kpis, budget, budget_ended, conversation, plan

from recorder_kpis import london, recording, referral  # isort: skip

from pcare_schemas.examples import COMMUNITY, ICB, ROYAL_FREE, WHITTINGTON

pytestmark = pytest.mark.integration

NCL, NCL_ONLY = "NCL", "NCL only"
JUNE = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
async def kpis(database: str) -> AsyncIterator[Kpis]:
    async with recording(database) as made:
        yield made


def share(value: str | None, numerator: int, denominator: int) -> Finished:
    return Finished(None if value is None else Decimal(value), numerator, denominator)


def offer(time: str, borough: str = BARNET, ref: str = "C1", **more: Any) -> dict[str, Any]:
    given = {"elective": True, "via_ers": True, "choice_exercised": True} | more
    return event("choice-offered", time=time, borough=borough, referral_ref=ref, **given)


def assessed(time: str, met: list[int], commissioner: str = "QMJ", **more: Any) -> dict[str, Any]:
    return event(
        "choice-standards-assessed",
        time=time,
        subject=f"commissioner:{commissioner}",
        standards_met=met,
        source=ICB,
        **more,
    )


def answers(time: str, *scores: int, borough: str | None = BARNET, team: str = "t1") -> dict[str, Any]:
    given = dict(zip(("understand", "listen", "include"), scores, strict=True))
    return event("collaborate-scored", time=time, subject=f"team:RKE:{team}", team=team, borough=borough, **given)


def post(kind: str, time: str, borough: str | None = BARNET, pcn: str = "U12345", **more: Any) -> dict[str, Any]:
    given = {"subject": "link-worker:RYX:lw-1", "source": COMMUNITY} | more
    return event(f"link-worker-{kind}", time=time, borough=borough, pcn=pcn, **given)


# ---- shares of episodes


async def test_a_share_of_episodes_is_judged_by_the_earliest_fact_of_each(kpis: Kpis) -> None:
    await kpis.record(
        offer("2024-05-01T10:00:00Z", BARNET, "C1"),
        offer("2024-05-02T10:00:00Z", BARNET, "C1", via_ers=False),  # later: changes nothing
        offer("2024-05-01T10:00:00Z", CAMDEN, "C2", choice_exercised=False),
        offer("2024-05-03T10:00:00Z", BARNET, "C2"),
        offer("2024-05-01T10:00:00Z", BARNET, "C3", elective=False),
        offer("2024-05-09T10:00:00Z", BARNET, "C3"),  # the referral is not elective: its earliest fact says so
        offer("2024-05-01T10:00:00Z", BARNET, "C4", subject=SAM, via_ers=False),
    )
    assert await kpis.finished(NOW, "choice_ers") == {
        ("2024/25", BARNET): share("50.00", 1, 2),
        ("2024/25", CAMDEN): share("0.00", 0, 1),
        ("2024/25", NCL): share("33.33", 1, 3),
    }


async def test_a_retracted_fact_hands_the_judgement_to_the_next(kpis: Kpis) -> None:
    first = offer("2024-05-01T10:00:00Z", BARNET, "C1", elective=False)
    await kpis.record(first, offer("2025-05-02T10:00:00Z", CAMDEN, "C1"))
    assert await kpis.finished(NOW, "choice_ers") == {}
    await kpis.record(retraction(first))
    assert await kpis.finished(NOW, "choice_ers") == {
        ("2025/26", CAMDEN): share("100.00", 1, 1),
        ("2025/26", NCL): share("100.00", 1, 1),
    }


async def test_percentages_are_rounded_half_up(kpis: Kpis) -> None:
    """1 of 800 is 0.125 per cent, and 7 of 800 is 0.875."""
    await kpis.record(
        *(offer("2024-05-01T10:00:00Z", BARNET, f"C{n}", via_ers=n < 1) for n in range(800)),
        *(offer("2025-05-01T10:00:00Z", BARNET, f"D{n}", via_ers=n < 7) for n in range(800)),
    )
    found = await kpis.finished(NOW, "choice_ers")
    assert found["2024/25", NCL] == share("0.13", 1, 800)
    assert found["2025/26", NCL] == share("0.88", 7, 800)


# ---- collaboRATE


async def test_top_scores_need_all_three_and_twenty_five_answers(kpis: Kpis) -> None:
    at = "2024-05-01T10:00:00Z"
    await kpis.record(
        *(answers(at, 9, 9, 9) for _ in range(10)),
        *(answers(at, 9, 9, 8) for _ in range(14)),
        *(answers(at, 9, 9, 9, borough=None, team="t2") for _ in range(1)),
    )
    assert await kpis.finished(NOW, "sdm_collaborate") == {
        ("2024/25", BARNET): share(None, 10, 24),
        ("2024/25", NCL_ONLY): share(None, 1, 1),
        ("2024/25", NCL): share("44.00", 11, 25),
    }
    assert await kpis.finished(NOW, "sdm_collaborate_mean") == {
        ("2024/25", BARNET): share(None, 634, 72),
        ("2024/25", NCL_ONLY): share(None, 27, 3),
        ("2024/25", NCL): share("8.81", 661, 75),
    }


async def test_a_mean_is_rounded_half_up(kpis: Kpis) -> None:
    rule = {"count": "mean", "of": "collaborate-scored", "fields": ["understand"]}
    await kpis.record(*(answers("2024-05-01T10:00:00Z", 1 if n < 1 else 0, 9, 9) for n in range(8)))
    assert (await kpis.finished(NOW, rule))["2024/25", NCL] == share("0.13", 1, 8)
    filtered = {**rule, "where": {"understand": [0, 2]}}
    assert (await kpis.finished(NOW, filtered))["2024/25", NCL] == share("0.00", 0, 7)


# ---- standards of choice


async def test_standards_are_those_of_each_commissioners_latest_assessment_in_the_year(kpis: Kpis) -> None:
    await kpis.record(
        assessed("2023-05-01T10:00:00Z", [1, 2, 3]),
        assessed("2024-05-01T10:00:00Z", [1, 2, 3, 4, 5]),
        assessed("2024-06-01T10:00:00Z", [1, 2, 3, 4]),
        assessed("2024-05-15T10:00:00Z", [], commissioner="93C"),
    )
    found = await kpis.finished(NOW, "choice_standards")
    assert found == {
        ("2023/24", NCL): share("33.33", 3, 9), ("2023/24", NCL_ONLY): share("33.33", 3, 9),
        ("2024/25", NCL): share("22.22", 4, 18), ("2024/25", NCL_ONLY): share("22.22", 4, 18),
    }  # fmt: skip
    assert (await kpis.finished(JUNE, "choice_standards"))["2024/25", NCL] == share("27.78", 5, 18)


async def test_the_latest_of_two_assessments_at_one_time_is_the_last_by_id(kpis: Kpis) -> None:
    at = "2024-05-01T10:00:00Z"
    await kpis.record(assessed(at, [1, 2, 3], id="a"), assessed(at, [1], id="Z"))
    assert (await kpis.finished(NOW, "choice_standards"))["2024/25", NCL] == share("33.33", 3, 9)


# ---- link workers


async def test_a_post_is_its_network_whoever_states_it(kpis: Kpis) -> None:
    await kpis.record(
        post("joined", "2024-05-01T09:00:00Z"),
        post("joined", "2024-05-02T09:00:00Z", pcn="U00001", borough=CAMDEN),
        post("joined", "2024-05-01T09:00:00Z", borough=None, subject="link-worker:RYX:lw-2"),
    )
    may = datetime(2024, 5, 20, tzinfo=UTC)
    assert await kpis.at(may, "sp_link_workers") == {
        ("2024/25", CAMDEN): 1, ("2024/25", NCL_ONLY): 1, ("2024/25", NCL): 2,
    }  # fmt: skip
    await kpis.record(post("left", "2024-06-01T09:00:00Z", pcn="U00001", source=ROYAL_FREE))
    july = datetime(2024, 7, 1, tzinfo=UTC)
    assert await kpis.at(july, "sp_link_workers") == {
        ("2024/25", BARNET): 1, ("2024/25", NCL_ONLY): 1, ("2024/25", NCL): 2,
    }  # fmt: skip


# ---- priority areas


async def test_a_priority_area_is_reached_by_its_situations_together(kpis: Kpis) -> None:
    at = "2024-05-01T10:00:00Z"
    await kpis.record(
        *(conversation(at, f"k{n}", BARNET, "knee_pain") for n in range(3)),
        *(conversation(at, f"h{n}", BARNET, "hip_pain") for n in range(2)),
        *(conversation(at, f"a{n}", CAMDEN, "hypertension") for n in range(4)),
        *(conversation(at, f"b{n}", BARNET, "high_cholesterol") for n in range(1)),
        *(conversation(at, f"s{n}", BARNET, "smr_frailty") for n in range(9)),  # of no area
    )
    assert await kpis.at(NOW, "sdm_priority_areas") == {("2024/25", BARNET): 1, ("2024/25", NCL): 2}


# ---- people


async def test_anybody_reached_counts_once_where_their_latest_fact_of_the_year_was(kpis: Kpis) -> None:
    await kpis.record(
        referral("2024-05-01T10:00:00Z", BARNET),
        event(time="2024-06-01T10:00:00Z", borough=CAMDEN),
        plan("agreed", "2024-05-15T10:00:00Z", BARNET, subject=SAM),
        plan("ended", "2024-07-15T10:00:00Z", ENFIELD, subject=SAM),  # ends, so reaches nobody
        plan("ended", "2024-07-15T10:00:00Z", ENFIELD, subject=KIM),
        referral("2025-05-01T10:00:00Z", ENFIELD, "R2"),
    )
    assert await kpis.at(NOW, "upc_people") == {
        ("2024/25", CAMDEN): 1, ("2024/25", BARNET): 1, ("2024/25", NCL): 2,
        ("2025/26", ENFIELD): 1, ("2025/26", NCL): 1,
    }  # fmt: skip
    assert await kpis.at(JUNE, "upc_people") == {("2024/25", BARNET): 2, ("2024/25", NCL): 2}


async def test_facts_of_one_moment_in_two_boroughs_are_told_apart_by_source_and_id(kpis: Kpis) -> None:
    at = "2024-05-01T10:00:00Z"
    assert WHITTINGTON > ROYAL_FREE
    await kpis.record(
        referral(at, BARNET, id="Z"),
        event(time=at, borough=CAMDEN, id="a"),
        event(time=at, borough=ENFIELD, id="b", source=ROYAL_FREE),
        event("event-retracted", time=at, retracts="c"),
        event(time=at, borough=ENFIELD, id="c"),
    )
    assert await kpis.at(NOW, "upc_people") == {("2024/25", CAMDEN): 1, ("2024/25", NCL): 1}


async def test_people_with_a_plan_named_are_placed_by_the_latest_such_measure(kpis: Kpis) -> None:
    await kpis.record(
        event(time="2024-05-01T10:00:00Z", borough=BARNET, plan_ref="P1"),
        event(time="2024-06-01T10:00:00Z", borough=CAMDEN, plan_ref=None),
        event(time="2024-05-01T10:00:00Z", borough=CAMDEN, plan_ref=None, subject=SAM),
    )
    at = datetime(2024, 7, 1, tzinfo=UTC)
    assert await kpis.at(at, "pam_people_with_plan") == {("2024/25", BARNET): 1, ("2024/25", NCL): 1}
    assert await kpis.at(at, "pam_people") == {("2024/25", CAMDEN): 2, ("2024/25", NCL): 2}


# ---- budgets in place, and with a plan


async def test_budgets_in_place_are_those_of_the_very_end(kpis: Kpis) -> None:
    await kpis.record(
        budget("2024-05-01T10:00:00Z", BARNET, "B1", one_off=True),
        budget("2024-05-01T10:00:00Z", CAMDEN, "B2", subject=SAM),
        budget_ended("2025-04-01T00:00:00+01:00", "B2", subject=SAM),
        budget("2025-03-01T10:00:00Z", ENFIELD, "B3", subject=KIM, starts="2025-04-01"),
    )
    evening = london("2024-05-01T23:59:59").astimezone(UTC)
    assert await kpis.at(evening, "phb_active") == {("2024/25", BARNET): 1, ("2024/25", CAMDEN): 1, ("2024/25", NCL): 2}
    midnight = london("2024-05-02T00:00:00").astimezone(UTC)
    assert (await kpis.at(midnight, "phb_active"))["2024/25", NCL] == 2  # the end itself still counts
    assert (await kpis.at(midnight.replace(microsecond=1), "phb_active"))["2024/25", NCL] == 1
    assert await kpis.at(NOW, "phb_active") == {
        ("2024/25", CAMDEN): 1, ("2024/25", NCL): 1,
        ("2025/26", ENFIELD): 1, ("2025/26", NCL): 1, ("2026/27", ENFIELD): 1, ("2026/27", NCL): 1,
    }  # fmt: skip


async def test_a_budget_with_a_plan_is_placed_by_the_budget(kpis: Kpis) -> None:
    await kpis.record(
        budget("2024-05-01T10:00:00Z", BARNET),
        plan("agreed", "2024-05-02T10:00:00Z", CAMDEN),
        budget("2024-05-01T10:00:00Z", BARNET, subject=SAM),
        plan("agreed", "2023-05-02T10:00:00Z", BARNET, subject=SAM),  # lapsed
        plan("agreed", "2024-05-02T10:00:00Z", BARNET, subject=KIM),  # no budget
    )
    assert await kpis.finished(JUNE, "phb_with_plan") == {
        ("2024/25", BARNET): share("50.00", 1, 2), ("2024/25", NCL): share("50.00", 1, 2),
    }  # fmt: skip


# ---- filters


async def referrals_that(kpis: Kpis, **rule: Any) -> int:
    found = await kpis.at(NOW, {"count": "events", "of": "sp-referral", **rule})
    return found.get(("2024/25", NCL), 0)


async def test_a_filter_compares_json_values(kpis: Kpis) -> None:
    at = "2024-05-01T10:00:00Z"
    await kpis.record(
        referral(at, BARNET, "R1", reasons=["mental_health", "lonely_or_isolated"], imd_decile=3, referrer="gp"),
        referral(at, BARNET, "R2", reasons=["mental_health"], imd_decile=None, referrer="self"),
        referral(at, CAMDEN, "R3", reasons=["lonely_or_isolated"], imd_decile=10, link_worker_provider="RYX"),
    )
    assert await referrals_that(kpis, where={"reasons": "mental_health"}) == 2
    assert await referrals_that(kpis, where={"reasons": ["mental_health", "lonely_or_isolated"]}) == 3
    assert await referrals_that(kpis, where={"imd_decile": [3, 4]}) == 1
    assert await referrals_that(kpis, where={"imd_decile": [3.0]}) == 1
    assert await referrals_that(kpis, where={"imd_decile": ["3"]}) == 0
    assert await referrals_that(kpis, where={"borough": [CAMDEN, ENFIELD]}) == 1
    assert await referrals_that(kpis, where={"referrer": ["self"], "reasons": ["lonely_or_isolated"]}) == 0
    assert await referrals_that(kpis, where={"referral_ref": ["R1", "R3"]}) == 2
    assert await referrals_that(kpis, given=["imd_decile"]) == 2
    assert await referrals_that(kpis, given=["link_worker_provider"]) == 1
    assert await referrals_that(kpis, given=["reasons", "referral_ref"], where={}) == 3
    assert await referrals_that(kpis, where={"pcn": ["' OR true --"]}) == 0


async def test_a_filter_takes_a_payload_as_it_was_sent(kpis: Kpis) -> None:
    """Whoever gave a reference has a column, which is filled also where the payload leaves it out."""
    at = "2024-05-01T10:00:00Z"
    await kpis.record(
        referral(at, BARNET, "R1", source=WHITTINGTON),
        referral(at, BARNET, "R2", source=WHITTINGTON, ref_source=WHITTINGTON),
        referral(at, BARNET, "R3", source=ROYAL_FREE, ref_source=WHITTINGTON),
    )
    assert await referrals_that(kpis, given=["ref_source"]) == 2
    assert await referrals_that(kpis, where={"ref_source": [WHITTINGTON]}, given=["referral_ref", "referrer"]) == 2


async def test_a_flag_that_is_left_out_is_false(kpis: Kpis) -> None:
    at = "2024-05-01T10:00:00Z"
    await kpis.record(
        conversation(at, "S1", decision_aid=True), conversation(at, "S2", decision_aid=None), budget(at, one_off=None)
    )
    aided = {"count": "episodes", "of": "sdm-conversation", "where": {"decision_aid": [False]}}
    assert await kpis.at(NOW, aided) == {("2024/25", BARNET): 1, ("2024/25", NCL): 1}
    await kpis.connection.execute("UPDATE pcare.interventions SET details = NULL, one_off = NULL")
    assert (await kpis.at(NOW, aided))["2024/25", NCL] == 2
    lasting = {"count": "events", "of": "phb-issued", "where": {"one_off": [False], "integrated": [False]}}
    assert (await kpis.at(NOW, lasting))["2024/25", NCL] == 1


async def test_an_episode_passes_by_its_earliest_fact_and_an_event_by_itself(kpis: Kpis) -> None:
    await kpis.record(
        referral("2024-05-01T10:00:00Z", BARNET, "R1", referrer="gp"),
        referral("2024-05-02T10:00:00Z", CAMDEN, "R1", referrer="self"),
        referral("2024-05-03T10:00:00Z", ENFIELD, "R2", referrer="self"),
        referral("2024-05-04T10:00:00Z", CAMDEN, "R2", referrer="gp"),
    )
    rule = {"of": "sp-referral", "where": {"referrer": ["self"]}}
    once = {("2024/25", ENFIELD): 1, ("2024/25", NCL): 1}
    assert await kpis.at(NOW, {"count": "episodes", **rule}) == once
    assert await kpis.at(NOW, {"count": "people_in_year", **rule}) == once
    assert await kpis.at(NOW, {"count": "events", **rule}) == {
        ("2024/25", ENFIELD): 1, ("2024/25", CAMDEN): 1, ("2024/25", NCL): 2,
    }  # fmt: skip
    ever = await kpis.at(datetime(2024, 7, 1, tzinfo=UTC), {"count": "people_ever", **rule})
    assert ever == once


# ---- what was known


async def test_what_was_known_on_another_day(kpis: Kpis) -> None:
    monday, tuesday, wednesday = (datetime(2026, 6, day, tzinfo=UTC) for day in (1, 2, 3))
    first, late = referral("2024-05-01T10:00:00Z", BARNET, "R1"), referral("2024-04-01T10:00:00Z", CAMDEN, "R1")
    await kpis.record(first, received=monday)
    await kpis.record(late, received=tuesday)
    await kpis.record(retraction(late), received=wednesday)
    in_barnet = {("2024/25", BARNET): 1, ("2024/25", NCL): 1}
    assert await kpis.at(NOW, "sp_referrals", known_at=monday) == {}
    assert await kpis.at(NOW, "sp_referrals", known_at=tuesday) == in_barnet
    assert await kpis.at(NOW, "sp_referrals", known_at=wednesday) == {("2024/25", CAMDEN): 1, ("2024/25", NCL): 1}
    assert await kpis.at(NOW, "sp_referrals") == in_barnet
