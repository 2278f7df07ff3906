"""`python services/kpi-aggregator/tests/board_picture.py DIRECTORY` takes the pictures of the documentation.

They are of a made-up story at a fixed instant, so that they change only when the page does.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import board_story
from board_story import StoryWhole, story_at
from starlette.applications import Starlette

from pcare_common.clock import FixedClock
from pcare_common.http import HttpServer
from pcare_local.ports import LOOPBACK, free_ports

sys.path.insert(0, str(Path(__file__).parents[3] / "tests"))
from browser import browser

AFTERNOON = datetime(2026, 11, 24, 14, 3, 27, tzinfo=UTC)
WIDTH = 1200


async def take(directory: Path) -> None:
    """Write `board.png` (the head and the table) and `board-component.png` (one component)."""
    clock, port = FixedClock(AFTERNOON), free_ports(1)[0]
    board = board_story.board(StoryWhole(story_at(clock)), clock)
    server = HttpServer(Starlette(routes=board.routes()), host=LOOPBACK, port=port)
    await server.start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        async with browser("chromium", Path(profile)) as open_tab:
            tab = await open_tab()
            await tab.look(WIDTH, 400)
            await tab.open(f"http://{LOOPBACK}:{port}/")
            end = await tab.value('Math.ceil(document.querySelector(".glance").getBoundingClientRect().bottom) + 16')
            await tab.look(WIDTH, end)
            top = await tab.picture(whole=False)
            component = await tab.picture("section.component:nth-of-type(3)")
    await server.stop()
    (directory / "board.png").write_bytes(top)
    (directory / "board-component.png").write_bytes(component)


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1])))
