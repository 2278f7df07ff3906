"""The report in a real browser: accessible, on any width, on paper, and without asking anybody for anything."""

from importlib import resources

import pytest
from report_picture import page_of
from report_support import KINDS, difference, report

from browser import browser
from pcare_cli.reporting.page import SHORT_MARKS
from tools import tool

pytestmark = pytest.mark.integration

A4 = b"/MediaBox [0 0 594.95996 841.91998]"


async def test_it_is_accessible_fits_and_prints(tmp_path) -> None:  # type: ignore[no-untyped-def] # pytest's own
    file = tmp_path / "report.html"
    file.write_bytes(page_of(report([difference(kind, number) for kind in KINDS for number in range(2)])))
    axe = (resources.files("axe_core_python") / "axe.min.js").read_text("utf-8")
    async with browser(tool("chromium"), tmp_path / "profile") as open_tab:
        tab = await open_tab()
        for width in (360, 1280):
            await tab.look(width)
            await tab.open(file.as_uri())
            assert await tab.value("document.documentElement.scrollWidth") <= width
        assert tab.requests == [file.as_uri()] * 2
        assert tab.complaints == []
        await tab.send("Page.setBypassCSP", enabled=True)
        await tab.look(360)  # where tables scroll, which the keyboard must be able to do
        await tab.open(file.as_uri())
        await tab.value(f"{axe}; undefined")
        passes, violations = await tab.value(
            "axe.run(document).then((r) => [r.passes.length,"
            " r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).slice(0, 3).join(' | '))])"
        )
        assert violations == []
        assert passes > 20
        printed = await tab.pdf()
        sheets = printed.count(b"/Type /Page\n")
        assert sheets > 6
        assert printed.count(A4) == sheets, "every sheet is A4, upright"
    page = file.read_text()
    assert all(mark.isascii() for mark in SHORT_MARKS.values())  # it stands in the style sheet as it is
    assert "@top-right" in page
