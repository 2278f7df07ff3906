"""Disclosure control: what may be published of a number, by the NHS central suppression method.

Applied to finished numbers on their way out, never to what is counted. NCL is exact. Below it, of what counts people or
what happened to them, 0 stays 0, 1 to 7 is suppressed, and 8 and more is rounded to the nearest 5.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pcare_schemas.kpis.areas import NCL
from pcare_schemas.kpis.catalogue import Kpi
from pcare_schemas.kpis.rules import MeanRule

SUPPRESSED = "*"
"""Stands in a table where a number is suppressed."""

FEWEST_SHOWN = 8
NEAREST = 5


class Published(NamedTuple):
    """A number as it may be published. `suppressed`: there is a value, and it is withheld."""

    value: float | None
    numerator: int | None
    denominator: int | None
    suppressed: bool = False


def protected(kpi: Kpi, area: str) -> bool:
    """Say whether disclosure control applies to a KPI's numbers for an area."""
    return kpi.personal and area != NCL


def published(kpi: Kpi, area: str, value: float | None, numerator: int | None, denominator: int | None) -> Published:
    """Return what may be published of a KPI's number for an area.

    A share is worked out again from the rounded numbers, so that it tells no more than they do; it is withheld when
    its numerator, its denominator or their difference is 1 to 7. Of a share without a value, as too few stand behind
    it, the numerator is withheld: with it and the denominator the value would be told. A mean is withheld when it rests
    on 1 to 7 events, and its sum always: from it and the mean their number would follow.
    """
    if not protected(kpi, area):
        return Published(value, numerator, denominator)
    if kpi.kind_of_value == "share":
        return _share(value, numerator or 0, denominator or 0)
    if kpi.kind_of_value == "mean":
        return _mean(kpi, value, denominator or 0)
    shown = rounded(int(value or 0))
    return Published(shown, shown, None, suppressed=shown is None)


def rounded(count: int) -> int | None:
    """Return a count as it may be published; None where it is suppressed."""
    if 0 < count < FEWEST_SHOWN:
        return None
    return (count + NEAREST // 2) // NEAREST * NEAREST


def span(shown: int | None) -> tuple[int, int]:
    """Return the least and the most that a count may be of which this is published; None is a suppressed one."""
    if shown is None:
        return 1, FEWEST_SHOWN - 1
    return (max(FEWEST_SHOWN, shown - NEAREST // 2), shown + NEAREST // 2) if shown else (0, 0)


def told(whole: int, spans: Mapping[str, tuple[int, int]]) -> set[str]:
    """Return the areas whose count follows from the exact whole and from what the counts of all areas may be.

    So does a suppressed one where NCL's few are all in one borough, or where several can only be 1 each, or 7.
    """
    least, most = (sum(bounds) for bounds in zip(*spans.values(), strict=True))
    return {
        area
        for area, (low, high) in spans.items()
        if max(low, whole - (most - high)) == min(high, whole - (least - low))
    }


def percentage(numerator: int, denominator: int) -> float:
    """Return a percentage to two decimals, halves upwards, as all ways of counting round it."""
    return (20_000 * numerator + denominator) // (2 * denominator) / 100


def _share(value: float | None, numerator: int, denominator: int) -> Published:
    parts = rounded(numerator), rounded(denominator)
    if parts[0] is None or parts[1] is None or rounded(denominator - numerator) is None:
        return Published(None, None, parts[1], suppressed=True)
    if value is None:
        return Published(None, None if denominator else 0, parts[1])
    return Published(percentage(parts[0], parts[1]), *parts)


def _mean(kpi: Kpi, value: float | None, denominator: int) -> Published:
    fields = len(kpi.rule.fields) if isinstance(kpi.rule, MeanRule) else 1
    events = rounded(denominator // fields)
    if events is None:
        return Published(None, None, None, suppressed=True)
    return Published(value, None, events * fields)
