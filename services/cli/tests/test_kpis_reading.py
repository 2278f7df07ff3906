"""`pcare kpis` from what an aggregator answers, to what is printed."""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from rich.console import Console, Group
from typer.testing import CliRunner

from pcare_cli.kpis import command, formats
from pcare_cli.kpis.command import assumptions
from pcare_cli.kpis.reading import Reading, ReadingError, Row, select
from pcare_cli.kpis.stream import read_now, reading_of
from pcare_cli.kpis.table import foot, kpi_lines, kpi_table
from pcare_cli.main import app
from pcare_kpi_aggregator import wording
from pcare_kpi_aggregator.years import midnight
from pcare_schemas.kpis import catalogue, targets

CATALOGUE = catalogue.load().document()
CAMDEN, NCL = "E09000007", "NCL"


def entry(kpi: str, borough: str, value: float | None, year: str = "2026/27", **more: object) -> dict[str, object]:
    standing = dict.fromkeys(("denominator", "target", "trajectory", "gap", "forecast", "words"))
    return {"kpi": kpi, "borough": borough, "year": year, "value": value, "numerator": value, **standing, **more}


def answer(*entries: dict[str, object], complete: bool = True) -> dict[str, object]:
    return {
        "instant": "2026-11-21T12:00:00.000000Z",
        "complete": complete,
        "catalogue": "2-abc",
        "partitions": [{"partition": 0, "known": True}, {"partition": 1, "known": complete}],
        "kpis": list(entries),
    }


ANSWER = answer(
    entry("upc_people", NCL, 9000, words="no target is set"),
    entry("pam_people", CAMDEN, 12),
    entry("pam_people", NCL, 5400, target=21619, trajectory=20000.5, gap=-14600.5, forecast=8000, words="14,601 short"),
    entry("pam_people", NCL, 777, "2025/26"),
    entry("choice_ers", NCL, 73.91, numerator=17, denominator=23, target=100.0, trajectory=100.0, gap=-26.09),
    entry("sdm_collaborate_mean", NCL, None, numerator=20, denominator=3, words="no number yet: fewer than 25 answers"),
)


def reading(*, year: str | None = None, kpis: tuple[str, ...] = ()) -> Reading:
    return select(reading_of(CATALOGUE, ANSWER), year, kpis)


def shown(what: Reading, width: int, year: str = "2026/27", table: Callable[..., Group] = kpi_table) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(table(what, year, width))
    return capture.get().splitlines()


def line(lines: list[str], kpi: str) -> list[str]:
    return next(line.split() for line in lines if line.split()[:1] == [kpi])


def test_the_latest_year_in_the_plans_order() -> None:
    chosen = reading()
    assert chosen.years == ("2026/27",)
    assert [row.kpi for row in chosen.rows] == [
        "choice_ers", "sdm_collaborate_mean", "pam_people", "pam_people", "upc_people",
    ]  # fmt: skip
    assert [row.area for row in chosen.rows if row.kpi == "pam_people"] == [CAMDEN, NCL]


def test_a_year_and_a_kpi_are_chosen() -> None:
    assert [row.value for row in reading(year="2025/26").rows] == [777]
    assert reading(year="all").years == ("2025/26", "2026/27")
    assert {row.kpi for row in reading(kpis=("pam_people", "upc_people")).rows} == {"pam_people", "upc_people"}


@pytest.mark.parametrize(
    ("year", "kpis", "words"),
    [
        ("2031/32", (), "the years are 2025/26, 2026/27"),
        (None, ("pam_peple",), "Did you mean pam_people"),
        (None, ("zzz",), "There are choice_standards"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(year: str | None, kpis: tuple[str, ...], words: str) -> None:
    with pytest.raises(ReadingError, match=words):
        reading(year=year, kpis=kpis)


def test_nothing_counted_is_no_empty_table() -> None:
    with pytest.raises(ReadingError, match="Nothing is counted yet"):
        select(reading_of(CATALOGUE, answer()), None, ())
    with pytest.raises(ReadingError, match="by the end of yesterday"):
        select(replace(reading_of(CATALOGUE, answer()), known_at=0), None, ())


def test_part_of_the_sum_is_never_shown() -> None:
    with pytest.raises(ReadingError, match=r"still counting.*1 of 2 partitions"):
        reading_of(CATALOGUE, answer(complete=False))


def test_the_table_shows_boroughs_target_trajectory_and_the_gap_in_words() -> None:
    lines = shown(reading(), 120)
    heads = next(line for line in lines if "KPI " in line).split()
    assert heads == ["KPI", "Barnet", "Camden", "Enfield", "Haringey", "Islington", "NCL", "target", "trajectory"]
    none = wording.NOTHING
    numbers = [none, "12", none, none, none, "5,400", "21,619", "20,001"]
    assert line(lines, "pam_people") == ["pam_people", *numbers]
    assert "    People who have completed a patient activation measure: 14,601 short" in lines
    assert "73.9%" in line(lines, "choice_ers")
    components = ["Enabling choice", "Shared decision making", "Supported self-management", "All"]
    assert [text for text in lines if text in components] == components


@pytest.mark.parametrize("table", [kpi_table, kpi_lines])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 140])
def test_a_table_is_no_wider_than_there_is_room_and_keeps_what_matters_most(width: int, table: Callable) -> None:
    lines = shown(reading(), width, table=table)
    assert all(len(line) <= max(width, 30) for line in lines)
    assert any("5,400" in line for line in lines) or width < 30
    assert any("Camden" in line for line in lines) is (width >= 120)


def test_in_one_line_the_gap_is_among_the_numbers() -> None:
    lines = shown(reading(), 140, table=kpi_lines)
    assert line(lines, "pam_people")[-2:] == ["14,601", "short"]
    assert line(lines, "choice_ers")[-3:] == ["26.1", "points", "short"]
    assert line(lines, "upc_people")[-1] == "9,000"
    assert len(lines) == len(reading().kpis) + 2 + 7


def test_what_has_no_borough_has_a_column_where_there_is_any() -> None:
    with_some = select(reading_of(CATALOGUE, answer(entry("sp_link_workers", "NCL only", 3))), None, ())
    none = select(reading_of(CATALOGUE, answer(entry("sp_link_workers", "NCL only", 0))), None, ())
    assert any("NCL only" in line for line in shown(with_some, 150))
    assert not any("NCL only" in line for line in shown(none, 150))


def test_json_says_all_of_each_number() -> None:
    document = json.loads(formats.as_json(reading()))
    assert document["instant"] == "2026-11-21T12:00:00.000000Z"
    assert (document["published"], document["known_at"], document["catalogue"]) == (False, None, "2-abc")
    first = document["kpis"][0]
    assert (first["kpi"], first["component"], first["unit"]) == ("choice_ers", "enabling choice", "%")
    assert (first["value"], first["numerator"], first["denominator"], first["suppressed"]) == (73.91, 17, 23, False)
    assert [row["borough_name"] for row in document["kpis"] if row["kpi"] == "pam_people"] == ["Camden", "NCL"]


def test_csv_has_the_documented_columns() -> None:
    rows = list(csv.DictReader(io.StringIO(formats.as_csv(reading(year="all")))))
    assert tuple(rows[0]) == formats.COLUMNS
    assert rows[0] | {"value": "777"} == rows[0]
    mean = next(row for row in rows if row["kpi"] == "sdm_collaborate_mean")
    assert (mean["value"], mean["numerator"], mean["words"]) == ("", "20", "no number yet: fewer than 25 answers")


def test_a_suppressed_number_is_a_star_and_null() -> None:
    kpis = reading().kpis
    withheld = Reading(kpis, (Row("pam_people", CAMDEN, "2026/27", None, suppressed=True),), 0, "1")
    assert next(csv.DictReader(io.StringIO(formats.as_csv(withheld))))["value"] == "*"
    document = json.loads(formats.as_json(withheld))["kpis"][0]
    assert (document["value"], document["suppressed"]) == (None, True)
    assert "*" in line(shown(withheld, 150), "pam_people")


def test_the_foot_says_as_at_when_and_on_what_a_trajectory_rests() -> None:
    goals = targets.load(None, catalogue.load().ids)
    ours = goals.value("phb_people", NCL, 2026)
    rows = answer(entry("phb_people", NCL, 10, target=ours), entry("pam_people", NCL, 10, target=21619))
    live = reading_of(CATALOGUE, rows)
    (note,) = assumptions(live, goals)
    assert note.startswith("No baseline is known")
    assert "(phb_people)" in note
    assert assumptions(reading_of(CATALOGUE, answer(entry("phb_people", NCL, 10, target=5.0))), goals) == ()
    assert foot(live).startswith("As at 12:00:00 on 21 November 2026.")
    assert foot(replace(live, at=midnight(dt.date(2026, 7, 1)))).startswith("As at the end of 30 June 2026.")


def test_the_foot_tells_only_of_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = targets.load(None, catalogue.load().ids).value("phb_people", NCL, 2026)
    rows = answer(entry("phb_people", NCL, 10, target=ours), entry("pam_people", NCL, 10, target=21619))
    monkeypatch.setattr(command, "read_now", lambda _address: reading_of(CATALOGUE, rows))
    printed = {kpi: CliRunner().invoke(app, ["kpis", "--kpi", kpi]).output for kpi in ("phb_people", "pam_people")}
    assert "assumed 0 at the end of 2018/19. (phb_people)" in printed["phb_people"].replace("\n", " ")
    assert "assumed" not in printed["pam_people"]


def transport(status: int, body: object) -> httpx.Client:
    def respond(request: httpx.Request) -> httpx.Response:
        document = CATALOGUE if request.url.path == "/kpis/catalogue" else body
        return httpx.Response(status, json=document)

    return httpx.Client(transport=httpx.MockTransport(respond))


def test_the_aggregator_is_asked_for_numbers_and_names() -> None:
    assert len(read_now("http://kpis.example/", transport(200, ANSWER)).rows) == 6


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, {}, "HTTPStatusError.*--address"),
        (200, {"hello": "world"}, "is it a kpi-aggregator"),
        (200, [], "is it a kpi-aggregator"),
    ],
)
def test_another_service_is_not_taken_for_an_aggregator(status: int, body: object, words: str) -> None:
    with pytest.raises(ReadingError, match=words):
        read_now("http://kpis.example", transport(status, body))
