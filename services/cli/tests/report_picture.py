"""`python services/cli/tests/report_picture.py DIRECTORY` takes the picture of the documentation: `audit-report.png`.

It is of made-up results at a fixed instant, so that it changes only when the page does. `--all` writes whole pages and
PDFs, to look at: an equal result, one with forty differences, one of three years.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from report_support import KINDS, difference, report

from pcare_cli.reporting.document import Report, as_json
from pcare_cli.reporting.page import render
from pcare_cli.reporting.signing import sha256

sys.path.insert(0, str(Path(__file__).parents[3] / "tests"))
from browser import browser

WIDTH, HEIGHT = 1000, 1010


def page_of(of: Report) -> bytes:
    """Return the page of a report."""
    document = as_json(of)
    return render(of, document, sha256(document))


def stories() -> dict[str, Report]:
    """Return the reports that there are pictures of."""
    forty = [difference(KINDS[number % len(KINDS)], number) for number in range(40)]
    return {
        "audit-report": report(events=3_000),
        "forty": report(forty, events=3_000),
        "years": report(events=9_000, years=2.85),
    }


async def take(directory: Path, *, everything: bool) -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        async with browser("chromium", Path(profile)) as open_tab:
            tab = await open_tab()
            for name, story in stories().items():
                if name != "audit-report" and not everything:
                    continue
                file = (directory if everything else Path(profile)) / f"{name}.html"
                file.write_bytes(page_of(story))
                await tab.look(WIDTH, HEIGHT)
                await tab.open(file.as_uri())
                (directory / f"{name}.png").write_bytes(await tab.picture(whole=everything))
                if everything:
                    (directory / f"{name}.pdf").write_bytes(await tab.pdf())


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]), everything="--all" in sys.argv))
