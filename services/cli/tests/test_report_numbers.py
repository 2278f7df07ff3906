"""What a report says of numbers: their months, their trajectory, and what of them may be published."""

import datetime as dt

import msgspec
import pytest
from report_support import MADE, NOW, difference, folded, plan, report, result, rows

from pcare_cli.reporting import disclosing, gathering, signing
from pcare_cli.reporting import page as pages
from pcare_cli.reporting.document import as_json
from pcare_cli.reporting.drawing import draw
from pcare_cli.reporting.replayed import read
from pcare_schemas.kpis.areas import NCL

LATER = NOW + dt.timedelta(days=1)


def test_the_last_of_the_months_is_the_number_that_was_compared() -> None:
    whole = report(years=2.8)
    numbers = {(one.kpi, one.year): one for one in whole.numbers if one.area == NCL}
    assert {course.year for course in whole.courses} == {"2023/24", "2024/25", "2025/26"}
    for course in whole.courses:
        told = numbers[course.kpi, course.year].replay
        assert told is not None
        assert course.points[-1].value == told.value
    assert not [note for note in whole.notes if "the database differs" in note]


def test_months_that_end_in_another_number_are_named() -> None:
    fewer, more = folded(300), folded(400)
    document = result(more)
    unlike = gathering.gather(read(document), document, plan(), MADE, fewer)
    assert any("such as Social prescribing referrals of 2025/26" in note for note in unlike.notes)


def test_a_year_begins_anew_and_leads_to_its_target() -> None:
    courses = [course for course in report(years=2.8).courses if course.kpi == "sp_people"]
    drawn = draw(courses)
    assert [year.label for year in drawn.years] == ["2023/24", "2024/25", "2025/26"]
    assert [len(course.points) for course in courses] == [13, 13, 12]
    heights = [tick.y for tick in drawn.ticks]
    for year, course in zip(drawn.years, courses, strict=True):
        assert course.points[0].value == 0
        assert year.actual[0][0].y == heights[0]
        assert year.trajectory is not None
        start, end = year.trajectory
        assert start.x == year.begins < end.x
        assert course.target is not None
        assert min(heights) <= end.y < start.y
    assert drawn.now == drawn.years[-1].actual[-1][-1]


def test_a_share_is_drawn_up_to_100_and_months_without_a_value_leave_a_gap() -> None:
    course = next(course for course in report().courses if course.target == 100)
    points = [msgspec.structs.replace(one, value=None if n == 3 else 50.0) for n, one in enumerate(course.points)]
    drawn = draw([msgspec.structs.replace(course, points=points)], whole_scale=100)
    assert drawn.ticks[-1].value == 100
    assert [len(piece) for piece in drawn.years[0].actual] == [3, len(points) - 4]


def test_a_published_report_names_no_event_and_no_small_number() -> None:
    whole = report([difference("row-differs", 7)], events=120)
    small = [one for one in whole.numbers if one.area != NCL and one.replay and 0 < (one.replay.value or 0) < 8]
    assert small, "the story has small numbers"
    public, _ = disclosing.publish(whole, plan().catalogue)
    shown = {(one.kpi, one.area, one.year): one for one in public.numbers}
    personal = {kpi.id for kpi in plan().catalogue.kpis if kpi.personal}
    for one in small:
        if one.kpi in personal:
            told = shown[one.kpi, one.area, one.year]
            assert told.suppressed
            assert told.replay is told.sql is told.stream is None
    for one in public.numbers:
        if (
            one.kpi in personal
            and one.area != NCL
            and one.replay
            and plan().catalogue[one.kpi].kind_of_value == "count"
        ):
            assert (one.replay.value or 0) % 5 == 0
    text = as_json(public).decode()
    assert "row-differs-7" not in text
    assert "expected-7" not in text
    assert "4718" not in text
    assert whole.result_sha256 not in text


@pytest.mark.parametrize(
    ("kpi", "everywhere"), [("sp_people", False), ("sp_people", True), ("sp_referrals", True)], ids=str
)
def test_numbers_that_differ_are_not_published_at_all(kpi: str, everywhere: bool) -> None:
    finished = folded(4_000)
    told = rows(finished)
    odd = next(
        row
        for row in told
        if (row["borough"] == NCL) == everywhere and row["kpi"] == kpi and row["replay"]["value"] > 50
    )
    odd |= {"exact": False, "sql": odd["replay"] | {"value": odd["replay"]["value"] + 1}}
    document = result(finished, [difference("kpi-differs")], kpis={"instant": "2026-02-17T09:30:00Z", "rows": told})
    whole = gathering.gather(read(document), document, plan(), MADE, finished)
    public, _ = disclosing.publish(whole, plan().catalogue)
    one = next(one for one in public.numbers if not one.exact)
    assert (one.kpi, one.area, one.year) == (odd["kpi"], odd["borough"], odd["year"])
    assert one.suppressed
    assert one.replay is one.sql is one.stream is None
    assert one.words is one.trajectory is None
    assert ((kpi, one.year) in {(course.kpi, course.year) for course in public.courses}) == (not everywhere)
    assert disclosing.NOT_ALIKE in public.notes
    document = as_json(public)
    assert disclosing.NOT_ALIKE.encode() in pages.render(public, document, signing.sha256(document))


def test_what_the_running_service_lacked_is_not_published() -> None:
    finished = folded(4_000)
    told = rows(finished)
    for row in told:
        less = row["replay"] | {"value": (row["replay"]["value"] or 0) + 7}
        row |= {"stream": less, "replay_at_stream": less}
    document = result(finished, kpis={"instant": "2026-02-17T09:30:00Z", "rows": told})
    whole = gathering.gather(read(document), document, plan(), MADE, finished)
    assert all(one.replay_at_stream is not None for one in whole.numbers)
    public, _ = disclosing.publish(whole, plan().catalogue)
    assert all(one.replay_at_stream is one.stream is None for one in public.numbers)
    assert any(one.replay is not None and one.area == NCL for one in public.numbers)


def test_a_replay_of_today_is_not_published() -> None:
    replay = read(result())
    assert disclosing.too_new(replay, NOW) is not None
    assert disclosing.too_new(replay, LATER) is None
