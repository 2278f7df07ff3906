"""Scenarios on what is not a sum: situations reached, shares and means. Numbers worked out by hand."""

from proof.by_hand import Hand, Scenario
from proof.making import BARNET, CAMDEN, ENFIELD, HARINGEY, ISLINGTON, Cast

NCL_ONLY = "NCL only"
NINE = list(range(1, 10))
FOUR_SITUATIONS = ("hip_pain", "knee_pain", "shoulder_pain", "back_pain")


def three_and_three(now: int) -> Scenario:
    """Tell of situations with three conversations here and three there: one person each, so two partitions."""
    cast = Cast("three-and-three")
    events = [
        cast.conversation(f"{situation}-{borough}", f"2016-0{number}-01", borough, situation, f"c-{number}")
        for situation in FOUR_SITUATIONS
        for borough in (CAMDEN, BARNET)
        for number in (5, 6, 7)
    ]
    hand = Hand(now)
    for borough in (CAMDEN, BARNET):
        hand.count("sdm_conversations", borough, 2016, 12)
        hand.count("upc_people", borough, 2016, 4)
        hand.alone("sdm_priority_areas", borough, 2016)  # 12 of the musculoskeletal area
    hand.alone("sdm_situations", "NCL", 2016, 4)  # 3 + 3 of each, in no borough 5
    hand.alone("sdm_priority_areas", "NCL", 2016)
    words = "Four situations, each with 3 conversations in Camden and 3 in Barnet: reached in NCL, in neither borough."
    camden, barnet = ([event for event in events if event["data"]["borough"] == at] for at in (CAMDEN, BARNET))
    return Scenario("three and three", words, [events], hand, apart=[*zip(camden[::3], barnet[::3], strict=True)])


def in_two_boroughs(now: int) -> Scenario:
    """Tell of one situation that two boroughs reach."""
    cast = Cast("in-two-boroughs")
    events = [
        cast.conversation(f"{borough}-{number}", "2017-09-01", borough, "hypertension")
        for borough in (CAMDEN, BARNET)
        for number in range(5)
    ]
    hand = Hand(now)
    for borough in (CAMDEN, BARNET):
        hand.count("sdm_conversations", borough, 2017, 5)
        hand.count("upc_people", borough, 2017, 5)
    for area in (CAMDEN, BARNET, "NCL"):
        hand.alone("sdm_situations", area, 2017)
        hand.alone("sdm_priority_areas", area, 2017)
    words = "A situation reached in Camden and in Barnet is one for NCL."
    return Scenario("one in two boroughs", words, [events], hand)


def an_area_of_two_situations(now: int) -> Scenario:
    """Tell of a priority area that no situation of it reaches, and of conversations that take two contacts."""
    cast = Cast("an-area")
    situations = ("atrial_fibrillation",) * 3 + ("high_cholesterol",) * 2
    first = [cast.conversation(n, "2015-06-01", ENFIELD, situation) for n, situation in enumerate(situations)]
    second = [cast.conversation(n, "2015-07-01", ENFIELD, "smr_frailty") for n in range(5)]
    hand = Hand(now)
    hand.count("sdm_conversations", ENFIELD, 2015, 5)
    hand.count("upc_people", ENFIELD, 2015, 5)
    for area in (ENFIELD, "NCL"):
        hand.alone("sdm_priority_areas", area, 2015)
    words = "3 + 2 conversations of two situations reach their priority area; a second contact reaches nothing new."
    return Scenario("one area", words, [second, first], hand)


def choice(now: int) -> Scenario:
    """Tell of referrals at which a choice was offered."""
    cast = Cast("choice")
    told = {"elective": True, "ers": True, "chosen": True}
    events = [
        cast.choice("a", "2022-05-01", CAMDEN, "e-1", **told),
        cast.choice("b", "2022-05-01", CAMDEN, "e-1", **{**told, "ers": False}),
        cast.choice("b", "2022-06-01", CAMDEN, "e-1", **told),  # the first event classifies the referral
        cast.choice("c", "2022-05-01", CAMDEN, "e-1", **{**told, "chosen": False}),
        cast.choice("d", "2022-05-01", CAMDEN, "e-1", **{**told, "elective": False}),
        cast.choice("e", "2022-05-01", ISLINGTON, "e-1", **told),
        cast.choice("e", "2022-05-02", ISLINGTON, "e-2", **told),
    ]
    hand = Hand(now)
    hand.share("choice_ers", CAMDEN, 2022, 1, 3)
    hand.share("choice_ers", ISLINGTON, 2022, 2, 2)
    hand.value("choice_ers", CAMDEN, 2022, "33.33")
    hand.value("choice_ers", ISLINGTON, 2022, "100")
    hand.value("choice_ers", "NCL", 2022, "60")  # 3 of 5: neither the sum nor the mean of its boroughs
    hand.count("upc_people", CAMDEN, 2022, 4)
    hand.count("upc_people", ISLINGTON, 2022, 1)
    words = "Shares of elective referrals: 1 of 3 in Camden, 2 of 2 in Islington, 3 of 5 in NCL."
    return Scenario("choice", words, [events], hand)


def collaborate(now: int) -> Scenario:
    """Tell of teams with too few answers, enough of them, and of one without a borough."""
    cast = Cast("collaborate")
    few = [cast.answer("a", "2019-06-01", HARINGEY, (9, 9, 9)) for _ in range(24)]
    enough = [cast.answer("a", "2020-06-01", HARINGEY, (5, 5, 5) if n else (9, 9, 9)) for n in range(32)]
    nowhere = [cast.answer("b", "2020-06-01", None, (9, 9, 9)) for _ in range(25)]
    hand = Hand(now)
    hand.share("sdm_collaborate", HARINGEY, 2019, 24, 24)
    hand.share("sdm_collaborate_mean", HARINGEY, 2019, 24 * 27, 24 * 3)
    hand.share("sdm_collaborate", HARINGEY, 2020, 1, 32)
    hand.share("sdm_collaborate_mean", HARINGEY, 2020, 27 + 31 * 15, 32 * 3)
    hand.share("sdm_collaborate", NCL_ONLY, 2020, 25, 25)
    hand.share("sdm_collaborate_mean", NCL_ONLY, 2020, 25 * 27, 25 * 3)
    for kpi, here, nowhere_else, ncl in (
        ("sdm_collaborate", "3.13", "100", "45.61"),  # 1 of 32 is 3.125 %, half up; 26 of 57
        ("sdm_collaborate_mean", "5.13", "9", "6.82"),  # 492 / 96 is 5.125, half up; 1,167 / 171
    ):
        hand.value(kpi, HARINGEY, 2019, None)
        hand.value(kpi, "NCL", 2019, None)
        hand.value(kpi, HARINGEY, 2020, here)
        hand.value(kpi, NCL_ONLY, 2020, nowhere_else)
        hand.value(kpi, "NCL", 2020, ncl)
    words = "collaboRATE: no value below 25 answers; 25 and more have one; a team without a borough is NCL only."
    return Scenario("collaboRATE", words, [few + enough + nowhere], hand)


def standards(now: int) -> Scenario:
    """Tell of commissioners' assessments, the latest of which counts."""
    cast = Cast("standards")
    batches = [
        [cast.assessed("93C", "2020-06-01", NINE[:5]), cast.assessed("93C", "2020-12-01", NINE[:7])],
        [cast.assessed("93C", "2020-07-01", NINE[:1]), cast.assessed("93C", "2021-05-01", NINE)],
        [cast.assessed("07M", "2019-05-01", NINE[:8]), cast.assessed("07R", "2019-05-01", NINE)],
    ]
    hand = Hand(now)
    for year, met, of, shown in ((2019, 17, 18, "94.44"), (2020, 7, 9, "77.78"), (2021, 9, 9, "100")):
        hand.share("choice_standards", NCL_ONLY, year, met, of)
        for area in (NCL_ONLY, "NCL"):
            hand.value("choice_standards", area, year, shown)
    words = "Commissioners' standards: the latest assessment of the year counts, not the one that came last."
    return Scenario("standards", words, batches, hand)
