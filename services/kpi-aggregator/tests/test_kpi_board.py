"""The board's page: what it says, in which order, and that it costs little however many look."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import board_story
import httpx
import pytest
from board_html import Element, read
from board_story import CATALOGUE, TARGETS, Story, StoryWhole, story_at
from starlette.applications import Starlette

from pcare_common.clock import FixedClock
from pcare_common.health import Health
from pcare_kpi_aggregator.board.status import Progress
from pcare_kpi_aggregator.board.view import Views
from pcare_kpi_aggregator.standings import Standings
from pcare_kpi_aggregator.years import instant_of
from pcare_schemas.kpis.targets import Targets

AFTERNOON = datetime(2026, 11, 24, 14, 3, 27, tzinfo=UTC)


class Stage:
    """A board that stands before the public."""

    def __init__(self, now=AFTERNOON, **more) -> None:
        self.clock = FixedClock(now)
        self.whole = StoryWhole(story_at(self.clock))
        self.board = board_story.board(self.whole, self.clock, **more)
        transport = httpx.ASGITransport(app=Starlette(routes=self.board.routes()))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://board")

    async def page(self, question: str = "", status: int = 200) -> Element:
        answer = await self.client.get(f"/{question}")
        assert answer.status_code == status
        return read(answer.text)


@pytest.fixture
async def stage():
    made = Stage()
    async with made.client:
        yield made


async def test_the_components_come_in_the_plan_s_order_with_all_their_kpis(stage):
    page = await stage.page()
    assert [heading.text for heading in page.get("numbers").all("h2")] == [
        "At a glance",
        "Enabling choice",
        "Social prescribing",
        "Shared decision making",
        "Supported self-management",
        "Care and support planning",
        "Personal health budgets",
        "All components",
    ]
    assert [article.attributes["id"] for article in page.all("article")] == [f"kpi-{kpi.id}" for kpi in CATALOGUE.kpis]


async def test_a_kpi_is_said_with_target_gap_forecast_and_the_plan_s_words(stage):
    referrals = (await stage.page()).get("kpi-sp_referrals").text
    for said in (
        "17,347 referrals",
        "2,267 ahead of the trajectory.",
        "At the present rate 26,600 by 31 March.",
        "Target for 31 March 2027 23,163",
        "Trajectory today 15,080",
        "“23,163 social prescribing”",
        "The target was set for 2023/24 and holds since then.",
    ):
        assert said in referrals
    assert "No target is set." in (await stage.page()).get("kpi-sdm_conversations").text


async def test_boroughs_stand_side_by_side_and_add_up(stage):
    page = await stage.page()
    table = page.get("kpi-sp_link_workers").having("areas")[0].all("table")[0]
    rows = {row.all("th")[0].text: row.having("n")[0].text for row in table.all("tr")[1:]}
    boroughs = [int(number) for area, number in rows.items() if area != "North Central London"]
    assert sum(boroughs) == pytest.approx(int(rows["North Central London"]), abs=3)  # the story rounds
    assert list(rows) == [
        "Barnet", "Camden", "Enfield", "Haringey", "Islington", "NCL only (no borough)", "North Central London",
    ]  # fmt: skip
    assert rows["NCL only (no borough)"] == "2"
    assert "NCL only" not in page.get("kpi-sp_people").text
    assert "it is not the sum of the boroughs" in page.get("kpi-choice_ers").text
    assert "it is not the sum of the boroughs" not in page.get("kpi-sp_people").text


async def test_a_share_says_what_it_is_a_share_of(stage):
    share = (await stage.page()).get("kpi-choice_ers").text
    assert "92.0% 885 of 963" in share
    assert "8 percentage points short of the target." in share


async def test_the_drawing_has_a_name_words_and_the_same_as_a_table(stage):
    article = (await stage.page()).get("kpi-pam_people")
    (drawing,) = article.having("drawing")
    named = [article.get(ident).text for ident in drawing.attributes["aria-labelledby"].split()]
    assert drawing.attributes["role"] == "img"
    assert named[0] == "People who have completed a patient activation measure, month by month"
    assert named[1].startswith("18,982 by 24 November 2026. Target: 21,619 by 31 March 2027. 2,637 short of")
    (details,) = [one for one in article.all("details") if "month by month" in one.text]
    days = [row.all("th")[0].text for row in details.all("tr")[1:]]
    assert (days[0], days[1], days[-1]) == ("1 April 2026 (opening)", "30 April 2026", "24 November 2026")
    assert len(days) == 9


async def test_elsewhere_is_held_against_it_in_proportion(stage):
    budgets = (await stage.page()).get("kpi-phb_people").text
    assert (
        "London delivered, Q3 2018/19: 2,878 personal health budgets delivered: 2,562 adults, 316 children" in budgets
    )
    assert "200,000 1.5%" in budgets
    assert "In proportion" not in (await stage.page()).get("kpi-pcsp_active").having("chart")[0].text


async def test_an_assumed_baseline_is_said():
    stage = Stage(datetime(2022, 11, 24, tzinfo=UTC))
    async with stage.client:
        page = await stage.page()
    assert "drawn from an assumed 0 at the end of 2018/19" in page.get("kpi-phb_people").text or (
        "drawn from an assumed 0 at the end of 2018/19" in page.get("kpi-sp_link_workers").text
    )
    assert "assumed" not in page.get("kpi-pam_people").text


async def test_too_short_a_code_list_is_said(stage):
    assert "The code list holds 15 so far" in (await stage.page()).get("kpi-sdm_situations").text


async def test_a_closed_year_speaks_of_the_target(stage):
    page = await stage.page("?year=2024/25")
    assert "Financial year 2024/25, closed" in page.get("header").text
    assert "1,761 short of the target." in page.get("kpi-sp_referrals").text
    assert "At the present rate" not in page.get("numbers").text
    (current,) = [link for link in page.get("years").all("a") if "aria-current" in link.attributes]
    assert current.text == "2024/25"


async def test_years_are_links(stage):
    links = {link.text: link.attributes["href"] for link in (await stage.page()).get("years").all("a")}
    assert links == {"2024/25": "?year=2024/25", "2025/26": "?year=2025/26", "2026/27": "./"}


@pytest.mark.parametrize("asked", ["2014/15", "2024", "2024/26", "../x", "9999/00"])
async def test_a_year_that_is_not_there(stage, asked):
    page = await stage.page(f"?year={asked}", status=404)
    assert "There are no numbers for this year" in page.get("numbers").text
    assert len(page.get("years").all("a")) == 3


async def test_borough_targets_are_shown_where_they_are_set(stage):
    camden = {"kpi": "pam_people", "area": "E09000007", "value": 4000, "by": "2023/24", "baseline": None}
    some = Targets.model_validate({"targets": [*TARGETS.model_dump()["targets"], camden]})
    stage.board._views = Views(CATALOGUE, some, Standings(CATALOGUE, some))
    page = await stage.page()
    areas = page.get("kpi-pam_people").having("areas")[0]
    assert "4,000 584 short" in areas.text
    assert "Target" not in page.get("kpi-sp_people").having("areas")[0].text


# --- the head -------------------------------------------------------------------------------------------------------


async def test_the_head_says_as_at_when_and_how_far_behind(stage):
    stage.clock.advance(timedelta(seconds=3))
    stage.whole.lags = {3: 1_204}
    status = (await stage.page()).get("status")
    assert "Numbers as at 14:03:27 on 24 November 2026" in status.text
    assert "1,204 events and 3 seconds behind the log; complete: all 12 partitions counted" in status.text
    assert "Newest event recorded at 14:03:20 on 24 November 2026." in status.text
    assert "Everything that is recorded is counted." in status.text
    assert (status.attributes["data-time"], status.attributes["data-age"]) == ("14:03:27", "3.0")


async def test_old_numbers_look_old(stage):
    stage.clock.advance(timedelta(minutes=2, seconds=10))
    status = (await stage.page()).get("status")
    assert "late" in status.attributes["class"]
    assert "0 events and 2 minutes behind the log" in status.text
    assert "These numbers are old" in status.text


async def test_without_kafka_nobody_knows_how_far_behind(stage):
    stage.whole.lags, stage.whole.ends_age = {3: None}, 65.0
    status = (await stage.page()).get("status")
    assert "late" in status.attributes["class"]
    assert "Numbers as at 14:02:22 on 24 November 2026" in status.text  # when Kafka last said what there is
    assert "An unknown number of events and 1 minute behind the log" in status.text
    assert "Kafka does not answer: what happened since then is not in these numbers." in status.text
    assert status.attributes["data-time"] == "14:02:22"


async def test_what_the_service_says_is_shown():
    reason = "partition 3 is not counted: the fold fails at offset 17; see the log"
    stage = Stage(ready=lambda: Health((reason,)))
    async with stage.client:
        assert reason in (await stage.page()).get("status").text


async def test_before_all_is_counted_there_are_no_numbers():
    stage = Stage(reading=[Progress(3, 41_200, 83_333)])
    stage.whole.answering, stage.whole.missing = None, [3, 7]
    async with stage.client:
        page = await stage.page()
        assert "10 of 12 partitions counted" in page.get("status").text
        assert "Partition 3: 41,200 of 83,333 events read" in page.get("status").text
        assert page.all("progress")[0].attributes == {"value": "41200", "max": "83333"}
        assert page.all("article") == []
        stage.whole.partitions, stage.whole.missing = [], []
        stage.clock.advance(timedelta(seconds=1))
        assert "Waiting for Kafka" in (await stage.page()).get("status").text


async def test_an_empty_log_is_nothing_and_not_a_fault(stage):
    stage.whole.answering = Story(instant_of(AFTERNOON), 0.0, years=1)
    page = await stage.page()
    assert "0 people" in page.get("kpi-sp_people").text
    assert "No number yet: nothing is recorded to work it out from." in page.get("kpi-choice_ers").text
    assert "No number yet" in page.get("kpi-sdm_collaborate").text


# --- the page as a page -----------------------------------------------------------------------------------------------


async def test_it_is_built_for_people_who_hear_it(stage):
    page = await stage.page()
    levels = [int(heading.name[1]) for heading in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    ids = [one.attributes["id"] for one in page.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in page.all():
        for ident in (one.attributes.get("aria-labelledby") or "").split():
            assert ident in ids
    assert all(table.all("caption") for table in page.all("table"))
    assert all("scope" in cell.attributes for cell in page.all("th"))
    assert [one.attributes["id"] for one in page.all() if one.attributes.get("role") in {"status", "alert"}] == [
        "state"
    ]
    links = [link.attributes["href"] for link in page.all("a") if link.attributes["href"].startswith("#")]
    assert {link[1:] for link in links} <= set(ids)


async def test_nothing_comes_from_elsewhere_and_no_other_script_runs(stage):
    answer = await stage.client.get("/")
    page, policy = read(answer.text), answer.headers["content-security-policy"]
    for kind in ("style", "script"):
        (inline,) = page.all(kind)
        digest = base64.b64encode(hashlib.sha256(inline.children[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not any(one.attributes.get("src") or "style" in one.attributes for one in page.all())
    assert not any("://" in (one.attributes.get("href") or "") for one in page.all("a"))
    assert not any(name.startswith("on") for one in page.all() for name in one.attributes)


async def test_what_files_say_is_text_and_never_markup(stage):
    evil = CATALOGUE.kpis[0].model_copy(update={"title": "<script>alert(1)</script>", "words": "<img src=x>"})
    catalogue = CATALOGUE.model_copy(update={"kpis": [evil, *CATALOGUE.kpis[1:]]})
    stage.board._views = Views(catalogue, TARGETS, Standings(catalogue, TARGETS))
    page = await stage.page()
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    assert "<script>alert(1)</script>" in page.get("numbers").text


async def test_the_old_name_leads_here(stage):
    answer = await stage.client.get("/board?year=2024/25")
    assert (answer.status_code, answer.headers["location"]) == (307, "./?year=2024/25")


# --- many look --------------------------------------------------------------------------------------------------------


async def test_a_page_is_made_at_most_once_a_second(stage, monkeypatch):
    made = []
    render = stage.board._renderer.numbers
    monkeypatch.setattr(stage.board._renderer, "numbers", lambda view: made.append(view.year) or render(view))
    for _ in range(3):
        for _ in range(5):
            await stage.page()
            await stage.page("?year=2024/25")
            await stage.client.get("/board/status")
        assert sorted(made) == ["2024/25", "2026/27"]
        stage.clock.advance(timedelta(milliseconds=300))
    stage.clock.advance(timedelta(milliseconds=300))
    await stage.page()
    assert len(made) == 2  # the same answer still
    stage.whole.answering = story_at(stage.clock)
    await stage.page()
    assert len(made) == 2
    stage.clock.advance(timedelta(seconds=1))
    await stage.page()
    assert len(made) == 3


async def test_what_has_not_changed_is_not_sent_again(stage):
    first = await stage.client.get("/board/status")
    again = await stage.client.get("/board/status", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_page_goes_out_compressed(stage):
    packed = await stage.client.get("/", headers={"Accept-Encoding": "gzip"})
    plain = await stage.client.get("/", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < len(plain.content) / 5


async def test_the_clock_alone_does_not_make_anyone_fetch_the_numbers(stage):
    before = (await stage.client.get("/board/status")).json()
    stage.clock.advance(timedelta(seconds=5))
    stage.whole.answering = story_at(stage.clock)
    after = (await stage.client.get("/board/status")).json()
    assert before["numbers"] == after["numbers"]
    assert before["status"] != after["status"]
    stage.clock.advance(timedelta(days=1))
    stage.whole.answering = story_at(stage.clock)
    assert (await stage.client.get("/board/status")).json()["numbers"] != before["numbers"]
