from decimal import Decimal

import pytest

from pcare_audit.replay import Counted
from pcare_cli.accounting import Accounting, Cursor, KpiRow, PartitionAccount, Report, compare, lost

CURSOR = Cursor("interventions.submitted", 3, base_offset=10, next_offset=25, recorded=12, duplicates=2, rejected=1)
EXACT = PartitionAccount(CURSOR, submitted=15)


def counted(number: int) -> Counted:
    return Counted(Decimal(number), number, None)


ROW = KpiRow("pam_people", "NCL", "2026/27", counted(7), counted(7), counted(7))
THREE, FOUR = counted(3), counted(4)
A_THIRD = Counted(Decimal("33.33"), 1, 3)
NO_SHARE = Counted(None, 0, 0)


def report(accounting: Accounting, kpis: tuple[KpiRow, ...] = (ROW,), troubles: tuple[str, ...] = ()) -> Report:
    return Report(accounting, kpis, "2026-11-21T12:00:00+00:00", troubles)


def test_all_that_adds_up_is_exact() -> None:
    whole = report(Accounting((EXACT,), accepted=14))
    assert whole.exact
    assert whole.verdict() == (
        "exact: 15 submitted = 12 recorded + 2 duplicates + 1 rejected; "
        "1 KPI values agree between stream, SQL and replay"
    )
    document = whole.document()
    assert document["exact"] is True
    seven = {"value": 7, "numerator": 7, "denominator": None}
    (row,) = document["kpis"]
    assert row == {
        "kpi": "pam_people",
        "borough": "NCL",
        "year": "2026/27",
        "exact": True,
        "stream": seven,
        "sql": seven,
        "replay": seven,
    }
    assert {name: document["accounting"][name] for name in ("submitted", "recorded", "duplicates", "rejected")} == {
        "submitted": 15,
        "recorded": 12,
        "duplicates": 2,
        "rejected": 1,
    }


@pytest.mark.parametrize(
    ("skewed", "words"),
    [
        (report(Accounting((PartitionAccount(CURSOR, 16),))), "submitted/3: 16 submitted, 15 accounted for"),
        (report(Accounting((PartitionAccount(CURSOR, 14),))), "submitted/3: 14 submitted, 15 accounted for"),
        (report(Accounting((PartitionAccount(CURSOR, 15, "the topic goes on"),))), "the topic goes on"),
        (
            report(Accounting((EXACT,), accepted=1, lost=(("urn:a", "7"),))),
            "1 accepted events are neither recorded nor rejected",
        ),
        (report(Accounting(())), "nothing was recorded"),
        (report(Accounting((EXACT,)), kpis=()), "no KPI value"),
        (report(Accounting((EXACT,)), troubles=("it did not settle",)), "it did not settle"),
        (
            report(Accounting((EXACT,)), (ROW, KpiRow("sp_people", "E09000003", "2025/26", THREE, FOUR, THREE))),
            "1 of 2 KPI values differ, such as sp_people E09000003 2025/26: 3 streamed, 4 by SQL, 3 by replay",
        ),
        (
            report(Accounting((EXACT,)), (KpiRow("choice_ers", "NCL", "2025/26", A_THIRD, A_THIRD, NO_SHARE),)),
            "33.33 (1 of 3) streamed, 33.33 (1 of 3) by SQL, none (0 of 0) by replay",
        ),
    ],
)
def test_whatever_does_not_add_up_is_not_exact_and_named(skewed: Report, words: str) -> None:
    assert not skewed.exact
    assert skewed.document()["exact"] is False
    assert skewed.verdict().startswith("NOT EXACT: ")
    assert words in skewed.verdict()


def test_one_event_more_in_one_partition_and_less_in_another_is_not_exact() -> None:
    skewed = report(Accounting((PartitionAccount(CURSOR, 14), PartitionAccount(CURSOR, 16))))
    assert skewed.accounting.total("submitted") == 30
    assert not skewed.exact


def test_kpis_are_put_side_by_side_and_missing_is_zero() -> None:
    stream = {("a", "NCL", "2026/27"): counted(2), ("b", "NCL", "2026/27"): counted(0)}
    sql = {("a", "NCL", "2026/27"): counted(2), ("a", "NCL", "2025/26"): counted(1)}
    replay = {("a", "NCL", "2026/27"): counted(2), ("c", "NCL", "2026/27"): counted(5)}
    rows = compare(stream, sql, replay)
    assert [
        (row.kpi, row.year, *(int(one.numerator) for one in (row.stream, row.sql, row.replay))) for row in rows
    ] == [
        ("a", "2025/26", 0, 1, 0),
        ("a", "2026/27", 2, 2, 2),
        ("b", "2026/27", 0, 0, 0),
        ("c", "2026/27", 0, 0, 5),
    ]
    assert [row.exact for row in rows] == [False, True, True, False]


def test_a_share_that_one_way_lacks_is_none_of_none_there() -> None:
    key = ("choice_ers", "NCL", "2026/27")
    assert [row.exact for row in compare({key: NO_SHARE}, {}, {key: NO_SHARE})] == [True]
    assert [row.exact for row in compare({key: A_THIRD}, {key: A_THIRD}, {})] == [False]


def test_the_same_share_of_other_parts_is_not_the_same() -> None:
    half, same_half = Counted(Decimal("50.00"), 1, 2), Counted(Decimal("50.00"), 2, 4)
    assert not KpiRow("choice_ers", "NCL", "2026/27", half, half, same_half).exact
    assert KpiRow("choice_ers", "NCL", "2026/27", half, half, Counted(Decimal(50), 1, 2)).exact


def test_accepted_events_that_are_nowhere_are_lost() -> None:
    assert lost([("a", "1"), ("a", "2"), ("a", "2")], {("a", "1")}) == (("a", "2"),)


def test_shares_are_written_with_their_fraction() -> None:
    row = KpiRow("choice_ers", "NCL", "2026/27", A_THIRD, A_THIRD, A_THIRD)
    document = report(Accounting((EXACT,)), (row,)).document()["kpis"][0]
    assert document["stream"] == {"value": 33.33, "numerator": 1, "denominator": 3}
