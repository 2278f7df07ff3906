import datetime as dt
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from rich.console import Console, RenderableType

from pcare_audit.replay import Counted
from pcare_cli.accounting import Accounting, Cursor, KpiRow, PartitionAccount
from pcare_cli.demo import tables
from pcare_cli.demo.board import addresses, board, status_line
from pcare_cli.demo.layout import Layout
from pcare_cli.demo.observing import Snapshot, observe, rate, samples
from pcare_cli.demo.run import Demo, history_begins, simulate
from pcare_cli.kpis.stream import reading_of
from pcare_kpi_aggregator import wording
from pcare_schemas.kpis import catalogue

LAYOUT = Layout(Path("/data"), 1, 2, 3, 4)
CATALOGUE = catalogue.load().document()


def kpis(value: int = 5400, *, complete: bool = True) -> dict[str, object]:
    """What the aggregator answers."""
    rows = [("E09000007", "2026/27", 4), ("NCL", "2026/27", value), ("NCL", "2025/26", 777)]
    return {
        "instant": "2026-11-21T12:00:00.000000Z",
        "complete": complete,
        "catalogue": "2-abc",
        "partitions": [{"partition": 0, "known": complete}],
        "kpis": [
            {"kpi": "pam_people", "borough": area, "year": year, "value": number, "target": 21619, "gap": -9.0,
             "trajectory": number + 9.0}
            for area, year, number in rows
        ],
    }  # fmt: skip


METRICS = """# TYPE pcare_recorder_events_total counter
pcare_recorder_events_total{outcome="recorded"} 90.0
pcare_recorder_events_total{outcome="duplicate"} 8.0
pcare_recorder_events_total{outcome="rejected"} 2.0
# TYPE pcare_recorder_lag_events gauge
pcare_recorder_lag_events{topic="a",partition="0"} 3.0
pcare_recorder_lag_events{topic="a",partition="1"} 4.0
"""


def shown(what: RenderableType) -> str:
    console = Console(width=160, no_color=True)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


def test_the_latest_year_is_shown_by_borough_and_against_target() -> None:
    text = shown(board(LAYOUT, Snapshot(at=1.0, reading=reading_of(CATALOGUE, kpis())), 1.0, 160))
    assert "2026/27" in text
    assert "777" not in text
    row = next(line for line in text.splitlines() if "pam_people" in line)
    none = wording.NOTHING
    boroughs = [none, "4", none, none, none]
    assert row.split() == ["pam_people", *boroughs, "5,400", "21,619", "5,409", "9", "short"]
    assert "Camden" in text
    assert "Camden" not in shown(board(LAYOUT, Snapshot(at=1.0, reading=reading_of(CATALOGUE, kpis())), 1.0, 80))


def test_before_anything_is_counted_it_says_so() -> None:
    assert "once the counts of all partitions are known" in shown(board(LAYOUT, Snapshot(at=1.0), 0.0, 100))
    nothing = reading_of(CATALOGUE, {**kpis(), "kpis": []})
    assert "Nothing is counted yet" in shown(board(LAYOUT, Snapshot(at=1.0, reading=nothing), 0.0, 100))


def test_the_status_line_says_how_fast_and_how_far_behind() -> None:
    now = Snapshot(at=12.0, recorded=900, duplicates=90, rejected=10, refused=5, lag=7)
    text = shown(status_line(now, 500.0))
    assert "500 events a second" in text
    assert "lag 7" in text
    assert "counting from the log" in text


def test_the_board_is_the_first_address() -> None:
    lines = addresses(LAYOUT).splitlines()
    assert lines[0].split()[:3] == ["KPI", "board", "http://127.0.0.1:3/"]
    assert "http://127.0.0.1:1/docs" in lines[1]


def test_the_rate_is_that_of_what_was_judged_between() -> None:
    before, now = Snapshot(at=10.0, recorded=100), Snapshot(at=12.0, recorded=1000, duplicates=90, rejected=10)
    assert rate(before, now) == 500.0
    assert rate(None, now) == 0.0
    assert rate(now, Snapshot(at=13.0)) == 0.0


def test_samples_are_summed_by_label() -> None:
    assert samples(METRICS, "pcare_recorder_lag_events") == 7.0
    assert samples(METRICS, "pcare_recorder_events_total", outcome="duplicate") == 8.0
    assert samples("", "anything") == 0.0


async def test_what_does_not_answer_counts_as_nothing() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.port == LAYOUT.recorder_port:
            return httpx.Response(200, text=METRICS)
        if request.url.port == LAYOUT.aggregator_port:
            return httpx.Response(503, json={})
        raise httpx.ConnectError("gone", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        seen = await observe(client, LAYOUT)
    assert (seen.recorded, seen.duplicates, seen.rejected, seen.lag, seen.refused) == (90, 8, 2, 7, 0)
    assert seen.reading is None


@pytest.mark.parametrize("complete", [True, False])
async def test_the_kpis_are_seen_once_they_are_complete(complete: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        paths = {"/kpis": kpis(complete=complete), "/kpis/catalogue": CATALOGUE}
        return httpx.Response(200, json=paths[request.url.path]) if request.url.path in paths else httpx.Response(404)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        seen = await observe(client, LAYOUT)
    assert (seen.reading is not None) is complete


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (dt.datetime(2026, 11, 21, tzinfo=dt.UTC), dt.date(2025, 4, 1)),
        (dt.datetime(2026, 3, 31, 22, 59, tzinfo=dt.UTC), dt.date(2024, 4, 1)),
        (dt.datetime(2026, 3, 31, 23, 0, tzinfo=dt.UTC), dt.date(2025, 4, 1)),
    ],
)
def test_the_history_begins_with_the_year_before_this_one(now: dt.datetime, day: dt.date) -> None:
    assert history_begins(now) == day


def test_a_watched_demo_sends_a_history_first_and_a_counted_one_does_not() -> None:
    watched = simulate(Demo(Path("/data")), LAYOUT, dt.date(2025, 4, 1))
    assert watched[-4:] == ["--since", "2025-04-01", "--rate", "20.0"]
    counted = simulate(Demo(Path("/data"), events=300, exit_when_done=True, seed=3), LAYOUT)
    assert "--since" not in counted
    assert counted[-6:] == ["--events", "300", "--ledger", "/data/ledger.jsonl", "--seed", "3"]


@pytest.mark.parametrize(("submitted", "word"), [(5, "exact"), (6, "NOT EXACT")])
def test_the_accounting_has_a_row_a_topic_and_the_sum(submitted: int, word: str) -> None:
    account = PartitionAccount(Cursor("interventions.submitted", 0, 0, 5, 3, 1, 1), submitted)
    lines = [line for line in shown(tables.accounting(Accounting((account,)))).splitlines() if "│" in line]
    assert [word in line for line in lines] == [True, True]


def test_a_kpi_that_differs_shows_all_three_numbers() -> None:
    three, four, seven = (Counted(Decimal(number), number, None) for number in (3, 4, 7))
    rows = (
        KpiRow("sp_people", "E09000003", "2026/27", three, four, three),
        KpiRow("sp_people", "NCL", "2026/27", seven, seven, seven),
    )
    text = shown(tables.comparison(rows))
    assert "3 / 4 / 3" in text
    assert "7 / 7" not in text


def test_the_services_are_told_where_everything_is() -> None:
    environment = LAYOUT.environment("127.0.0.1:9", "postgresql://x", base={"PATH": "/bin"})
    assert environment["PATH"] == "/bin"
    assert environment["PCARE_KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9"
    assert environment["PCARE_PSEUDONYM_KEY_FILE"] == "/data/pseudonym.key"
    assert environment["PCARE_INGEST_PORT"] == "1"
