"""All scenarios whose numbers are worked out by hand, in the order in which they are played."""

import datetime as dt
from collections.abc import Callable, Sequence

from pcare_audit.london import year_of
from proof import scenarios_order, scenarios_people, scenarios_shares, scenarios_time
from proof.by_hand import Scenario

_TOLD: Sequence[Callable[[int], Scenario]] = (
    scenarios_order.repeated,
    scenarios_order.retracted_first,
    scenarios_order.one_of_each,
    scenarios_order.all_taken_back,
    scenarios_order.late,
    scenarios_order.ties,
    scenarios_people.moved,
    scenarios_people.three_cohorts,
    scenarios_shares.three_and_three,
    scenarios_shares.in_two_boroughs,
    scenarios_shares.an_area_of_two_situations,
    scenarios_shares.choice,
    scenarios_shares.collaborate,
    scenarios_shares.standards,
    scenarios_time.posts,
    scenarios_time.plans,
    scenarios_time.leap_day,
    scenarios_time.turn_of_the_year,
    scenarios_time.doubled_hour,
    scenarios_time.budgets,
    scenarios_people.london_baseline,
)


def by_hand(now: dt.datetime) -> list[Scenario]:
    """Tell all of them. They have no people in common, so what they count adds up."""
    return [told(year_of(now)) for told in _TOLD]
