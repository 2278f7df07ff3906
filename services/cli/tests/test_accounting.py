from decimal import Decimal

import pytest

from pcare_cli.accounting import Accounting, Cursor, KpiRow, PartitionAccount, Report, compare, lost

CURSOR = Cursor("interventions.submitted", 3, base_offset=10, next_offset=25, recorded=12, duplicates=2, rejected=1)
EXACT = PartitionAccount(CURSOR, submitted=15)
ROW = KpiRow("pam_people", "NCL", "2026/27", Decimal(7), Decimal(7))


def report(accounting: Accounting, kpis: tuple[KpiRow, ...] = (ROW,), troubles: tuple[str, ...] = ()) -> Report:
    return Report(accounting, kpis, "2026-11-21T12:00:00+00:00", troubles)


def test_all_that_adds_up_is_exact() -> None:
    whole = report(Accounting((EXACT,), accepted=14))
    assert whole.exact
    assert whole.verdict() == (
        "exact: 15 submitted = 12 recorded + 2 duplicates + 1 rejected; 1 KPI values agree between stream and SQL"
    )
    document = whole.document()
    assert document["exact"] is True
    assert document["kpis"] == [{"kpi": "pam_people", "borough": "NCL", "year": "2026/27", "stream": 7, "sql": 7}]
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
            report(Accounting((EXACT,)), (ROW, KpiRow("sp_people", "E09000003", "2025/26", Decimal(3), Decimal(4)))),
            "1 of 2 KPI values differ, such as sp_people E09000003 2025/26: 3 streamed, 4 by SQL",
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


def test_kpis_of_both_ways_are_put_side_by_side_and_missing_is_zero() -> None:
    stream = {("a", "NCL", "2026/27"): Decimal(2), ("b", "NCL", "2026/27"): Decimal(0)}
    sql = {("a", "NCL", "2026/27"): Decimal(2), ("a", "NCL", "2025/26"): Decimal(1)}
    rows = compare(stream, sql)
    assert [(row.kpi, row.year, int(row.stream), int(row.sql), row.exact) for row in rows] == [
        ("a", "2025/26", 0, 1, False),
        ("a", "2026/27", 2, 2, True),
        ("b", "2026/27", 0, 0, True),
    ]


def test_accepted_events_that_are_nowhere_are_lost() -> None:
    assert lost([("a", "1"), ("a", "2"), ("a", "2")], {("a", "1")}) == (("a", "2"),)


def test_shares_are_written_with_their_fraction() -> None:
    row = KpiRow("choice_ers", "NCL", "2026/27", Decimal("0.25"), Decimal("0.25"))
    assert report(Accounting((EXACT,)), (row,)).document()["kpis"][0]["stream"] == 0.25
