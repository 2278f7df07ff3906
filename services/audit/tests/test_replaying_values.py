"""Columns from an event, ranges from options, and the form of the result."""

import dataclasses
import datetime as dt
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from audit_lines import line
from replaying_frames import NOW, PARTITION

from pcare_audit.replay import Counted
from pcare_audit.replaying import columns
from pcare_audit.replaying.findings import Findings
from pcare_audit.replaying.frame import Span, Where
from pcare_audit.replaying.harmless import harmless
from pcare_audit.replaying.ranges import RangeError, bounds, narrowed
from pcare_audit.replaying.result import COUNTS, MEANINGS, Check, Difference, Event, Kind, KpiLine, Kpis, Result
from pcare_audit.replaying.spilling import FLUSH_BYTES, Spill, take


def test_a_row_is_worked_out_from_the_event_alone() -> None:
    one = line("phb-issued", "2026-03-31T23:30:00+00:00", starts="2026-05-01", budget_ref="b", integrated=True)
    row = dict(zip(columns.COLUMNS, columns.derived(one), strict=True))
    assert row["occurred_at"] == dt.datetime(2026, 3, 31, 23, 30, tzinfo=dt.UTC)
    assert (row["month"], row["financial_year"]) == (dt.date(2026, 4, 1), "2026/27")  # by London's clocks
    assert (row["ref_source"], row["ref"], row["starts"]) == ("urn:a", "b", dt.date(2026, 5, 1))
    assert row["details"] == {"integrated": True}
    assert row["borough"] is None


def test_a_reference_that_names_nothing_of_its_own_kind_is_a_detail() -> None:
    row = dict(zip(columns.COLUMNS, columns.derived(line("pam-scored", "2026-05-01", plan_ref="p")), strict=True))
    assert (row["ref"], row["ref_source"], row["details"]) == (None, None, {"plan_ref": "p"})


def test_every_column_makes_another_digest() -> None:
    values = columns.derived(line("sp-referral", "2026-05-01", referral_ref="r", reasons=["a"], more=1))
    seen = {columns.digest(values)}
    for place in range(len(values)):
        changed = (*values[:place], "something else", *values[place + 1 :])
        seen.add(columns.digest(changed))
        assert [name for name, _, _ in columns.unlike(values, changed)] == [columns.COLUMNS[place]]
    assert len(seen) == len(values) + 1
    details = orjson.dumps(values[columns.DETAILS]).decode()
    held = (*values[: columns.DETAILS], details, *values[columns.DETAILS + 1 :])
    assert columns.held(held) == values


@pytest.mark.parametrize(("one", "other"), [(7, 7.0), (1, True), ({"a": 0}, {"a": False})])
def test_what_python_calls_equal_and_no_reader_of_json_does_is_named(one: object, other: object) -> None:
    values = columns.derived(line("pam-scored", "2026-05-01", plan_ref="p"))
    changed = [(*values[: columns.DETAILS], given, *values[columns.DETAILS + 1 :]) for given in (one, other)]
    assert columns.digest(changed[0]) != columns.digest(changed[1])
    assert [name for name, _, _ in columns.unlike(*changed)] == ["details"]


def test_a_range_is_an_offset_of_one_partition_or_a_time_of_all() -> None:
    begin, end = bounds(["interventions.submitted/0/5"], "--from"), bounds(["2026-11-01T00:00:00+00:00"], "--to")
    other = Where("interventions.submitted", 1)
    held = {PARTITION: Span(2, 50), other: Span(0, 9)}
    assert end.times(list(held)) == {PARTITION: 1_793_491_200_000, other: 1_793_491_200_000}
    assert bounds(["1900-01-01T00:00:00Z"], "--from").times([PARTITION]) == {PARTITION: 0}
    assert narrowed(held, begin, end, {}, {PARTITION: 40, other: None}) == {PARTITION: Span(5, 40), other: Span(0, 9)}
    assert narrowed(held, bounds([], "--from"), bounds(["interventions.submitted/1/3"], "--to"), {}, {}) == {
        PARTITION: Span(2, 50),
        other: Span(0, 3),
    }
    nothing_so_late = narrowed(held, end, bounds([], "--to"), {PARTITION: None, other: 4}, {})
    assert nothing_so_late == {PARTITION: Span(50, 50), other: Span(4, 9)}


@pytest.mark.parametrize("wrong", [["yesterday"], ["2026-11-01T00:00:00"], ["2026-11-01T00:00:00Z"] * 2])
def test_a_range_that_cannot_be_read_is_refused_with_what_it_must_be(wrong: list[str]) -> None:
    with pytest.raises(RangeError, match="--from"):
        bounds(wrong, "--from")


def test_buckets_hold_what_was_put_into_them_whoever_wrote_it(tmp_path: Path) -> None:
    first, second = Spill(tmp_path, "events", 0, 3), Spill(tmp_path, "events", 1, 3)
    big = b"x" * FLUSH_BYTES
    first.add(1, big)
    assert list(tmp_path.iterdir())  # written as soon as it is much
    first.add(1, b"a")
    second.add(1, b"b")
    second.add(2, b"c")
    first.flush()
    second.flush()
    assert take(tmp_path, "events", 1) == big + b"ab"
    assert take(tmp_path, "events", 0) == b""
    assert take(tmp_path, "events", 2) == b"c"
    assert not list(tmp_path.iterdir())


def result(**more: object) -> Result:
    usual: dict[str, object] = dict.fromkeys([field.name for field in dataclasses.fields(Result)], ())
    usual |= {"version": "1", "commit": None, "catalogue_sha256": "00", "began": NOW, "ended": NOW, "whole": True}
    usual |= {"rules_versions": {"1-a": 2}, "counts": {"rows": 3}, "differences_total": 0, "kpis": None}
    return Result(**(usual | {"kpis_why_not": "not asked", "left_out": ()} | more))  # type: ignore[arg-type]


def test_only_a_replay_without_differences_and_troubles_is_equal() -> None:
    assert result().equal
    assert not result(differences_total=1).equal
    assert not result(troubles=["no topic"]).equal


def test_the_document_holds_what_others_rely_on() -> None:
    one = Difference(Kind.ROW_DIFFERS, "words", Event("s", "i"), "t/0/1", "borough", "a", "b")
    kpi = KpiLine("k", "NCL", "2026/27", Counted(Decimal(1), 1, None), Counted(Decimal(2), 2, None), None)
    document = result(
        checks=[Check("log", "words", 2, 1)], differences=[one], kpis=Kpis(NOW, [kpi]), differences_total=1
    ).document()
    assert orjson.loads(orjson.dumps(document)) == document
    assert list(document["counts"]) == list(COUNTS)
    assert document["differences"] == [
        {
            "kind": "row-differs",
            "words": "words",
            "event": {"source": "s", "id": "i"},
            "place": "t/0/1",
            "field": "borough",
            "expected": "a",
            "found": "b",
        }
    ]
    (row,) = document["kpis"]["rows"]
    assert (row["exact"], row["replay"]["value"], row["sql"]["value"], row["stream"]) == (False, 1, 2, None)
    assert set(MEANINGS) == set(Kind)


def test_a_stream_is_held_against_what_it_had_counted() -> None:
    one, two = Counted(Decimal(1), 1, None), Counted(Decimal(2), 2, None)
    assert KpiLine("k", "NCL", "2026/27", two, two, one, one).exact
    assert not KpiLine("k", "NCL", "2026/27", two, two, one).exact
    assert not KpiLine("k", "NCL", "2026/27", two, two, two, one).exact


def test_no_identifier_of_a_person_is_said() -> None:
    said = harmless(
        Difference(Kind.ROW_DIFFERS, "w", Event("s", "9990000018"), None, "id", "person:k1:" + "a" * 32, "999 000 0018")
    )
    assert said.event is not None
    assert "9990000018" not in said.event.id
    assert said.expected == "person:(a pseudonym)"
    assert said.found is not None
    assert "999 000 0018" not in said.found


def test_findings_are_listed_up_to_a_bound_and_counted_beyond() -> None:
    many, more = Findings(), Findings()
    for findings in (many, more):
        for _ in range(700):
            findings.differ("log", Difference(Kind.ROW_MISSING, "w"))
    many.join(more)
    assert (len(many.differences), many.total) == (1_000, 1_400)
