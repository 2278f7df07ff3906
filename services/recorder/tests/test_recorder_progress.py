"""Readiness and the watchdog's verdict, by the clock that is handed in."""

import pytest

from pcare_recorder.cursors import Partition
from pcare_recorder.errors import Dependency
from pcare_recorder.progress import Progress

P0, P1 = Partition("interventions.submitted", 0), Partition("interventions.submitted", 1)


def progress(*, assigned: bool = True) -> Progress:
    made = Progress(0.0, not_ready_after=60.0, exit_after=180.0)
    if assigned:
        made.assigned({P0, P1}, 0.0)
    return made


def test_not_ready_until_partitions_are_assigned() -> None:
    starting = progress(assigned=False)
    assert "rebalancing" in starting.ready(1.0).reasons[0]
    assert starting.age(1.0) == 1.0
    starting.assigned({P0}, 1.0)
    assert starting.ready(1.0).ok
    assert starting.age(2.0) == 0.0


def test_a_copy_without_partitions_is_ready() -> None:
    spare = progress(assigned=False)
    spare.assigned(set(), 1.0)
    assert spare.ready(500.0).ok


def test_lag_without_progress_is_not_ready_after_a_minute() -> None:
    moving = progress()
    moving.lag({P0: 10, P1: 0}, 100.0)
    assert moving.ready(159.0).ok
    assert moving.ready(160.0).reasons == ("interventions.submitted/0 is behind and has not moved for 60 s.",)
    assert moving.age(160.0) == 60.0
    moving.moved([P0, P1], 160.0)
    assert moving.ready(219.0).ok
    moving.lag({P0: 0}, 220.0)
    assert moving.age(500.0) == 0.0
    assert moving.ready(500.0).ok


def test_lag_that_lasts_counts_from_when_it_began() -> None:
    slow = progress()
    slow.lag({P0: 10}, 100.0)
    slow.lag({P0: 20}, 150.0)
    assert slow.age(170.0) == 70.0


def test_partitions_that_went_elsewhere_are_forgotten() -> None:
    moved = progress()
    moved.lag({P0: 10, P1: 10}, 0.0)
    moved.assigned({P1}, 1.0)
    moved.lag({P1: 0}, 1.0)
    assert moved.age(100.0) == 0.0


def test_rebalances_in_a_row_do_not_hide_that_nothing_moves() -> None:
    flapping = progress()
    flapping.lag({P0: 10, P1: 10}, 0.0)
    for now in range(20, 70, 20):
        flapping.assigned(None, now)
        flapping.assigned({P0}, now + 1.0)
    assert flapping.age(70.0) == 70.0
    assert not flapping.ready(70.0).ok


def test_a_beginning_that_does_not_end_is_seen_although_no_lag_is_known() -> None:
    beginning = progress()
    beginning.beginning(10.0)
    beginning.beginning(12.0)
    assert beginning.ready(14.9).ok
    assert beginning.age(14.9) == pytest.approx(4.9)
    assert beginning.ready(15.0).reasons == ("Where to begin has not been found out for 5 s.",)
    assert beginning.stuck(189.0) is None
    assert beginning.stuck(190.0) == "where to begin was not found out for 180 s"
    beginning.begun(190.0)
    assert beginning.ready(190.0).ok
    assert beginning.stuck(190.0) is None


def test_a_dependency_that_is_away_is_named_after_a_moment() -> None:
    waiting = progress()
    waiting.away(Dependency.POSTGRESQL, 10.0)
    waiting.away(Dependency.POSTGRESQL, 14.0)
    assert waiting.ready(14.9).ok
    assert waiting.ready(22.0).reasons == ("PostgreSQL has not answered for 12 s.",)
    assert waiting.age(22.0) == 12.0
    waiting.back(Dependency.POSTGRESQL, 22.0)
    assert waiting.ready(22.0).ok
    assert waiting.age(22.0) == 0.0


def test_stuck_when_behind_for_too_long_but_not_while_a_dependency_is_away() -> None:
    behind = progress()
    behind.lag({P0: 1}, 0.0)
    assert behind.stuck(179.0) is None
    assert behind.stuck(180.0) == "a partition is behind and has not moved for 180 s"
    behind.away(Dependency.POSTGRESQL, 100.0)
    assert behind.stuck(180.0) is None


def test_a_long_outage_does_not_end_the_process_when_it_is_over() -> None:
    waiting = progress(assigned=False)
    waiting.away(Dependency.POSTGRESQL, 1.0)
    waiting.back(Dependency.POSTGRESQL, 300.0)
    waiting.away(Dependency.KAFKA, 300.0)
    waiting.back(Dependency.KAFKA, 600.0)
    assert waiting.stuck(601.0) is None  # nobody gave it partitions, for Kafka was away
    assert waiting.stuck(800.0) == "no partitions were assigned for 201 s"
    for over in ("begun", "back"):
        behind = progress()
        behind.lag({P0: 1}, 10.0)
        behind.away(Dependency.KAFKA, 20.0)
        assert behind.age(320.0) == 310.0
        behind.begun(320.0) if over == "begun" else behind.back(Dependency.KAFKA, 320.0)
        assert behind.stuck(321.0) is None
        assert behind.ready(321.0).ok
        assert behind.age(321.0) == 11.0
        assert behind.stuck(490.0) == "a partition is behind and has not moved for 180 s"


def test_short_outages_do_not_hide_that_nothing_moves() -> None:
    behind = progress()
    behind.lag({P0: 1}, 0.0)
    for now in range(0, 180, 20):
        behind.away(Dependency.KAFKA, now)
        behind.back(Dependency.KAFKA, now + 15.0)
    assert behind.stuck(180.0) == "a partition is behind and has not moved for 180 s"


def test_stuck_when_a_dependency_is_away_for_so_long_that_it_may_be_our_client_that_does_not_find_it() -> None:
    waiting = progress()
    waiting.away(Dependency.KAFKA, 0.0)
    assert waiting.stuck(899.0) is None
    assert waiting.stuck(900.0) == "Kafka has not answered for 900 s"


def test_stuck_in_a_rebalance_that_never_ends() -> None:
    joining = progress()
    joining.assigned(None, 100.0)
    joining.assigned(None, 200.0)
    assert joining.stuck(279.0) is None
    assert joining.stuck(280.0) == "no partitions were assigned for 180 s"
