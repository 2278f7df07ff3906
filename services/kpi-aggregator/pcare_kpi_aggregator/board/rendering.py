"""Puts views into the templates. The page is one file: style and script stand in it, and the policy names their hashes.

The numbers are rendered apart from the page around them, because they change less often than the clock in its head.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pcare_kpi_aggregator.board import chart
from pcare_kpi_aggregator.board.status import Status
from pcare_kpi_aggregator.board.view import YearView

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Numbers:
    """The part of the page that holds the numbers of a year. `etag` is another one when anything in it is."""

    html: Markup
    etag: str
    year: str | None = None
    closed: bool = False


class Renderer:
    """Holds the templates. `policy` is the page's Content-Security-Policy: nothing but itself, from nowhere else."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            auto_reload=False,
        )
        self._style, self._script = _text("board.css"), _text("board.js")
        self._environment.globals["size"] = {
            "width": chart.WIDTH,
            "height": chart.HEIGHT,
            "left": chart.LEFT,
            "right": chart.RIGHT,
            "floor": chart.HEIGHT - chart.BOTTOM,
        }
        files = sorted(_TEMPLATES.iterdir())
        self.version = _hash("".join(path.read_text(encoding="utf-8") for path in files))
        """Another one when the templates are: a page that was made by others loads itself again."""
        self.policy = "; ".join(
            (
                "default-src 'none'",
                f"style-src {_source(self._style)}",
                f"script-src {_source(self._script)}",
                "connect-src 'self'",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )

    def numbers(self, view: YearView) -> Numbers:
        """Return the numbers of a year."""
        html = self._environment.get_template("numbers.html").render(view=view)
        return Numbers(Markup(html), _hash(html), view.year, view.closed)  # noqa: S704 - the template has escaped it

    def nothing(self, title: str, words: str) -> Numbers:
        """Return what stands in the place of numbers where there are none."""
        html = self._environment.get_template("nothing.html").render(title=title, words=words)
        return Numbers(Markup(html), _hash(html))  # noqa: S704 - the template has escaped it

    def status(self, status: Status) -> str:
        """Return the head's panel."""
        return self._environment.get_template("status.html").render(status=status)

    def page(self, numbers: Numbers, status: Status, years: Sequence[str]) -> str:
        """Return the whole page."""
        return self._environment.get_template("page.html").render(
            version=self.version,
            style=Markup(self._style),  # noqa: S704 - a file of this package
            script=Markup(self._script),  # noqa: S704 - a file of this package
            year=numbers.year,
            closed=numbers.closed,
            years=years,
            status=status,
            numbers=numbers.html,
            etag=numbers.etag,
        )


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
