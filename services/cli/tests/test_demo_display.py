from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from rich.console import Console, RenderableType

from pcare_audit.replay import Counted
from pcare_cli.accounting import Accounting, Cursor, KpiRow, PartitionAccount
from pcare_cli.demo import tables
from pcare_cli.demo.board import board, kpi_table, status_line
from pcare_cli.demo.layout import Layout
from pcare_cli.demo.observing import Snapshot, observe, rate, samples

LAYOUT = Layout(Path("/data"), 1, 2, 3)
KPIS = [
    {
        "kpi": "pam_people",
        "borough": "E09000007",
        "borough_name": "Camden",
        "year": "2026/27",
        "value": 4,
        "target": None,
    },
    {"kpi": "pam_people", "borough": "NCL", "borough_name": "NCL", "year": "2026/27", "value": 5400, "target": 21619},
    {"kpi": "pam_people", "borough": "NCL", "borough_name": "NCL", "year": "2025/26", "value": 777, "target": 21619},
]
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
    text = shown(kpi_table(KPIS))
    assert "2026/27" in text
    assert "777" not in text
    row = next(line for line in text.splitlines() if "pam_people" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["pam_people", "4", "5,400", "21,619", "25 %"]
    assert "Camden" in text


def test_before_anything_is_counted_there_is_an_empty_table() -> None:
    assert "KPI" in shown(kpi_table([]))


def test_the_status_line_says_how_fast_and_how_far_behind() -> None:
    now = Snapshot(at=12.0, recorded=900, duplicates=90, rejected=10, refused=5, lag=7)
    text = shown(status_line(now, 500.0))
    assert "500 events a second" in text
    assert "lag 7" in text
    assert "counting from the log" in text
    assert "http://127.0.0.1:1/docs" in shown(board(LAYOUT, now, 0.0))


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
    assert not seen.complete


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
