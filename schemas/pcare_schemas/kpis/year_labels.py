"""Financial years as the plan writes them. A year is named by the calendar year in which it starts."""

from typing import Annotated

from pydantic import AfterValidator


def label(year: int) -> str:
    """Return how the plan writes a financial year: `2023/24`."""
    return f"{year}/{(year + 1) % 100:02d}"


def year_from_label(text: str) -> int:
    """Return the financial year written `2023/24`. Raises ValueError for anything else."""
    start = text[:4]
    if not (start.isascii() and start.isdigit()) or label(int(start)) != text:
        raise ValueError(f"{text!r} is not a financial year: write it as 2023/24")
    return int(start)


def _is_a_year(text: str) -> str:
    year_from_label(text)
    return text


YearLabel = Annotated[str, AfterValidator(_is_a_year)]
