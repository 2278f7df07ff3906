"""Scenarios on what is in place, from when to when, by London's clocks. Numbers worked out by hand."""

from proof.by_hand import Hand, Scenario
from proof.making import BARNET, CAMDEN, ENFIELD, HARINGEY, ISLINGTON, ROYAL_FREE, WHITTINGTON, Cast


def posts(now: int) -> Scenario:
    """Tell of link workers who join and leave two networks."""
    cast = Cast("posts")
    events = [
        cast.joined("a", "2019-05-01", "U30001", CAMDEN),
        cast.joined("a", "2020-05-01", "U30002", ISLINGTON),
        cast.left("a", "2021-01-10", "U30001", source=ROYAL_FREE),  # a post is its network, whoever tells
        cast.left("a", "2022-06-01", "U30002"),
        cast.joined("b", "2023-05-01", "U30001", None),
        cast.joined("c", "2024-05-01", "U30001", CAMDEN),
        cast.joined("c", "2024-06-01", "U30002", BARNET),
    ]
    hand = Hand(now)
    hand.count("sp_link_workers", CAMDEN, 2019)
    hand.count("sp_link_workers", ISLINGTON, (2020, 2021))
    hand.count("sp_link_workers", "NCL only", hand.since(2023))
    hand.count("sp_link_workers", BARNET, hand.since(2024))
    words = "Link workers who join and leave two networks: each is one, where they joined last."
    return Scenario("link workers", words, [events[::-1]], hand)


def plans(now: int) -> Scenario:
    """Tell of plans that are agreed, reviewed, ended, opened again, and lapse at the very instant."""
    cast = Cast("plans")
    events = [
        cast.agreed("a", "2019-04-01T00:00", CAMDEN),  # lapses as 2019/20 ends: in place at its last instant
        cast.agreed("b", "2018-03-31T23:59:59", CAMDEN),  # lapses a second before 2018/19 ends
        cast.agreed("c", "2019-06-01", CAMDEN),
        cast.reviewed("c", "2020-05-01", CAMDEN),
        cast.agreed("d", "2019-06-01", CAMDEN),
        cast.ended("d", "2019-07-01", CAMDEN),
        cast.reviewed("d", "2019-08-01", CAMDEN),  # a review does not open what has ended
        cast.agreed("e", "2019-06-01", CAMDEN),
        cast.ended("e", "2019-07-01", CAMDEN),
        cast.agreed("e", "2019-09-01", CAMDEN),
        cast.agreed("f", "2019-06-01T10:00", CAMDEN),
        cast.ended("f", "2019-06-01T10:00", CAMDEN),
        cast.agreed("g", "2016-06-01", CAMDEN),
        cast.reviewed("g", "2019-06-01", CAMDEN),  # after the lapse: it brings the plan back
        cast.ended("h", "2019-05-01", CAMDEN),
        cast.agreed("h", "2019-06-01", CAMDEN),
        cast.agreed("i", "2019-06-01", CAMDEN),
        cast.ended("i", "2019-07-01", CAMDEN, source=ROYAL_FREE, ref_source=WHITTINGTON),
        cast.agreed("j", "2019-06-01", CAMDEN),
        cast.ended("j", "2019-07-01", CAMDEN, source=ROYAL_FREE),  # another plan of the same name
        cast.agreed("k", "2019-06-01T10:00", CAMDEN),
        cast.ended("k", "2019-06-01T10:00", CAMDEN),
        cast.reviewed("k", "2019-07-01", CAMDEN),  # what ended as it began is not open
    ]
    hand = Hand(now)
    for year, active, reached in ((2016, 1, 1), (2017, 1, 1), (2019, 6, 10), (2020, 1, 1)):
        hand.count("pcsp_active", CAMDEN, year, active)
        hand.count("upc_people", CAMDEN, year, reached)
    words = "Plans agreed, reviewed, ended, opened again, lapsing at the instant, closed by another organisation."
    return Scenario("plans", words, [events[::2], events[1::2]], hand)


def leap_day(now: int) -> Scenario:
    """Tell of a plan agreed on 29 February."""
    cast = Cast("leap-day")
    hand = Hand(now)
    hand.count("pcsp_active", BARNET, 2019)
    hand.count("upc_people", BARNET, 2019)
    moments = {}
    for instant, years in (("2021-02-28T12:00:00+00:00", (2019, 2020)), ("2021-02-28T12:00:00.000001+00:00", (2019,))):
        moments[instant] = then = Hand(2020)
        then.count("pcsp_active", BARNET, years)
        then.count("upc_people", BARNET, 2019)
    words = "A plan agreed on 29 February lapses on 28 February, at the same time of day, and not before."
    return Scenario("leap day", words, [[cast.agreed("a", "2020-02-29T12:00", BARNET)]], hand, moments)


def turn_of_the_year(now: int) -> Scenario:
    """Tell of referrals in the hours around the turn of the financial year."""
    cast = Cast("turn-of-the-year")
    at = {
        "2023-03-31T22:59:59.999999+00:00": 2022,  # by London's clocks still 31 March
        "2023-03-31T23:00:00+00:00": 2023,
        "2021-03-31T23:30:00+00:00": 2021,
        "2024-03-31T00:30:00+00:00": 2023,  # half an hour before the clocks go forward
        "2024-03-31T01:30:00+00:00": 2023,
        "2025-03-31T23:59:59+01:00": 2024,
        "2025-04-01T00:00:00+01:00": 2025,
    }
    hand = Hand(now)
    for year in at.values():
        for kpi in ("sp_referrals", "sp_people", "upc_people"):
            hand.count(kpi, HARINGEY, year)
    events = [cast.referral(number, time, HARINGEY) for number, time in enumerate(at)]
    events.append(cast.pam("a", "2022-04-01T00:00", HARINGEY))  # at the very midnight: of the new year
    hand.count("pam_people", HARINGEY, hand.since(2022))
    hand.count("upc_people", HARINGEY, 2022)
    words = "31 March and 1 April: London's midnight decides the year, in summer time."
    return Scenario("turn of the year", words, [events], hand)


def doubled_hour(now: int) -> Scenario:
    """Tell of plans that lapse in an hour that comes twice, or not at all."""
    cast = Cast("doubled-hour")
    events = [cast.agreed("a", "2023-10-27T01:30", ENFIELD), cast.agreed("b", "2023-03-31T01:30", ENFIELD)]
    hand = _plans_of(now, {2022: 1, 2023: 1})
    moments = {  # in 2024, 01:30 comes twice on 27 October and not at all on 31 March: the later reading counts
        "2024-03-31T01:30:00+00:00": _plans_of(2023, {2022: 1, 2023: 2}),
        "2024-03-31T01:30:00.000001+00:00": _plans_of(2023, {2022: 1, 2023: 1}),
        "2024-10-27T01:30:00+00:00": _plans_of(2024, {2022: 1, 2023: 1, 2024: 1}),
        "2024-10-27T01:30:00.000001+00:00": _plans_of(2024, {2022: 1, 2023: 1}),
    }
    words = "A plan that lapses at 01:30 when 01:30 comes twice, or not at all: at the later reading."
    return Scenario("doubled hour", words, [events], hand, moments)


def _plans_of(now: int, active: dict[int, int]) -> Hand:
    hand = Hand(now)
    for year, number in active.items():
        hand.count("pcsp_active", ENFIELD, year, number)
    hand.count("upc_people", ENFIELD, (2022, 2023))
    return hand


def budgets(now: int) -> Scenario:
    """Tell of budgets that start later, are paid once, overlap, and have a plan or none."""
    cast = Cast("budgets")
    events = [
        cast.budget("a", "2021-02-01", ISLINGTON, starts="2021-05-01"),  # told in one year, running in the next
        cast.budget_ended("a", "2021-08-01", ISLINGTON),
        cast.budget("b", "2021-06-01", ISLINGTON, one_off=True),
        cast.budget("c", "2021-06-01", ISLINGTON, "b-1"),
        cast.budget_ended("c", "2022-06-01", ISLINGTON, "b-1"),
        cast.budget("c", "2021-09-01", ISLINGTON, "b-2"),
        cast.budget_ended("c", "2023-02-01", ISLINGTON, "b-2"),
        cast.budget("d", "2022-05-01", ISLINGTON),
        cast.agreed("d", "2022-06-01", ISLINGTON),
        cast.budget_ended("d", "2023-05-01", ISLINGTON),
        cast.budget("e", "2022-05-01", ISLINGTON),
        cast.budget_ended("e", "2023-05-01", ISLINGTON),
        cast.budget("f", "2022-03-31T15:00", ISLINGTON, one_off=True),  # in place to the year's last instant
        cast.budget("g", "2022-07-01T10:00", ISLINGTON),
        cast.budget_ended("g", "2022-07-01T10:00", ISLINGTON),
    ]
    hand = Hand(now)
    for year, people in ((2021, 4), (2022, 3), (2023, 2)):
        hand.count("phb_people", ISLINGTON, year, people)
    hand.count("phb_active", ISLINGTON, (2021, 2022), 2)
    hand.share("phb_with_plan", ISLINGTON, 2021, 0, 2)
    hand.share("phb_with_plan", ISLINGTON, 2022, 1, 2)
    hand.count("pcsp_active", ISLINGTON, 2022)
    for year, reached in ((2020, 1), (2021, 3), (2022, 3)):
        hand.count("upc_people", ISLINGTON, year, reached)
    words = "Budgets that start later, are paid once, overlap, or end as they begin; with an active plan and without."
    return Scenario("budgets", words, [events[::-1]], hand)
