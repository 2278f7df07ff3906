"""The board in a real browser: small and wide, light and dark, by keyboard, to a screen reader, without a server."""

import asyncio
import re
from contextlib import asynccontextmanager
from importlib import resources
from types import SimpleNamespace

import board_story
import pytest
from board_story import Story, StoryWhole, story_at
from starlette.applications import Starlette

from browser import browser
from pcare_common.clock import SystemClock
from pcare_common.http import HttpServer
from pcare_local.ports import LOOPBACK, free_ports
from tools import tool

pytestmark = pytest.mark.integration

LOOK = 'document.dispatchEvent(new Event("visibilitychange"))'  # the page looks at once when it is turned to
PEOPLE = 'document.querySelector("#kpi-sp_people .number strong").textContent'
AWAY = 'document.getElementById("away")'
NUMBER = re.compile(r"\d[\d,]*")


class Service:
    """The board on a port, to be ended and started again."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.whole = StoryWhole(story_at(self.clock))
        self.port = free_ports(1)[0]
        self.address = f"http://{LOOPBACK}:{self.port}/"
        self._server: HttpServer | None = None

    async def start(self) -> None:
        board = board_story.board(self.whole, self.clock)
        self._server = HttpServer(Starlette(routes=board.routes()), host=LOOPBACK, port=self.port, grace_seconds=1)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
            self._server = None


@asynccontextmanager
async def _shown(profile):
    service = Service()
    await service.start()
    try:
        async with browser(tool("chromium"), profile) as open_tab:
            tab = await open_tab()
            await tab.look(1280)
            yield SimpleNamespace(service=service, tab=tab)
    finally:
        await service.stop()


@pytest.fixture
async def shown(tmp_path):
    async with _shown(tmp_path / "profile") as both:
        yield both


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
async def test_it_is_accessible(shown, width, scheme):
    tab = shown.tab
    axe = (resources.files("axe_core_python") / "axe.min.js").read_text("utf-8")
    await tab.look(width, scheme=scheme)
    await tab.open(shown.service.address)
    await tab.value('document.querySelectorAll("details").forEach((one) => (one.open = true))')
    await tab.value(f"{axe}; undefined")
    passes, violations = await tab.value(
        "axe.run(document).then((r) => [r.passes.length,"
        " r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).slice(0, 3).join(' | '))])"
    )
    assert violations == []
    assert passes > 20


async def test_it_fits_and_asks_nobody_else(shown):
    tab = shown.tab
    for width in (320, 360, 600, 820, 1100, 1280):
        await tab.look(width)
        await tab.open(shown.service.address)
        await tab.value('document.querySelectorAll("details").forEach((one) => (one.open = true))')
        assert await tab.value("document.documentElement.scrollWidth") <= width
        axis = '[...document.querySelectorAll(".drawing text:not(.minor)")].map((one) => one.getBoundingClientRect().x)'
        assert min(await tab.value(axis)) >= 4
    assert [one for one in tab.requests if not one.startswith(("data:", shown.service.address))] == []
    assert tab.complaints == []


async def years_on(tab):
    """The financial years that the page offers: three, which end with today's."""
    years = await tab.value('[...document.querySelectorAll("#years a")].map(each => each.textContent.trim())')
    assert len(years) == 3
    return years


async def test_the_keyboard_reaches_everything_in_order_and_is_seen(shown):
    tab = shown.tab
    await tab.open(shown.service.address)
    await tab.until('document.getElementById("pause")')
    reached = []
    for _ in range(200):
        await tab.press("Tab")
        at = await tab.value(
            "(() => { const e = document.activeElement, s = getComputedStyle(e); return e === document.body ? null :"
            " [e.className || e.id || e.textContent.trim(), e.getBoundingClientRect().top + scrollY,"
            " s.outlineStyle !== 'none' && s.outlineWidth !== '0px']; })()"
        )
        if at is None or (reached and at == reached[0]):
            break
        reached.append(at)
    many = await tab.value('document.querySelectorAll("a[href], button, summary").length')
    assert len(reached) == many
    assert [name for name, _, _ in reached[:5]] == ["skip", "pause", *await years_on(tab)]
    assert all(outlined for _, _, outlined in reached)
    links = [top for name, top, _ in reached if name == "The same lines as a table"]
    assert links == sorted(links)


async def test_the_keyboard_can_skip_to_the_numbers_and_open_a_table(shown):
    tab = shown.tab
    await tab.open(shown.service.address)
    await tab.press("Tab")
    await tab.press("Enter")
    await tab.until('document.activeElement.id === "numbers"')
    await tab.value('document.querySelector("#kpi-sp_people summary").focus()')
    await tab.press(" ")
    await tab.until('document.querySelector("#kpi-sp_people details").open')


async def test_a_screen_reader_finds_its_landmarks(shown):
    tab = shown.tab
    await tab.open(shown.service.address)
    tree = (await tab.send("Accessibility.getFullAXTree"))["nodes"]
    nodes = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node.get("ignored")]
    roles = [role for role, _ in nodes]
    for landmark in ("banner", "main", "contentinfo", "status"):
        assert roles.count(landmark) == 1
    assert ("navigation", "Financial years") in nodes
    assert ("region", "Social prescribing") in nodes
    assert ("region", "How fresh the numbers are") in nodes
    assert ("image", "Link workers in post, month by month " + _words(nodes)) in nodes
    assert ("table", "Link workers in post, by borough") in nodes
    assert ("rowheader", "Camden") in nodes


def _words(nodes):
    (name,) = [name for role, name in nodes if role == "image" and name.startswith("Link workers in post")]
    assert "Target: 123 by 31 March" in name
    return name.removeprefix("Link workers in post, month by month ")


async def test_a_new_number_appears_and_nothing_else_moves(shown):
    tab, service = shown.tab, shown.service
    await tab.look(1280, 700)
    await tab.open(service.address)
    before = await tab.value(PEOPLE)
    await tab.value("window.sameDocument = true")
    await tab.value('document.querySelector("#kpi-sp_people details").open = true')
    await tab.value('document.querySelector("#kpi-sp_people summary").focus({preventScroll: true})')
    await tab.value('document.querySelector("#kpi-sp_people summary").scrollIntoView({behavior: "instant"})')
    place = 'Math.round(document.querySelector("#kpi-sp_people summary").getBoundingClientRect().top)'
    seen_at = await tab.value(place)
    service.whole.answering = story_at(service.clock, scale=1.2)
    await tab.until(f"{PEOPLE} !== {before!r}")  # by itself, at its next look
    assert _number(await tab.value(PEOPLE)) > _number(before)
    assert await tab.value('document.querySelector("#kpi-sp_people details").open')
    assert await tab.value('document.activeElement === document.querySelector("#kpi-sp_people summary")')
    assert await tab.value(place) == pytest.approx(seen_at, abs=1)
    assert await tab.value("window.sameDocument")
    assert tab.complaints == []


async def test_one_who_pauses_is_left_in_peace(shown):
    tab, service = shown.tab, shown.service
    await tab.open(service.address)
    before = await tab.value(PEOPLE)
    await tab.value('document.getElementById("pause").click()')
    service.whole.answering = story_at(service.clock, scale=2.0)
    await asyncio.sleep(1.2)
    await tab.value(LOOK)
    await asyncio.sleep(0.5)
    assert await tab.value(PEOPLE) == before
    await tab.value('document.getElementById("pause").click()')
    await tab.until(f"{PEOPLE} !== {before!r}")


async def test_when_the_aggregator_is_gone_the_page_says_so_until_it_is_back(shown):
    tab, service = shown.tab, shown.service
    await tab.open(service.address)
    assert await tab.value(f"{AWAY}.hidden")
    await service.stop()
    await tab.value(LOOK)
    await tab.until(f"!{AWAY}.hidden")
    said = await tab.value(f"{AWAY}.textContent")
    assert re.fullmatch(r"Numbers of \d\d:\d\d:\d\d, \d+ seconds? old: the aggregator does not answer\.", said)
    assert await tab.value(f"{AWAY}.getBoundingClientRect().top") == 0
    assert "does not answer" in await tab.value('document.getElementById("state").textContent')
    assert not await tab.value('document.querySelector(".fresh").checkVisibility()')
    await tab.until(f"{AWAY}.textContent !== {said!r}")  # it grows older before one's eyes
    service.whole.answering = story_at(service.clock)
    await service.start()
    await tab.value(LOOK)
    await tab.until(f"{AWAY}.hidden")
    assert await tab.value('document.getElementById("state").textContent') == "Everything that is recorded is counted."


async def test_numbers_come_by_themselves_when_all_is_counted(shown):
    tab, service = shown.tab, shown.service
    story, service.whole.answering, service.whole.missing = service.whole.answering, None, [3]
    await tab.open(service.address)
    assert await tab.value('document.querySelectorAll("article").length') == 0
    assert "11 of 12 partitions counted" in await tab.value('document.getElementById("status").textContent')
    service.whole.answering, service.whole.missing = story, []
    await tab.until('document.querySelectorAll("article").length')
    assert await tab.value('document.querySelectorAll("#years a").length') == 3
    assert tab.complaints == []


async def test_without_scripts_the_page_is_all_there(shown):
    tab = shown.tab
    await tab.open(shown.service.address)
    earliest, *_ = await years_on(tab)
    await tab.send("Emulation.setScriptExecutionDisabled", value=True)
    await tab.open(f"{shown.service.address}?year={earliest}")
    await tab.send("Emulation.setScriptExecutionDisabled", value=False)
    assert NUMBER.fullmatch(await tab.value(PEOPLE))
    assert await tab.value('document.querySelector("noscript meta").httpEquiv') == "refresh"
    assert not await tab.value('document.getElementById("pause")')


async def test_it_prints_black_on_white_without_what_cannot_be_pressed_on_paper(shown):
    tab = shown.tab
    await tab.look(1280, scheme="dark", print_out=True)
    await tab.open(shown.service.address)
    for gone in ("#pause", "#years", "details"):
        assert not await tab.value(f'document.querySelector("{gone}").checkVisibility()')
    assert await tab.value("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert await tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = await tab.pdf()
    assert printed.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 12


async def test_all_indicators_at_a_glance_are_one_sheet_of_paper(shown):
    width, height = (round(96 * (millimetres - 2 * 14) / 25.4) for millimetres in (210, 297))  # A4 within its margins
    await shown.tab.look(width, height, print_out=True)
    await shown.tab.open(shown.service.address)
    assert await shown.tab.value('document.querySelector(".glance").getBoundingClientRect().bottom') < height


async def test_an_empty_log_can_be_looked_at(shown):
    shown.service.whole.answering = Story(shown.service.whole.answering.oldest, 0.0, years=1)
    await shown.tab.open(shown.service.address)
    assert await shown.tab.value(PEOPLE) == "0"
    assert shown.tab.complaints == []


def _number(text: str) -> int:
    return int(text.replace(",", ""))
