"""What arrived last, read piece by piece: forward without end, backward to the horizon, nothing twice."""

import datetime as dt

from pcare_cli.accounting import Cursor
from pcare_cli.watch.arrivals import PIECE, Arrivals, Arrived, Piece

TOPIC = "interventions.submitted"
NOW = dt.datetime(2026, 6, 8, 12, tzinfo=dt.UTC)
HORIZON = NOW - dt.timedelta(days=15)


def cursor(next_offset: int, *, base: int = 0, partition: int = 0) -> Cursor:
    return Cursor(TOPIC, partition, base, next_offset, 0, 0, 0)


def arrived(code: str | None, hours_ago: float, *, outcome: str = "recorded", number: int = 1) -> Arrived:
    at = NOW - dt.timedelta(hours=hours_ago)
    return Arrived(code, outcome, number, at, at)


def test_it_reads_back_to_the_beginning_and_then_only_what_is_new() -> None:
    arrivals = Arrivals()
    (back,) = arrivals.wanted([cursor(30)], 10)
    assert back == Piece(TOPIC, 0, 0, 30, new=False)
    assert arrivals.known_since(HORIZON, NOW) == NOW
    arrivals.add(back, [arrived("RKE", 5)], HORIZON)
    assert arrivals.wanted([cursor(30)], 10) == []
    assert arrivals.known_since(HORIZON, NOW) == HORIZON
    (forward,) = arrivals.wanted([cursor(37)], 10)
    assert forward == Piece(TOPIC, 0, 30, 37, new=True)
    arrivals.add(forward, [arrived("RKE", 1, number=6), arrived("RAL", 2, outcome="rejected")], HORIZON)
    assert arrivals.last == {"RKE": NOW - dt.timedelta(hours=1), "RAL": NOW - dt.timedelta(hours=2)}
    assert arrivals.take_counted() == {("RKE", "recorded"): 6, ("RAL", "rejected"): 1}
    assert arrivals.take_counted() == {}


def test_it_goes_no_further_back_than_the_horizon_and_no_piece_is_large() -> None:
    arrivals = Arrivals()
    (first,) = arrivals.wanted([cursor(5 * PIECE)], 10)
    assert (first.first, first.end) == (4 * PIECE, 5 * PIECE)
    arrivals.add(first, [arrived("RKE", 1)], HORIZON)
    (second,) = arrivals.wanted([cursor(5 * PIECE)], 10)
    assert second.end == first.first
    arrivals.add(second, [arrived(None, 16 * 24)], HORIZON)
    assert arrivals.wanted([cursor(5 * PIECE)], 10) == []
    assert arrivals.last == {"RKE": NOW - dt.timedelta(hours=1)}


def test_what_is_new_comes_first_where_not_everything_can_be_read() -> None:
    arrivals = Arrivals()
    arrivals.wanted([cursor(30), cursor(30, partition=1)], 10)
    (one,) = arrivals.wanted([cursor(30), cursor(31, partition=1)], 1)
    assert one.new
    assert one.partition == 1


def test_an_older_arrival_does_not_stand_before_a_later_one() -> None:
    arrivals = Arrivals()
    (back,) = arrivals.wanted([cursor(30)], 10)
    arrivals.add(back, [arrived("RKE", 1), arrived("RKE", 9, outcome="rejected")], HORIZON)
    assert arrivals.last["RKE"] == NOW - dt.timedelta(hours=1)
