"""The KPIs in SQL that count, against numbers worked out by hand from docs/kpis.md."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from recorder_events import KIM, SAM, event, retraction
from recorder_kpis import (
    BARNET,
    CAMDEN,
    ENFIELD,
    HARINGEY,
    ISLINGTON,
    LONDON,
    NOW,
    Kpis,
    budget,
    budget_ended,
    conversation,
    london,
    plan,
    recording,
    referral,
)

from pcare_schemas.examples import COMMUNITY, ROYAL_FREE, WHITTINGTON

pytestmark = pytest.mark.integration

SITUATIONS = {"count": "reached", "of": "sdm-conversation", "by": "situation", "threshold": 5}
PLANS = {
    "count": "in_place_at_end",
    "opened_by": "care-plan-agreed",
    "renewed_by": "care-plan-reviewed",
    "closed_by": "care-plan-ended",
    "lapses_after_months": 12,
    "review_renews": True,
}


@pytest.fixture
async def kpis(database: str) -> AsyncIterator[Kpis]:
    async with recording(database) as made:
        yield made


async def test_nothing_recorded_is_no_rows(kpis: Kpis) -> None:
    assert await kpis.at(NOW, "sp_referrals") == {}


# ---- episodes


async def test_a_referral_counts_once_dated_and_placed_by_its_earliest_fact(kpis: Kpis) -> None:
    await kpis.record(
        referral("2024-05-02T10:00:00Z", CAMDEN),
        referral("2024-03-02T10:00:00Z", BARNET),
        referral("2024-06-02T10:00:00Z", ENFIELD, ref="R2"),
    )
    assert await kpis.at(NOW, "sp_referrals") == {
        ("2023/24", BARNET): 1, ("2023/24", "NCL"): 1, ("2024/25", ENFIELD): 1, ("2024/25", "NCL"): 1,
    }  # fmt: skip


async def test_equal_times_are_ordered_by_source_and_id_by_code_point(kpis: Kpis) -> None:
    """In code points "Z" comes before "a"; in a dictionary it does not."""
    at = "2024-05-02T10:00:00Z"
    await kpis.record(referral(at, CAMDEN, id="a"), referral(at, BARNET, id="Z"))
    assert await kpis.at(NOW, "sp_referrals") == {("2024/25", BARNET): 1, ("2024/25", "NCL"): 1}
    assert await kpis.at(NOW, "sp_people") == {("2024/25", BARNET): 1, ("2024/25", "NCL"): 1}


async def test_the_latest_of_equal_times_is_the_last_by_source_and_id(kpis: Kpis) -> None:
    at = "2024-05-02T10:00:00Z"
    await kpis.record(event(time=at, borough=CAMDEN, id="a"), event(time=at, borough=BARNET, id="Z"))
    await kpis.record(event(time=at, borough=ENFIELD, id="0", source=ROYAL_FREE, subject=SAM))
    await kpis.record(event(time=at, borough=HARINGEY, id="1", source=WHITTINGTON, subject=SAM))
    assert WHITTINGTON > ROYAL_FREE
    seen = await kpis.at(datetime(2024, 6, 1, tzinfo=UTC), "pam_people")
    assert seen == {("2024/25", CAMDEN): 1, ("2024/25", HARINGEY): 1, ("2024/25", "NCL"): 2}


async def test_a_ref_belongs_to_the_organisation_that_gave_it(kpis: Kpis) -> None:
    await kpis.record(
        referral("2024-05-01T10:00:00Z"),
        referral("2024-05-02T10:00:00Z", source=COMMUNITY),  # another organisation's R1: another referral
        referral("2024-05-03T10:00:00Z", source=ROYAL_FREE, ref_source=WHITTINGTON),  # the first one's
    )
    assert (await kpis.at(NOW, "sp_referrals"))["2024/25", "NCL"] == 2


async def test_a_ref_belongs_to_a_subject(kpis: Kpis) -> None:
    await kpis.record(referral("2024-05-01T10:00:00Z"), referral("2024-05-01T10:00:00Z", subject=SAM))
    assert (await kpis.at(NOW, "sp_referrals"))["2024/25", "NCL"] == 2


async def test_the_year_turns_at_midnight_in_london(kpis: Kpis) -> None:
    await kpis.record(
        referral("2024-03-31T22:59:59.999999Z", ref="R1"),  # 23:59:59.999999 summer time, 31 March
        referral("2024-03-31T23:00:00Z", ref="R2"),  # midnight, 1 April
        referral("2025-03-31T23:59:59+01:00", ref="R3"),
        referral("2025-04-01T00:00:00+01:00", ref="R4"),
    )
    assert await kpis.at(NOW, "sp_referrals") == {
        ("2023/24", BARNET): 1, ("2023/24", "NCL"): 1,
        ("2024/25", BARNET): 2, ("2024/25", "NCL"): 2,
        ("2025/26", BARNET): 1, ("2025/26", "NCL"): 1,
    }  # fmt: skip


async def test_only_what_is_earlier_than_the_instant_counts(kpis: Kpis) -> None:
    await kpis.record(referral("2024-05-01T10:00:00Z"))
    assert await kpis.at(datetime(2024, 5, 1, 10, tzinfo=UTC), "sp_referrals") == {}
    assert (await kpis.at(datetime(2024, 5, 1, 10, 0, 0, 1, tzinfo=UTC), "sp_referrals"))["2024/25", "NCL"] == 1


async def test_people_referred_count_once_where_their_latest_referral_was(kpis: Kpis) -> None:
    await kpis.record(
        referral("2024-05-01T10:00:00Z", BARNET, "R1"),
        referral("2024-07-01T10:00:00Z", CAMDEN, "R2"),
        referral("2024-09-01T10:00:00Z", ENFIELD, "R1"),  # R1 again: dated and placed in May
        referral("2024-05-01T10:00:00Z", BARNET, "R3", subject=SAM),
        referral("2025-05-01T10:00:00Z", HARINGEY, "R4", subject=SAM),
    )
    assert await kpis.at(NOW, "sp_people") == {
        ("2024/25", CAMDEN): 1, ("2024/25", BARNET): 1, ("2024/25", "NCL"): 2,
        ("2025/26", HARINGEY): 1, ("2025/26", "NCL"): 1,
    }  # fmt: skip
    june = await kpis.at(datetime(2024, 6, 1, tzinfo=UTC), "sp_people")
    assert june == {("2024/25", BARNET): 2, ("2024/25", "NCL"): 2}


# ---- retraction


async def test_a_retraction_removes_its_target_from_every_instant_and_moves_the_episode(kpis: Kpis) -> None:
    march, may = referral("2024-03-02T10:00:00Z"), referral("2024-05-02T10:00:00Z", CAMDEN)
    await kpis.record(march, may)
    await kpis.record(retraction(march, time="2026-05-01T10:00:00Z"))
    assert await kpis.at(NOW, "sp_referrals") == {("2024/25", CAMDEN): 1, ("2024/25", "NCL"): 1}
    assert await kpis.at(datetime(2024, 4, 1, tzinfo=UTC), "sp_referrals") == {}


async def test_a_retraction_may_come_first_and_more_than_once(kpis: Kpis) -> None:
    target = referral("2024-05-02T10:00:00Z")
    await kpis.record(retraction(target), retraction(target))
    await kpis.record(target)
    assert await kpis.at(NOW, "sp_referrals") == {}
    assert await kpis.at(NOW, "sp_people") == {}


async def test_a_retraction_of_another_source_or_subject_removes_nothing(kpis: Kpis) -> None:
    target = referral("2024-05-02T10:00:00Z")
    other = retraction(target, subject=SAM)
    await kpis.record(other)  # its target is not known yet
    await kpis.record(target, retraction(target, source=ROYAL_FREE))
    assert (await kpis.at(NOW, "sp_referrals"))["2024/25", "NCL"] == 1


# ---- conversations and situations


async def test_a_conversation_over_several_contacts_is_one(kpis: Kpis) -> None:
    await kpis.record(
        conversation("2024-05-02T10:00:00Z", "C1", CAMDEN),
        conversation("2024-05-09T10:00:00Z", "C1", BARNET, "hip_pain"),
        conversation("2024-05-02T10:00:00Z", "C1", BARNET, subject=SAM),
    )
    assert await kpis.at(NOW, "sdm_conversations") == {
        ("2024/25", CAMDEN): 1, ("2024/25", BARNET): 1, ("2024/25", "NCL"): 2,
    }  # fmt: skip
    situations = await kpis.at(NOW, {**SITUATIONS, "threshold": 1})
    assert situations == {("2024/25", CAMDEN): 1, ("2024/25", BARNET): 1, ("2024/25", "NCL"): 1}


async def test_a_situation_is_reached_by_boroughs_together_and_counts_once_for_the_whole(kpis: Kpis) -> None:
    await kpis.record(
        *(conversation("2024-05-02T10:00:00Z", f"knee-{n}", BARNET) for n in range(3)),
        *(conversation("2024-05-02T10:00:00Z", f"knee-{n}", CAMDEN, subject=SAM) for n in range(2)),
        *(conversation("2024-05-02T10:00:00Z", f"hip-{n}", BARNET, "hip_pain") for n in range(5)),
        *(conversation("2024-05-02T10:00:00Z", f"hip-{n}", CAMDEN, "hip_pain", subject=SAM) for n in range(5)),
        *(conversation("2024-05-02T10:00:00Z", f"back-{n}", BARNET, "back_pain") for n in range(4)),
    )
    assert await kpis.at(NOW, "sdm_situations") == {
        ("2024/25", BARNET): 1, ("2024/25", CAMDEN): 1, ("2024/25", "NCL"): 2,
    }  # fmt: skip
    assert await kpis.at(NOW, {**SITUATIONS, "threshold": 3}) == {
        ("2024/25", BARNET): 3, ("2024/25", CAMDEN): 1, ("2024/25", "NCL"): 3,
    }  # fmt: skip
    assert await kpis.at(NOW, {**SITUATIONS, "threshold": 11}) == {}


async def test_conversations_of_two_years_do_not_add_up(kpis: Kpis) -> None:
    await kpis.record(
        *(conversation("2024-03-02T10:00:00Z", f"old-{n}") for n in range(3)),
        *(conversation("2024-05-02T10:00:00Z", f"new-{n}") for n in range(3)),
    )
    assert await kpis.at(NOW, "sdm_situations") == {}


# ---- activation


async def test_a_score_counts_ever_after_where_the_latest_was(kpis: Kpis) -> None:
    await kpis.record(
        event(time="2023-05-01T10:00:00Z", borough=BARNET),
        event(time="2024-05-01T10:00:00Z", borough=CAMDEN),
        event(time="2024-05-01T10:00:00Z", borough=BARNET, subject=SAM),
    )
    assert await kpis.at(NOW, "pam_people") == {
        ("2023/24", BARNET): 1, ("2023/24", "NCL"): 1,
        ("2024/25", CAMDEN): 1, ("2024/25", BARNET): 1, ("2024/25", "NCL"): 2,
        ("2025/26", CAMDEN): 1, ("2025/26", BARNET): 1, ("2025/26", "NCL"): 2,
        ("2026/27", CAMDEN): 1, ("2026/27", BARNET): 1, ("2026/27", "NCL"): 2,
    }  # fmt: skip


async def test_a_year_that_begins_at_the_instant_is_not_shown(kpis: Kpis) -> None:
    await kpis.record(event(time="2023-05-01T10:00:00Z"))
    turn = london("2024-04-01T00:00:00")
    assert {year for year, _ in await kpis.at(turn, "pam_people")} == {"2023/24"}
    after = turn.astimezone(UTC).replace(microsecond=1)
    assert {year for year, _ in await kpis.at(after, "pam_people")} == {"2023/24", "2024/25"}


# ---- plans


async def test_a_plan_lapses_twelve_months_after_its_agreement(kpis: Kpis) -> None:
    await kpis.record(plan("agreed", "2024-05-10T14:30:00Z"))
    one = {("2024/25", BARNET): 1, ("2024/25", "NCL"): 1}
    assert await kpis.at(datetime(2024, 5, 10, 14, 30, tzinfo=UTC), "pcsp_active") == {}
    assert await kpis.at(datetime(2024, 5, 10, 14, 30, 0, 1, tzinfo=UTC), "pcsp_active") == one
    last = await kpis.at(datetime(2025, 5, 10, 14, 30, tzinfo=UTC), "pcsp_active")
    assert last["2025/26", "NCL"] == 1
    assert await kpis.at(datetime(2025, 5, 10, 14, 30, 0, 1, tzinfo=UTC), "pcsp_active") == one  # the closed year stays


async def test_twelve_months_are_of_the_wall_clock(kpis: Kpis) -> None:
    """Agreed in winter time at noon on 31 March 2023... the clocks differ a year later; noon is noon."""
    await kpis.record(plan("agreed", "2023-03-25T12:00:00+00:00"))  # the day before summer time began in 2023
    lapses = london("2024-03-25T12:00:00")
    assert ("2023/24", "NCL") in await kpis.at(lapses, "pcsp_active")
    assert ("2023/24", "NCL") not in await kpis.at(lapses.astimezone(UTC).replace(microsecond=1), "pcsp_active")
    await kpis.record(plan("agreed", "2023-03-30T12:00:00+01:00", subject=SAM))  # summer time; 30 March 2024 is not
    lapses = london("2024-03-30T12:00:00")
    assert lapses.utcoffset() != london("2023-03-30T12:00:00").utcoffset()
    assert ("2023/24", "NCL") in await kpis.at(lapses, "pcsp_active")
    assert ("2023/24", "NCL") not in await kpis.at(lapses.astimezone(UTC).replace(microsecond=1), "pcsp_active")


async def test_after_29_february_comes_28_february(kpis: Kpis) -> None:
    await kpis.record(plan("agreed", "2024-02-29T09:00:00Z"))
    assert ("2024/25", "NCL") in await kpis.at(datetime(2025, 2, 28, 9, tzinfo=UTC), "pcsp_active")
    assert ("2024/25", "NCL") not in await kpis.at(datetime(2025, 2, 28, 9, 0, 0, 1, tzinfo=UTC), "pcsp_active")


async def test_a_review_renews_unless_the_catalogue_says_otherwise(kpis: Kpis) -> None:
    await kpis.record(plan("agreed", "2024-05-10T10:00:00Z"), plan("reviewed", "2025-02-10T10:00:00Z", CAMDEN))
    june = datetime(2025, 6, 1, tzinfo=UTC)
    assert (await kpis.at(june, "pcsp_active"))["2025/26", CAMDEN] == 1
    strict = await kpis.at(june, {**PLANS, "review_renews": False})
    assert strict == {("2024/25", BARNET): 1, ("2024/25", "NCL"): 1}


async def test_a_review_without_an_agreement_opens_nothing(kpis: Kpis) -> None:
    await kpis.record(plan("reviewed", "2024-05-10T10:00:00Z"))
    assert await kpis.at(NOW, "pcsp_active") == {}


async def test_a_review_before_the_agreement_is_not_of_it(kpis: Kpis) -> None:
    await kpis.record(plan("reviewed", "2024-05-10T10:00:00Z", CAMDEN), plan("agreed", "2024-05-11T10:00:00Z"))
    assert (await kpis.at(datetime(2024, 6, 1, tzinfo=UTC), "pcsp_active")) == {
        ("2024/25", BARNET): 1, ("2024/25", "NCL"): 1,
    }  # fmt: skip


async def test_a_plan_that_ended_is_not_in_place_and_may_be_agreed_again(kpis: Kpis) -> None:
    await kpis.record(
        plan("agreed", "2024-05-10T10:00:00Z"),
        plan("ended", "2024-06-10T10:00:00Z"),
        plan("reviewed", "2024-06-20T10:00:00Z"),
        plan("agreed", "2024-07-10T10:00:00Z", CAMDEN),
    )
    at = {month: await kpis.at(datetime(2024, month, 15, tzinfo=UTC), "pcsp_active") for month in (5, 6, 7)}
    assert at == {
        5: {("2024/25", BARNET): 1, ("2024/25", "NCL"): 1},
        6: {},
        7: {("2024/25", CAMDEN): 1, ("2024/25", "NCL"): 1},
    }


async def test_an_end_at_the_very_instant_of_an_agreement_closes_it(kpis: Kpis) -> None:
    await kpis.record(plan("agreed", "2024-05-10T10:00:00Z"), plan("ended", "2024-05-10T10:00:00Z"))
    assert await kpis.at(datetime(2024, 6, 1, tzinfo=UTC), "pcsp_active") == {}


async def test_an_end_closes_from_its_own_instant_on(kpis: Kpis) -> None:
    await kpis.record(plan("agreed", "2024-05-10T10:00:00Z"), plan("ended", "2024-06-10T10:00:00Z"))
    end = datetime(2024, 6, 10, 10, tzinfo=UTC)
    assert (await kpis.at(end, "pcsp_active"))["2024/25", "NCL"] == 1
    assert await kpis.at(end.replace(microsecond=1), "pcsp_active") == {}


async def test_an_end_of_another_plan_ends_only_that(kpis: Kpis) -> None:
    await kpis.record(
        plan("agreed", "2024-05-10T10:00:00Z", BARNET, "P1"),
        plan("agreed", "2024-05-11T10:00:00Z", CAMDEN, "P2"),
        plan("ended", "2024-05-20T10:00:00Z", ref="P2"),
        plan("ended", "2024-05-20T10:00:00Z", ref="P1", source=ROYAL_FREE),  # Royal Free's own P1
    )
    assert await kpis.at(datetime(2024, 6, 1, tzinfo=UTC), "pcsp_active") == {
        ("2024/25", BARNET): 1, ("2024/25", "NCL"): 1,  # placed by the plan in place, not by the one that ended later
    }  # fmt: skip


async def test_a_person_with_two_plans_counts_once_where_the_latest_was_renewed(kpis: Kpis) -> None:
    await kpis.record(
        plan("agreed", "2024-05-10T10:00:00Z", BARNET, "P1"),
        plan("agreed", "2024-05-11T10:00:00Z", CAMDEN, "P2"),
        plan("reviewed", "2024-05-12T10:00:00Z", ENFIELD, "P1"),
    )
    assert await kpis.at(datetime(2024, 6, 1, tzinfo=UTC), "pcsp_active") == {
        ("2024/25", ENFIELD): 1, ("2024/25", "NCL"): 1,
    }  # fmt: skip


async def test_a_closed_year_is_its_state_at_its_end_from_what_is_known_now(kpis: Kpis) -> None:
    await kpis.record(
        plan("agreed", "2024-03-20T10:00:00Z"),
        plan("ended", "2024-04-02T10:00:00Z"),
        plan("agreed", "2023-05-01T10:00:00Z", subject=SAM),
        plan("ended", "2024-03-31T22:00:00Z", subject=SAM),
    )
    assert await kpis.at(NOW, "pcsp_active") == {("2023/24", BARNET): 1, ("2023/24", "NCL"): 1}


# ---- budgets


async def test_a_budget_counts_in_every_year_it_is_in_place(kpis: Kpis) -> None:
    await kpis.record(budget("2023-06-01T10:00:00Z"), budget_ended("2025-04-01T00:00:00+01:00"))
    assert await kpis.at(NOW, "phb_people") == {
        ("2023/24", BARNET): 1, ("2023/24", "NCL"): 1, ("2024/25", BARNET): 1, ("2024/25", "NCL"): 1,
    }  # fmt: skip


async def test_a_budget_that_starts_in_the_future_counts_when_it_starts(kpis: Kpis) -> None:
    await kpis.record(budget("2024-03-01T10:00:00Z", starts="2024-06-01"))
    start = london("2024-06-01T00:00:00")
    assert await kpis.at(start, "phb_people") == {}
    assert await kpis.at(start.astimezone(UTC).replace(microsecond=1), "phb_people") == {
        ("2024/25", BARNET): 1, ("2024/25", "NCL"): 1,
    }  # fmt: skip


async def test_a_budget_that_started_before_it_was_issued_counts_from_when_it_is_known_to_be(kpis: Kpis) -> None:
    await kpis.record(budget("2024-05-01T10:00:00Z", starts="2024-03-01"))
    assert await kpis.at(datetime(2024, 4, 15, tzinfo=UTC), "phb_people") == {}
    assert await kpis.at(datetime(2024, 5, 2, tzinfo=UTC), "phb_people") == {
        # the closed year does not count it: a fact counts when its own time is before the year's end
        ("2024/25", BARNET): 1, ("2024/25", "NCL"): 1,
    }  # fmt: skip


async def test_a_one_off_budget_ends_with_the_day_it_starts(kpis: Kpis) -> None:
    await kpis.record(
        budget("2024-03-31T10:00:00Z", ref="B1", one_off=True),  # its day ends as the year does
        budget("2024-03-31T10:00:00Z", BARNET, "B2", one_off=True, starts="2024-04-01", subject=SAM),
        budget("2024-03-31T10:00:00Z", ref="B3", subject=KIM),
    )
    assert await kpis.at(NOW, "phb_people") == {
        ("2023/24", BARNET): 2, ("2023/24", "NCL"): 2,  # Alex, Kim
        ("2024/25", BARNET): 2, ("2024/25", "NCL"): 2,  # Sam, Kim
        ("2025/26", BARNET): 1, ("2025/26", "NCL"): 1,  # Kim
        ("2026/27", BARNET): 1, ("2026/27", "NCL"): 1,
    }  # fmt: skip


async def test_a_one_off_budget_may_end_before_its_day_does(kpis: Kpis) -> None:
    await kpis.record(
        budget("2024-05-01T10:00:00Z", one_off=True), budget_ended("2024-05-01T10:00:00Z"),  # at once: never in place
        budget("2024-05-01T10:00:00Z", ref="B2", one_off=True, subject=SAM),
        budget_ended("2024-05-01T11:00:00Z", ref="B2", subject=SAM),
    )  # fmt: skip
    assert await kpis.at(NOW, "phb_people") == {("2024/25", BARNET): 1, ("2024/25", "NCL"): 1}


async def test_an_end_before_the_start_means_it_was_never_in_place(kpis: Kpis) -> None:
    await kpis.record(budget("2024-05-01T10:00:00Z", starts="2024-07-01"), budget_ended("2024-06-01T10:00:00Z"))
    assert await kpis.at(NOW, "phb_people") == {}


async def test_an_end_before_the_issue_ends_nothing(kpis: Kpis) -> None:
    await kpis.record(budget_ended("2024-04-20T10:00:00Z"), budget("2024-05-01T10:00:00Z"))
    assert (await kpis.at(datetime(2024, 6, 1, tzinfo=UTC), "phb_people"))["2024/25", "NCL"] == 1


async def test_the_council_may_end_what_the_board_issued(kpis: Kpis) -> None:
    await kpis.record(
        budget("2024-05-01T10:00:00Z"), budget_ended("2024-06-01T10:00:00Z", source=COMMUNITY, ref_source=WHITTINGTON)
    )
    assert {year for year, _ in await kpis.at(NOW, "phb_people")} == {"2024/25"}


async def test_a_person_with_several_budgets_and_cohorts_counts_once_where_the_latest_was_issued(kpis: Kpis) -> None:
    await kpis.record(
        budget("2024-05-01T10:00:00Z", BARNET, "B1", cohorts=["adult_chc", "wheelchair", "ltc"]),
        budget("2024-07-01T10:00:00Z", CAMDEN, "B2", management=["direct_payment", "notional"]),
        budget("2024-08-01T10:00:00Z", ENFIELD, "B3", starts="2025-04-01"),  # not in place in 2024/25
        budget_ended("2025-03-01T10:00:00Z", "B1"),
        budget_ended("2025-03-01T10:00:00Z", "B2"),
    )
    assert await kpis.at(datetime(2025, 6, 1, tzinfo=UTC), "phb_people") == {
        ("2024/25", CAMDEN): 1, ("2024/25", "NCL"): 1, ("2025/26", ENFIELD): 1, ("2025/26", "NCL"): 1,
    }  # fmt: skip


# ---- calendar


@pytest.mark.parametrize(
    ("instant", "year"),
    [
        ("2024-03-31T22:59:59.999999Z", "2023/24"),
        ("2024-03-31T23:00:00Z", "2024/25"),
        ("2023-12-31T23:59:59Z", "2023/24"),
        ("2000-03-31T22:00:00Z", "1999/00"),
        ("2099-04-01T00:00:00Z", "2099/00"),
        ("2024-02-29T12:00:00Z", "2023/24"),
    ],
)
async def test_the_financial_year_of_an_instant(database: str, instant: str, year: str) -> None:
    connection = await asyncpg.connect(database)
    at = datetime.fromisoformat(instant)
    assert await connection.fetchval("SELECT pcare.financial_year($1)", at) == year
    starts, ends = await connection.fetchrow("SELECT * FROM pcare.financial_year_bounds($1)", year)
    assert starts <= at < ends
    assert starts.astimezone(LONDON).replace(tzinfo=None) == datetime(int(year[:4]), 4, 1)  # noqa: DTZ001 - a wall clock's
    await connection.close()


async def test_wall_clock_times_that_happen_twice_or_never(database: str) -> None:
    connection = await asyncpg.connect(database)
    for wall, instant in [
        ("2024-10-27T01:30:00", "2024-10-27T01:30:00Z"),  # twice: the later
        ("2024-03-31T01:30:00", "2024-03-31T01:30:00Z"),  # never: the later of what it could mean
        ("2024-07-01T00:00:00", "2024-06-30T23:00:00Z"),
        ("2024-10-27T00:59:59", "2024-10-26T23:59:59Z"),
    ]:
        found = await connection.fetchval("SELECT pcare.london_instant($1)", datetime.fromisoformat(wall))
        assert found == datetime.fromisoformat(instant), wall
    await connection.close()


async def test_every_kpi_at_once_by_every_borough(kpis: Kpis) -> None:
    people = [f"person:k1:{number:032x}" for number in range(5)]
    boroughs = [BARNET, CAMDEN, ENFIELD, HARINGEY, ISLINGTON]
    for subject, borough in zip(people, boroughs, strict=True):
        given: dict[str, Any] = {"subject": subject, "borough": borough}
        await kpis.record(
            referral("2024-05-01T10:00:00Z", **given),
            *(conversation("2024-05-01T10:00:00Z", f"C{n}", **given) for n in range(5)),
            event(time="2024-05-01T10:00:00Z", **given),
            plan("agreed", "2024-05-01T10:00:00Z", **given),
            budget("2024-05-01T10:00:00Z", **given),
        )
    at = datetime(2024, 6, 1, tzinfo=UTC)
    for kpi, value, whole in [
        ("sp_referrals", 1, 5), ("sp_people", 1, 5), ("sdm_conversations", 5, 25), ("sdm_situations", 1, 1),
        ("pam_people", 1, 5), ("pcsp_active", 1, 5), ("phb_people", 1, 5),
    ]:  # fmt: skip
        expected = {("2024/25", borough): value for borough in boroughs} | {("2024/25", "NCL"): whole}
        assert await kpis.at(at, kpi) == expected, kpi
