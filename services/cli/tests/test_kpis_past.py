"""`pcare kpis --as-of` and `--publish`: the rows of PostgreSQL, placed, and what may leave the programme."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from pcare_cli.kpis import publishing
from pcare_cli.kpis.database import counted, rows_of
from pcare_cli.kpis.reading import Reading, ReadingError, Row, Shown
from pcare_cli.main import app
from pcare_kpi_aggregator.years import iso, midnight
from pcare_schemas.kpis import catalogue, targets

KPIS = catalogue.load()
GOALS = targets.load(None, KPIS.ids)
BARNET, CAMDEN, NCL = "E09000003", "E09000007", "NCL"
AT = midnight(dt.date(2022, 10, 1))


def record(place: tuple[str, str, str], value: str | None, numerator: int, denominator: int | None = None):
    number = None if value is None else Decimal(value)
    named = dict(zip(("kpi", "borough", "year"), place, strict=True))
    return {**named, "value": number, "numerator": numerator, "denominator": denominator}


NOW = counted(
    KPIS,
    [
        record(("phb_people", NCL, "2021/22"), "1000", 1000),
        record(("phb_people", NCL, "2022/23"), "1700", 1700),
        record(("phb_people", CAMDEN, "2022/23"), "20", 20),
        record(("choice_ers", NCL, "2022/23"), "73.91", 17, 23),
        record(("sdm_collaborate", NCL, "2022/23"), None, 5, 20),
        record(("sp_link_workers", "NCL only", "2022/23"), "2", 2),
    ],
)
OPENING = counted(KPIS, [record(("phb_people", NCL, "2022/23"), "700", 700)])


def rows() -> dict[tuple[str, str, str], Row]:
    return {(row.kpi, row.area, row.year): row for row in rows_of(KPIS, GOALS, AT, NOW, OPENING)}


def test_numbers_keep_their_kind() -> None:
    assert NOW["phb_people", NCL, 2022] == (1700, 1700, None)
    assert isinstance(NOW["phb_people", NCL, 2022].value, int)
    assert NOW["choice_ers", NCL, 2022] == (73.91, 17, 23)
    assert NOW["sdm_collaborate", NCL, 2022] == (None, 5, 20)


def test_every_kpi_year_and_borough_has_a_row_and_what_is_missing_is_nothing() -> None:
    found = rows()
    assert len(found) == len(KPIS.kpis) * 2 * 6 + 1
    assert found["sp_people", CAMDEN, "2021/22"].value == 0
    missing = found["choice_ers", CAMDEN, "2022/23"]
    assert (missing.value, missing.numerator, missing.denominator) == (None, 0, 0)
    assert ("sp_people", "NCL only", "2022/23") not in found
    assert found["sp_link_workers", "NCL only", "2022/23"].value == 2
    assert rows_of(KPIS, GOALS, AT, {}, {}) == []


def test_the_running_year_stands_against_a_line_from_its_opening() -> None:
    row = rows()["phb_people", NCL, "2022/23"]
    target = GOALS.value("phb_people", NCL, 2022)
    assert row.target == target == pytest.approx(3706.4)
    gone = 183 / 365
    assert row.trajectory == pytest.approx(700 + (3706.4 - 700) * gone, abs=1)
    assert row.forecast == pytest.approx(700 + 1000 / gone, abs=1)
    assert row.gap == pytest.approx(1700 - row.trajectory, abs=0.01)
    assert "short of the trajectory" in str(row.words)


def test_a_closed_year_stands_against_its_target() -> None:
    row = rows()["phb_people", NCL, "2021/22"]
    assert row.trajectory == row.target == pytest.approx(2779.8)
    assert row.forecast is None


NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


def test_a_past_day_is_counted_at_its_end_from_all_that_is_known() -> None:
    at, known_at = publishing.moments(dt.date(2024, 3, 31), publish=False, now=NOON)
    assert (iso(at), known_at) == ("2024-03-31T23:00:00.000000Z", None)


def test_what_is_published_is_as_known_at_the_end_of_yesterday() -> None:
    at, known_at = publishing.moments(None, publish=True, now=NOON)
    assert at == known_at == midnight(dt.date(2026, 11, 21))
    at, known_at = publishing.moments(dt.date(2024, 3, 30), publish=True, now=NOON)
    assert (at, known_at) == (midnight(dt.date(2024, 3, 31)), midnight(dt.date(2026, 11, 21)))
    late = dt.datetime(2026, 6, 30, 23, 30, tzinfo=dt.UTC)  # already the next day in London
    assert publishing.moments(None, publish=True, now=late)[0] == midnight(dt.date(2026, 7, 1))


@pytest.mark.parametrize("day", [dt.date(2026, 11, 21), dt.date(2027, 1, 1)])
def test_a_day_that_has_not_ended_is_refused(day: dt.date) -> None:
    with pytest.raises(ReadingError, match="has not ended"):
        publishing.moments(day, publish=False, now=NOON)


def test_publishing_withholds_below_ncl_and_leaves_nothing_to_work_it_out_from() -> None:
    full = {"target": 9.0, "trajectory": 8.0, "gap": -3.0, "forecast": 12.0, "words": "3 short"}
    read = Reading(
        kpis=tuple(Shown.from_document(entry) for entry in KPIS.document()["kpis"]),
        rows=(
            Row("sp_people", NCL, "2026/27", 1203, 1203, **full),
            Row("sp_people", CAMDEN, "2026/27", 5, 5, **full),
            Row("sp_people", "NCL only", "2026/27", 12, 12),
            Row("choice_ers", CAMDEN, "2026/27", 56.52, 13, 23),
            Row("sp_link_workers", CAMDEN, "2026/27", 5, 5, **full),
        ),
        at=AT,
        version="1",
        notes=("before",),
    )
    public = publishing.publish(read, KPIS)
    whole, small, few, share, posts = public.rows
    assert whole == read.rows[0]
    assert small == Row("sp_people", CAMDEN, "2026/27", None, target=9.0, suppressed=True)
    assert few == Row("sp_people", "NCL only", "2026/27", 10, 10)
    assert share == Row("choice_ers", CAMDEN, "2026/27", 60.0, 15, 25)
    assert posts == read.rows[4]
    assert public.published
    assert public.notes == (publishing.RULE, publishing.NEVER_LIVE, "before")


def test_who_publishes_is_told_what_follows_from_what_is_shown() -> None:
    """NCL's few are all in Camden; Barnet's numerator is what Camden has not; of the rest nothing is told."""
    rows = (
        Row("sp_people", NCL, "2025/26", 3, 3),
        Row("sp_people", CAMDEN, "2025/26", 3, 3),
        Row("sp_people", BARNET, "2025/26", 0, 0),
        Row("sp_people", NCL, "2026/27", 9, 9),
        Row("sp_people", CAMDEN, "2026/27", 5, 5),
        Row("sp_people", BARNET, "2026/27", 4, 4),
        Row("choice_ers", NCL, "2026/27", 12.0, 3, 25),
        Row("choice_ers", CAMDEN, "2026/27", 0.0, 0, 10),
        Row("choice_ers", BARNET, "2026/27", 20.0, 3, 15),
        Row("sdm_collaborate_mean", NCL, "2026/27", None, 20, 3),
        Row("sdm_collaborate_mean", CAMDEN, "2026/27", None, 20, 3),
        Row("sp_link_workers", NCL, "2026/27", 5, 5),
        Row("sp_link_workers", CAMDEN, "2026/27", 5, 5),
    )
    read = Reading(tuple(Shown.from_document(entry) for entry in KPIS.document()["kpis"]), rows, AT, "1")
    said = publishing.warning(publishing.publish(read, KPIS))
    assert said is not None
    assert said.endswith(": sp_people of 2025/26, Camden; choice_ers of 2026/27, Barnet.")
    assert publishing.warning(publishing.publish(replace(read, rows=rows[3:6]), KPIS)) is None


@pytest.mark.parametrize("option", [["--publish"], ["--as-of", "2024-03-31"]])
def test_without_a_database_it_says_which_variable(option: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PCARE_POSTGRES_DSN", raising=False)
    outcome = CliRunner().invoke(app, ["kpis", *option])
    assert outcome.exit_code == 78
    assert "PCARE_POSTGRES_DSN" in outcome.output


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--json", "--csv"], 2, "which of the two"),
        (["--as-of", "yesterday"], 1, "is not a day"),
        (["--as-of", "2999-01-01"], 1, "has not ended"),
        (["--as-of", "2024-03-31"], 1, "PostgreSQL did not answer"),
    ],
)
def test_what_cannot_be_is_one_line(
    options: list[str], status: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCARE_POSTGRES_DSN", "postgresql://nobody@127.0.0.1:9/nowhere")
    outcome = CliRunner().invoke(app, ["kpis", *options])
    assert outcome.exit_code == status
    assert words in outcome.output


def test_a_wrong_catalogue_is_refused_with_its_line(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("kpis: []\n")
    monkeypatch.setenv("PCARE_KPI_CATALOGUE", str(file))
    outcome = CliRunner().invoke(app, ["kpis"])
    assert outcome.exit_code == 78
    assert f"{file}, line 1: kpis" in outcome.output
