"""The KPIs, computed in the most obvious way: everything anew, straight from the rules in docs/kpis.md.

It shares nothing with the fold: it reads payloads, not facts, and knows no changes a month, no intervals, no instants
computed ahead.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kpi_records import Said, Taken

from pcare_schemas import code_lists
from pcare_schemas.kpis.catalogue import Catalogue
from pcare_schemas.kpis.payload_fields import default_of

LONDON = ZoneInfo("Europe/London")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BOROUGHS = ("E09000003", "E09000007", "E09000010", "E09000014", "E09000019")
AREAS = {code.code: code.area for code in code_lists.built_in()["situations"].codes.values()}
REFERENCES = {
    "choice-offered": "referral_ref",
    "sp-referral": "referral_ref",
    "link-worker-joined": "pcn",
    "link-worker-left": "pcn",
    "sdm-conversation": "conversation_ref",
    "self-management-referral": "referral_ref",
    "self-management-completed": "referral_ref",
    "care-plan-agreed": "plan_ref",
    "care-plan-reviewed": "plan_ref",
    "care-plan-ended": "plan_ref",
    "phb-issued": "budget_ref",
    "phb-ended": "budget_ref",
}

Statements = Iterable[Said | Taken]


class Number(NamedTuple):
    value: float | None
    numerator: int
    denominator: int | None


Values = dict[tuple[str, str, int], Number]


class Year(NamedTuple):
    """A financial year, seen at an instant."""

    start: int
    seen_at: int


def kpis(subjects: Mapping[str, Statements], at: int, catalogue: Catalogue) -> Values:
    """Return every KPI behind which there is anything by (kpi, area, year); areas: GSS codes, `NCL only` and `NCL`."""
    standing = {subject: _standing(said) for subject, said in subjects.items()}
    values: Values = {}
    for year in range(2018, 2040):
        if start_of(year) >= at:
            break
        seen = Year(start_of(year), min(at, start_of(year + 1)))
        values |= {(kpi, area, year): number for (kpi, area), number in _at(standing, seen, catalogue).items()}
    return values


def month_end(subjects: Mapping[str, Statements], at: int, year: int, catalogue: Catalogue) -> dict[Any, Number]:
    """Return the KPIs of a year by (kpi, area), seen at an instant within it."""
    standing = {subject: _standing(said) for subject, said in subjects.items()}
    return _at(standing, Year(start_of(year), at), catalogue)


def _at(standing: Mapping[str, list[Said]], year: Year, catalogue: Catalogue) -> dict[tuple[str, str], Number]:
    known = {subject: [one for one in said if one.time < year.seen_at] for subject, said in standing.items()}
    numbers = {}
    for kpi in catalogue.kpis:
        placing = [one for facts in known.values() for one in _placing(facts, year, kpi.rule, catalogue)]
        for area in {"NCL", *map(_area, placing)}:
            here = [one for one in placing if area in {"NCL", _area(one)}]
            number = _number(here, area, known, year, kpi.rule, catalogue)
            if number.numerator or number.denominator:
                numbers[kpi.id, area] = number
    return numbers


def _number(  # noqa: PLR0917
    here: list[Said], area: str, known: Mapping[str, list[Said]], year: Year, rule: Any, catalogue: Catalogue
) -> Number:
    """Return the number of an area from all that is placed there."""
    match rule.count:
        case "reached":
            members = [one.data["situation"] for one in here]
            if rule.by == "priority_area":
                members = [AREAS[member] for member in members if AREAS.get(member)]
            reached = {member for member in members if members.count(member) >= rule.threshold}
            return Number(len(reached), len(reached), None)
        case "share":
            which = [one for one in here if passes(rule.which, one)]
            return _share(len(which), len(here), rule.at_least or 1)
        case "share_of_latest":
            return _share(sum(len(one.data[rule.counted]) for one in here), len(here) * rule.out_of)
        case "share_in_place":
            other = catalogue[rule.also_in].rule
            both = [
                _latest(ones)
                for facts in known.values()
                if (ones := _in_place_at_end(facts, year, catalogue[rule.of].rule))
                and _in_place_at_end(facts, year, other)
            ]
            return _share(sum(area in {"NCL", _area(one)} for one in both), len(here))
        case "mean":
            total, numbers = sum(one.data[field] for one in here for field in rule.fields), len(here) * len(rule.fields)
            enough = len(here) >= (rule.at_least or 1)
            return Number(_rounded(Decimal(total) / numbers) if enough else None, total, numbers)
        case _:
            return Number(len(here), len(here), None)


def _placing(  # noqa: C901, PLR0911 - one case a kind of rule
    facts: list[Said], year: Year, rule: Any, catalogue: Catalogue
) -> list[Said]:
    """Return what counts of one subject, each thing by the event that dates, places and classifies it."""
    match rule.count:
        case "events" | "mean":
            return [one for one in facts if one.kind == rule.of and passes(rule, one) and year.start <= one.time]
        case "episodes" | "reached":
            return _episodes(facts, year, rule.of, rule)
        case "share" if rule.of.count == "episodes":
            return _episodes(facts, year, rule.of.of, rule.of)
        case "share":
            return [one for one in facts if one.kind == rule.of.of and passes(rule.of, one) and year.start <= one.time]
        case "people_in_year":
            return _person(_episodes(facts, year, rule.of, rule))
        case "people_reached":
            return _person([one for one in facts if one.kind in rule.of and year.start <= one.time])
        case "people_ever":
            return _person([one for one in facts if one.kind == rule.of and passes(rule, one)])
        case "share_of_latest":
            return _person([one for one in facts if one.kind == rule.of and year.start <= one.time])
        case "in_place_at_end":
            return _person(_in_place_at_end(facts, year, rule))
        case "share_in_place":
            return _person(_in_place_at_end(facts, year, catalogue[rule.of].rule))
        case "in_place_in_year":
            return _person([one for one in facts if one.kind == rule.opened_by and _ran(facts, one, year, rule)])
    raise AssertionError(rule)


def _person(placing: list[Said]) -> list[Said]:
    return [_latest(placing)] if placing else []


def _latest(said: Iterable[Said]) -> Said:
    return max(said, key=_order)


def _standing(statements: Statements) -> list[Said]:
    statements = list(statements)
    taken_back = {(one.source, one.id) for one in statements if isinstance(one, Taken)}
    said = {(one.source, one.id): one for one in reversed(statements) if isinstance(one, Said)}
    return [one for key, one in said.items() if key not in taken_back]


def passes(entry: Any, one: Said) -> bool:
    """Say whether an event passes `where` and `given`."""
    if any(one.data.get(field) is None for field in entry.given):
        return False
    for field, wanted in entry.where.items():
        held = one.data[field] if one.data.get(field) is not None else default_of(one.kind, field)
        elements = held if isinstance(held, list) else [held]
        if not any(element == value for element in elements for value in wanted):
            return False
    return True


def _episodes(facts: list[Said], year: Year, kind: str, entry: Any) -> list[Said]:
    of_kind = [one for one in facts if one.kind == kind]
    earliest = [min((one for one in of_kind if ref_of(one) == ref), key=_order) for ref in {*map(ref_of, of_kind)}]
    return [one for one in earliest if passes(entry, one) and year.start <= one.time]


def _in_place_at_end(facts: list[Said], year: Year, rule: Any) -> list[Said]:
    """Return the openings and renewals that have something in place."""
    return [one for one in facts if _in_place(facts, one, year.seen_at, rule)]


def _in_place(facts: list[Said], one: Said, at: int, rule: Any) -> bool:
    same = [other for other in facts if ref_of(other) == ref_of(one)]
    closings = [other.time for other in same if other.kind == rule.closed_by]
    openings = [other.time for other in same if other.kind == rule.opened_by]
    if rule.lapses_after_months is not None and at > months_after(one.time, rule.lapses_after_months):
        return False
    if one.kind == rule.opened_by:
        begins = _begins(one)
        return begins < at <= min([*_one_day(one, begins), *(end for end in closings if end >= one.time)], default=at)
    if rule.review_renews and one.kind == rule.renewed_by:
        opened = max([time for time in openings if time <= one.time], default=None)
        closed = max([time for time in closings if time <= one.time], default=None)
        is_open = opened is not None and (closed is None or opened > closed)
        return is_open and at <= min([end for end in closings if end > one.time], default=at)
    return False


def _ran(facts: list[Said], opening: Said, year: Year, rule: Any) -> bool:
    begins = _begins(opening)
    endings = [
        one.time
        for one in facts
        if one.kind == rule.closed_by and ref_of(one) == ref_of(opening) and one.time >= opening.time
    ]
    ends = min([*endings, *_one_day(opening, begins)], default=10**18)
    return max(begins, year.start) < min(ends, year.seen_at)


def _begins(opening: Said) -> int:
    day = opening.data.get("starts")
    return opening.time if day is None else instant(datetime.fromisoformat(day).replace(tzinfo=LONDON))


def _one_day(opening: Said, begins: int) -> Iterator[int]:
    if opening.data.get("one_off"):
        day = _london(begins).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        yield instant(day + timedelta(days=1))


def ref_of(one: Said) -> tuple[str, str] | None:
    field = REFERENCES.get(one.kind)
    if field is None:
        return None
    giver = "" if field == "pcn" else one.data.get("ref_source") or one.source
    return giver, one.data[field]


def _order(one: Said) -> tuple[int, str, str]:
    return one.time, one.source, one.id


def _area(one: Said) -> str:
    own = one.data.get("borough")
    return own if own in BOROUGHS else "NCL only"


def _share(numerator: int, denominator: int, at_least: int = 1) -> Number:
    enough = denominator >= at_least
    return Number(_rounded(Decimal(100 * numerator) / denominator) if enough else None, numerator, denominator)


def _rounded(number: Decimal) -> float:
    return float(number.quantize(Decimal("0.01"), ROUND_HALF_UP))


def start_of(year: int) -> int:
    return instant(datetime(year, 4, 1, tzinfo=LONDON))


def _london(at: int) -> datetime:
    return (EPOCH + timedelta(microseconds=at)).astimezone(LONDON)


def instant(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def months_after(at: int, months: int) -> int:
    """Return the later instant with the same London wall time, on the same or the month's last day."""
    wall = _london(at)
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    day = wall.day
    while True:
        try:
            later = wall.replace(year=year, month=month + 1, day=day)
            break
        except ValueError:
            day -= 1
    return max(instant(later.replace(fold=0)), instant(later.replace(fold=1)))
