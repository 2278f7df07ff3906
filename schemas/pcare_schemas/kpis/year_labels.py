"""Financial years as the plan writes them. A year is named by the calendar year in which it starts."""

from typing import Annotated, Any

from pydantic import BeforeValidator

ALWAYS = "always"
"""Stands for a year where something holds in all of them."""


def label(year: int) -> str:
    """Return how the plan writes a financial year: `2023/24`."""
    return f"{year}/{(year + 1) % 100:02d}"


def year_from_label(text: str) -> int:
    """Return the financial year written `2023/24`. Raises ValueError for anything else."""
    start = text[:4]
    if not (start.isascii() and start.isdigit()) or label(int(start)) != text:
        raise ValueError(f"{text!r} is not a financial year: write it as 2023/24")
    return int(start)


def _is_a_year(text: Any) -> Any:
    year_from_label(str(text))
    return text


def _is_a_year_or_always(text: Any) -> Any:
    return text if text == ALWAYS else _is_a_year(text)


YearLabel = Annotated[str, BeforeValidator(_is_a_year)]
YearOrAlways = Annotated[str, BeforeValidator(_is_a_year_or_always)]
