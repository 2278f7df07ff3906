"""Scenarios on who counts, and where: people are counted, never cohorts. Numbers worked out by hand."""

from proof.by_hand import Hand, Scenario
from proof.making import BARNET, BOROUGHS, CAMDEN, HARINGEY, ISLINGTON, Cast

ADULTS, CHILDREN = 2_562, 316
ADULT_LINES = {"adult_chc": 1_330, "adult_other": 715, "adult_ld": 532, "adult_joint": 401, "adult_mh": 244}
CHILD_LINES = {"cyp_ld_autism": 23, "cyp_other": 86, "cyp_ehcp": 106, "cyp_continuing_care": 193}
"""London, Q3 2018/19, as published: budgets delivered by cohort (Healthy London Partnership, 2019)."""


def moved(now: int) -> Scenario:
    """Tell of a person who moves borough between and within years."""
    cast = Cast("moved")
    events = [
        cast.pam("a", "2022-05-01", CAMDEN),
        cast.referral("a", "2023-06-01", CAMDEN, "r-1"),
        cast.referral("a", "2023-07-01", BARNET, "r-2"),
        cast.agreed("a", "2023-08-01", CAMDEN),
        cast.reviewed("a", "2023-09-01", BARNET),
        cast.pam("a", "2024-05-01", ISLINGTON),
    ]
    hand = Hand(now)
    hand.count("sp_referrals", CAMDEN, 2023)
    hand.count("sp_referrals", BARNET, 2023)
    hand.count("sp_people", BARNET, 2023)
    hand.count("pcsp_active", BARNET, 2023)
    hand.count("pam_people", CAMDEN, (2022, 2023))
    hand.count("pam_people", ISLINGTON, hand.since(2024))
    hand.count("upc_people", CAMDEN, 2022)
    hand.count("upc_people", BARNET, 2023)
    hand.count("upc_people", ISLINGTON, 2024)
    return Scenario("moved", "A person who moves borough counts once, where they were last.", [events], hand)


def three_cohorts(now: int) -> Scenario:
    """Tell of one person in three cohorts and with two budgets."""
    cast = Cast("three-cohorts")
    events = [
        cast.budget("a", "2020-05-01", HARINGEY, "b-1", cohorts=["adult_ld", "s117", "wheelchair"]),
        cast.budget("a", "2020-06-01", HARINGEY, "b-2", cohorts=["dementia"]),
        cast.budget_ended("a", "2020-12-01", HARINGEY, "b-1"),
        cast.budget_ended("a", "2020-12-01", HARINGEY, "b-2"),
    ]
    hand = Hand(now)
    hand.count("phb_people", HARINGEY, 2020)
    hand.count("upc_people", HARINGEY, 2020)
    words = "One person with two budgets in four cohorts is one person."
    return Scenario("three cohorts", words, [events], hand)


def london_baseline(now: int) -> Scenario:
    """Tell London's baseline: 3,630 cohort lines, 2,878 people."""
    cast = Cast("london-baseline")
    events = []
    for name, people, lines in (("adult", ADULTS, ADULT_LINES), ("child", CHILDREN, CHILD_LINES)):
        cohorts = [cohort for cohort, number in lines.items() for _ in range(number)]
        for line, cohort in enumerate(cohorts):  # so those who have two lines have them in two cohorts
            who = line % people
            borough = BOROUGHS[who % 5]
            events.append(cast.budget(f"{name}-{who}", "2018-12-03", borough, f"b-{line}", cohorts=[cohort]))
    assert len(events) == 3_630
    hand = Hand(now)
    adults, children = (513, 513, 512, 512, 512), (64, 63, 63, 63, 63)
    people = {borough: sum(parts) for borough, *parts in zip(BOROUGHS, adults, children, strict=True)}
    assert sum(people.values()) == 2_878
    for borough, number in people.items():
        hand.count("phb_people", borough, hand.since(2018), number)
        hand.count("phb_active", borough, hand.since(2018), number)
        hand.share("phb_with_plan", borough, hand.since(2018), 0, number)
        hand.count("upc_people", borough, 2018, number)
    words = "London's baseline of 2018/19: 3,630 cohort lines are 2,878 people."
    return Scenario("London baseline", words, [events], hand)
