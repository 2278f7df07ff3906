"""What differs between stream and SQL, and what only moved meanwhile."""

from decimal import Decimal

from pcare_audit.replay import Counted
from pcare_cli.watch.kpis import judge

KEY, OTHER = ("sp_referrals", "NCL", "2026/27"), ("pam_people", "NCL", "2026/27")


def n(number: int) -> Counted:
    return Counted(Decimal(number), number, None)


def test_what_is_the_same_agrees() -> None:
    verdict = judge({KEY: n(7)}, {KEY: n(7)}, {KEY: n(7)})
    assert (verdict.compared, verdict.differing, verdict.undecided) == (1, {}, 0)


def test_what_did_not_move_and_is_otherwise_in_sql_differs() -> None:
    assert judge({KEY: n(7)}, {KEY: n(6)}, {KEY: n(7)}).differing == {KEY: Decimal(1)}
    assert judge({KEY: n(7)}, {}, {KEY: n(7)}).differing == {KEY: Decimal(7)}
    assert judge({}, {KEY: n(2)}, {}).differing == {KEY: Decimal(-2)}


def test_what_moved_meanwhile_is_not_decided_unless_sql_has_either() -> None:
    assert judge({KEY: n(7)}, {KEY: n(8)}, {KEY: n(9)}).undecided == 1
    assert judge({KEY: n(7)}, {KEY: n(9)}, {KEY: n(9)}).undecided == 0
    assert not judge({KEY: n(7)}, {KEY: n(8)}, {KEY: n(9)}).differing


def test_nothing_and_none_of_nothing_are_the_same() -> None:
    assert judge({}, {KEY: n(0), OTHER: Counted(None, 0, 0)}, {}).differing == {}


def test_a_share_of_other_things_differs_though_the_number_is_the_same() -> None:
    half, also_half = Counted(Decimal(50), 1, 2), Counted(Decimal(50), 2, 4)
    assert judge({KEY: half}, {KEY: also_half}, {KEY: half}).differing == {KEY: Decimal(-1)}
