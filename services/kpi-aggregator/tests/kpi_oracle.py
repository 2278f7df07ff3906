"""The KPIs, computed in the most obvious way: everything anew, straight from the rules in docs/kpis.md.

It shares nothing with the fold but the form of a fact: no changes a year, no intervals, no instants computed ahead.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pcare_kpi_aggregator.facts import Fact, Retraction

LONDON = ZoneInfo("Europe/London")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
THRESHOLD = 5
BOROUGHS = ("E09000003", "E09000007", "E09000010", "E09000014", "E09000019")

Values = dict[tuple[str, str, int], int]


def kpis(
    subjects: Mapping[str, Iterable[Fact | Retraction]], at: int, *, threshold: int = THRESHOLD, renews: bool = True
) -> Values:
    """Return every KPI that is not zero by (kpi, area, year); areas are GSS codes, `NCL only` and `NCL`."""
    values: Values = defaultdict(int)
    situations: dict[tuple[str, int, str], int] = defaultdict(int)
    for year in range(2010, 2040):
        if _start(year) >= at:
            break
        end = min(at, _start(year + 1))
        for statements in subjects.values():
            facts = [fact for fact in _standing(statements) if fact.time < end]
            _count_person(values, facts, year, end, renews=renews)
            for talk in _episodes(facts, "sdm-conversation"):
                if _start(year) <= talk.time:
                    for area in ("NCL", _area(talk)):
                        situations[area, year, talk.code] += 1
    for (area, year, _), conversations in situations.items():
        values["sdm_situations", area, year] += conversations >= threshold
    return {key: value for key, value in values.items() if value}


def _count_person(values: Values, facts: list[Fact], year: int, end: int, *, renews: bool) -> None:
    start = _start(year)

    def count(kpi: str, fact: Fact) -> None:
        for area in ("NCL", _area(fact)):
            values[kpi, area, year] += 1

    for talk in _episodes(facts, "sdm-conversation"):
        if start <= talk.time:
            count("sdm_conversations", talk)
    referrals = [referral for referral in _episodes(facts, "sp-referral") if start <= referral.time]
    for referral in referrals:
        count("sp_referrals", referral)
    for kpi, placing in (
        ("sp_people", referrals),
        ("pam_people", [fact for fact in facts if fact.kind == "pam-scored"]),
        ("pcsp_active", [fact for ref in _refs(facts) for fact in _plan_in_place(facts, ref, end, renews=renews)]),
        ("phb_people", [fact for fact in facts if fact.kind == "phb-issued" and _budget_ran(facts, fact, start, end)]),
    ):
        if placing:
            count(kpi, max(placing, key=_order))


def _standing(statements: Iterable[Fact | Retraction]) -> list[Fact]:
    statements = list(statements)
    taken_back = {(one.source, one.id) for one in statements if isinstance(one, Retraction)}
    facts = {(one.source, one.id): one for one in reversed(statements) if isinstance(one, Fact)}
    return [fact for key, fact in facts.items() if key not in taken_back]


def _episodes(facts: list[Fact], kind: str) -> list[Fact]:
    of_kind = [fact for fact in facts if fact.kind == kind]
    refs = {_ref(fact) for fact in of_kind}
    return [min((fact for fact in of_kind if _ref(fact) == ref), key=_order) for ref in refs]


def _plan_in_place(facts: list[Fact], ref: tuple[str, str], at: int, *, renews: bool) -> list[Fact]:
    """Return the fact that keeps the plan in place at `at`, or nothing."""
    renewing = {"care-plan-agreed", "care-plan-reviewed"} if renews else {"care-plan-agreed"}
    for agreed in facts:
        if agreed.kind != "care-plan-agreed" or _ref(agreed) != ref:
            continue
        if any(end.kind == "care-plan-ended" and _ref(end) == ref and end.time >= agreed.time for end in facts):
            continue
        renewals = [fact for fact in facts if fact.kind in renewing and _ref(fact) == ref and fact.time >= agreed.time]
        last = max(renewals, key=_order)
        if _a_year_later(last.time) >= at:
            return [last]
    return []


def _budget_ran(facts: list[Fact], issued: Fact, start: int, end: int) -> bool:
    starts = issued.time if issued.starts is None else issued.starts
    endings = [
        fact.time
        for fact in facts
        if fact.kind == "phb-ended" and _ref(fact) == _ref(issued) and fact.time >= issued.time
    ]
    ends = min(endings, default=10**18)
    if issued.one_off:
        day = _london(starts).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        ends = min(ends, _instant(day + timedelta(days=1)))
    return max(starts, start) < min(ends, end)


def _refs(facts: list[Fact]) -> set[tuple[str, str]]:
    return {_ref(fact) for fact in facts}


def _ref(fact: Fact) -> tuple[str, str]:
    return fact.ref_source, fact.ref


def _order(fact: Fact) -> tuple[int, str, str]:
    return fact.time, fact.source, fact.id


def _area(fact: Fact) -> str:
    return fact.borough if fact.borough in BOROUGHS else "NCL only"


def _start(year: int) -> int:
    return _instant(datetime(year, 4, 1, tzinfo=LONDON))


def _london(instant: int) -> datetime:
    return (EPOCH + timedelta(microseconds=instant)).astimezone(LONDON)


def _instant(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def _a_year_later(instant: int) -> int:
    wall = _london(instant)
    leap_day = (wall.month, wall.day) == (2, 29)
    later = wall.replace(year=wall.year + 1, day=28 if leap_day else wall.day)
    return max(_instant(later.replace(fold=0)), _instant(later.replace(fold=1)))
