"""Scenarios on how events come: again, in another order, late, and taken back. Numbers worked out by hand."""

from random import Random

from proof.by_hand import Hand, Scenario
from proof.making import BARNET, CAMDEN, ENFIELD, HARINGEY, ROYAL_FREE, WHITTINGTON, Cast, Event


def repeated(now: int) -> Scenario:
    """Tell of one person, and send all of it three times."""
    cast = Cast("repeated")
    events = [
        cast.referral("a", "2019-05-01", CAMDEN),
        cast.pam("a", "2019-06-01", CAMDEN),
        cast.agreed("a", "2019-07-01", CAMDEN),
        cast.conversation("a", "2019-08-01", CAMDEN, "smr_frailty"),
        cast.budget("a", "2019-09-01", CAMDEN),
        cast.budget_ended("a", "2021-05-01", CAMDEN),
        cast.joined("a", "2019-10-01", "U20001", CAMDEN),
        cast.left("a", "2020-01-01", "U20001", CAMDEN),
    ]
    batches = [events, events[::-1], Random(3).sample(events, len(events))]
    hand = Hand(now)
    for kpi in ("sp_referrals", "sp_people", "sdm_conversations", "upc_people", "pcsp_active"):
        hand.count(kpi, CAMDEN, 2019)
    hand.count("pam_people", CAMDEN, hand.since(2019))
    hand.count("phb_people", CAMDEN, (2019, 2020, 2021))
    hand.count("phb_active", CAMDEN, (2019, 2020))
    hand.share("phb_with_plan", CAMDEN, 2019, 1, 1)
    hand.share("phb_with_plan", CAMDEN, 2020, 0, 1)  # the plan has lapsed
    return Scenario("repeated", "Everything comes three times, each time in another order.", batches, hand)


def retracted_first(now: int) -> Scenario:
    """Send retractions before what they take back."""
    cast = Cast("retracted-first")
    early = cast.referral("a", "2020-05-01", BARNET, "r-1")
    kept = cast.referral("a", "2020-06-01", BARNET, "r-2")
    measure, late = cast.pam("b", "2020-06-01", BARNET), cast.pam("c", "2020-06-01", BARNET)
    batches = [[cast.retraction(early), cast.retraction(measure)], [early, kept, measure, late]]
    batches.append([cast.retraction(measure), cast.retraction(late)])
    hand = Hand(now)
    for kpi in ("sp_referrals", "sp_people", "upc_people"):
        hand.count(kpi, BARNET, 2020)
    return Scenario("retracted first", "Retractions come before their targets, after them, and twice.", batches, hand)


def _one_of_each() -> list[Event]:
    cast = Cast("one-of-each")
    return [
        cast.choice("a", "2018-05-01", ENFIELD, elective=True, ers=True, chosen=True),
        cast.assessed("08H", "2018-05-01", [1, 2, 3, 4, 5]),
        cast.referral("a", "2018-05-01", ENFIELD),
        cast.event("sp-closed", cast.person("a"), "2018-06-01", _of("r-1", "referral_ref", outcome="goals_met")),
        cast.event("sp-declined", cast.person("a"), "2018-06-01", {"borough": ENFIELD}),
        cast.joined("a", "2018-05-01", "U20002", ENFIELD),
        cast.left("a", "2018-06-01", "U20003", ENFIELD),
        cast.conversation("a", "2018-05-01", ENFIELD, "smr_stomp"),
        cast.answer("a", "2018-05-01", ENFIELD, (9, 9, 9)),
        cast.pam("a", "2018-05-01", ENFIELD, plan="p-1"),
        cast.course("a", "2018-05-01", ENFIELD, completed=False),
        cast.course("a", "2018-08-01", ENFIELD, completed=True),
        cast.agreed("a", "2018-06-01", ENFIELD),
        cast.reviewed("a", "2018-07-01", ENFIELD),
        cast.ended("a", "2018-08-01", ENFIELD, "p-2"),
        cast.event("care-plan-declined", cast.person("a"), "2018-09-01", {"borough": ENFIELD, "reason": "not_now"}),
        cast.budget("a", "2018-06-01", ENFIELD),
        cast.budget_ended("a", "2018-07-01", ENFIELD, "b-2"),
    ]


def _of(ref: str, field: str, **more: str) -> dict[str, str]:
    return {"borough": ENFIELD, field: ref, **more}


def _hand_of_each(now: int) -> Hand:
    hand = Hand(now)
    for kpi in ("sp_referrals", "sp_people", "sdm_conversations", "pcsp_active", "upc_people"):
        hand.count(kpi, ENFIELD, 2018)
    for kpi in ("pam_people", "pam_people_with_plan", "sp_link_workers", "phb_people", "phb_active"):
        hand.count(kpi, ENFIELD, hand.since(2018))
    hand.share("choice_ers", ENFIELD, 2018, 1, 1)
    hand.share("choice_standards", "NCL only", 2018, 5, 9)
    hand.share("sdm_collaborate", ENFIELD, 2018, 1, 1)
    hand.share("sdm_collaborate_mean", ENFIELD, 2018, 27, 3)
    hand.share("phb_with_plan", ENFIELD, 2018, 1, 1)
    hand.share("phb_with_plan", ENFIELD, hand.since(2019), 0, 1)
    return hand


def one_of_each(now: int) -> Scenario:
    """Send one event of every kind."""
    return Scenario("one of each", "One event of every kind, in one year.", [_one_of_each()], _hand_of_each(now))


def all_taken_back(now: int) -> Scenario:
    """Take every event of the scenario before back."""
    cast, events = Cast("all-taken-back"), _one_of_each()
    words = "Every one of these events is retracted: all that it counted is gone."
    retractions = [cast.retraction(event) for event in events]
    return Scenario("all taken back", words, [retractions], _hand_of_each(now).undone())


def late(now: int) -> Scenario:
    """Change closed years by what comes later."""
    cast = Cast("late")
    withdrawn = cast.referral("b", "2021-05-01", HARINGEY)
    batches = [
        [cast.referral("a", "2022-05-01", CAMDEN), withdrawn, cast.referral("b", "2022-06-01", HARINGEY)],
        [cast.referral("a", "2022-03-01", BARNET, source=ROYAL_FREE, ref_source=WHITTINGTON)],
        [cast.retraction(withdrawn)],
    ]
    hand = Hand(now)
    for kpi in ("sp_referrals", "sp_people"):
        hand.count(kpi, BARNET, 2021)  # an earlier contact of the same referral, told later by another organisation
        hand.count(kpi, HARINGEY, 2022)  # the first contact was taken back: the referral is of the second one's date
    hand.count("upc_people", CAMDEN, 2022)
    hand.count("upc_people", BARNET, 2021)
    hand.count("upc_people", HARINGEY, 2022)
    words = "Events and retractions come late, and move what closed years count."
    return Scenario("late into closed years", words, batches, hand)


def ties(now: int) -> Scenario:
    """State two facts of one instant."""
    cast = Cast("ties")
    at = "2020-09-01T10:00"
    events = [
        cast.pam("a", at, CAMDEN),
        cast.pam("a", at, BARNET, source=ROYAL_FREE),  # RAL comes before RKE, so Camden's is the later
        cast.pam("b", at, ENFIELD, id="tie-a"),
        cast.pam("b", at, HARINGEY, id="tie-B"),  # B comes before a, so Enfield's is the later
    ]
    hand = Hand(now)
    for area in (CAMDEN, ENFIELD):
        hand.count("pam_people", area, hand.since(2020))
        hand.count("upc_people", area, 2020)
    words = "Facts of one instant in two boroughs: source, then id decides, by code point."
    return Scenario("ties", words, [events], hand)
