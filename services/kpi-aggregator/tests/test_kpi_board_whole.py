"""The board over the true whole: counts of two partitions become the page, and the page knows how far they are."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from board_html import read
from starlette.applications import Starlette

from pcare_common.clock import FixedClock
from pcare_common.health import Health
from pcare_kpi_aggregator.board.progress import reading
from pcare_kpi_aggregator.board.routes import Board
from pcare_kpi_aggregator.board.view import Views
from pcare_kpi_aggregator.counts import Told, lines_of
from pcare_kpi_aggregator.fold import Fold
from pcare_kpi_aggregator.owned import Owned, Phase
from pcare_kpi_aggregator.ownership import Ownership
from pcare_kpi_aggregator.partials import Partial
from pcare_kpi_aggregator.partition import PartitionState, Snapshot
from pcare_kpi_aggregator.standings import Standings
from pcare_kpi_aggregator.whole import Whole
from pcare_kpi_aggregator.years import MILLISECOND, SECOND, first_month, instant_of
from pcare_schemas.kpis import catalogue, targets

CATALOGUE = catalogue.load()
TARGETS = targets.load(None, CATALOGUE.ids)
FOLD = Fold.of(CATALOGUE)
NOON = datetime(2024, 9, 10, 12, tzinfo=UTC)
CAMDEN, BARNET = "E09000007", "E09000003"


def never(*_arguments):
    pytest.fail("this is not to happen")


class Stage:
    def __init__(self) -> None:
        self.clock = FixedClock(NOON)
        self.whole = Whole(FOLD, CATALOGUE.version, self.clock, [0, 1])
        self.ownership = Ownership(
            new_state=lambda: PartitionState(FOLD, FOLD.decoder()),
            new_reader=never,
            now=self.now,
            on_fold_error=never,
            on_unforeseen=never,
            held_bound=0,
        )
        board = Board(
            self.whole,
            Views(CATALOGUE, TARGETS, Standings(CATALOGUE, TARGETS)),
            reading=lambda: reading(self.ownership),
            ready=Health,
            clock=self.clock,
        )
        transport = httpx.ASGITransport(app=Starlette(routes=board.routes()))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://board")

    def now(self) -> int:
        return instant_of(self.clock.now())

    def tell(self, partition: int, counts: dict[tuple[str, str, int], int], written: int | None = None) -> None:
        snapshot = Snapshot(1000, 41, self.now(), Told(lines_of(counts)), written)
        self.whole.offer(Partial(CATALOGUE.version, partition, "another", snapshot))

    def hear_of_the_ends(self) -> None:
        self.whole.read_from_the_start = True
        self.whole.log_ends({0: 42, 1: 45}, asked_after=self.whole.offers)

    async def page(self):
        return read((await self.client.get("/")).text)


@pytest.fixture
async def stage():
    made = Stage()
    async with made.client:
        yield made


async def test_what_partitions_tell_is_what_the_page_shows(stage):
    april, may = first_month(2024), first_month(2024) + 1
    stage.tell(0, {("pam_people", CAMDEN, april): 1_000, ("pam_people", CAMDEN, may): 200})
    stage.tell(1, {("pam_people", BARNET, may): 300, ("pam_people", BARNET, april - 20): 7})
    stage.hear_of_the_ends()
    page = await stage.page()
    article = page.get("kpi-pam_people")
    assert "1,507 people" in article.text
    assert "20,112 short of the trajectory." in article.text
    course = [[cell.text for cell in row.all("th", "td")] for row in article.all("details")[0].all("tr")[1:]]
    assert [row[1] for row in course[:3]] == ["7", "1,007", "1,507"]
    assert course[-1] == ["10 September 2024", "1,507", "21,619"]
    areas = [[cell.text for cell in row.all("th", "td")] for row in article.having("areas")[0].all("tr")]
    assert ["Camden", "", "1,200"] in areas
    assert "3 events and 0 seconds behind the log; complete: all 2 partitions counted" in page.get("status").text
    assert [link.text for link in page.get("years").all("a")] == ["2022/23", "2023/24", "2024/25"]


async def test_the_newest_event_of_any_partition_is_told_also_while_nothing_arrives(stage):
    stage.tell(0, {}, written=None)
    stage.tell(1, {})
    stage.hear_of_the_ends()
    assert "No event is recorded yet." in (await stage.page()).get("status").text
    stage.clock.advance(timedelta(minutes=30))
    written = (stage.now() - 25 * 60 * SECOND) // MILLISECOND
    stage.tell(0, {}, written=written - 5_000)
    stage.tell(1, {}, written=written)
    stage.hear_of_the_ends()
    status = (await stage.page()).get("status")
    assert "Newest event recorded at 13:05:00 on 10 September 2024, 25 minutes ago." in status.text
    assert "Everything that is recorded is counted." in status.text


async def test_when_kafka_falls_silent_the_numbers_are_as_old_as_its_last_word(stage):
    stage.tell(0, {})
    stage.tell(1, {})
    stage.hear_of_the_ends()
    stage.clock.advance(timedelta(seconds=40))
    stage.tell(0, {})
    stage.tell(1, {})
    status = (await stage.page()).get("status")
    assert "Numbers as at 13:00:00 on 10 September 2024" in status.text  # London's summer time
    assert "An unknown number of events and 40 seconds behind the log" in status.text


async def test_the_page_says_how_far_the_reading_is(stage):
    state = PartitionState(FOLD, FOLD.decoder())
    state.applied_through = 499
    stage.ownership.owned = {0: Owned(state, Phase.READING, end=2_000), 1: Owned(state, Phase.READY, end=500)}
    status = (await stage.page()).get("status")
    assert "Partition 0: 500 of 2,000 events read" in status.text
    assert len(status.all("progress")) == 1
    assert "0 of 2 partitions counted" in status.text
