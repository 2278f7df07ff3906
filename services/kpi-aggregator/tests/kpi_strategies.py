"""Generates subjects' facts around every instant at which a rule may go wrong by one."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from kpi_oracle import BOROUGHS

from pcare_kpi_aggregator.facts import Fact, Retraction
from pcare_kpi_aggregator.years import SECOND, instant_of, midnight, start_of

LONDON = ZoneInfo("Europe/London")
HOUR = 3600 * SECOND

_EDGES = [
    instant_of(datetime(*edge, tzinfo=LONDON))
    for edge in (
        (2022, 4, 1), (2023, 4, 1), (2024, 4, 1), (2025, 4, 1),  # the turns of four financial years
        (2023, 3, 26, 1), (2024, 3, 31, 1), (2024, 3, 31, 2), (2023, 10, 29, 1), (2023, 10, 29, 2), (2024, 10, 27, 1),
        (2022, 10, 30, 1, 30), (2025, 3, 30, 1, 30), (2024, 3, 30, 1, 30),  # walls that a year later are twice or never
        (2024, 2, 29, 12), (2023, 2, 28, 12), (2025, 2, 28, 12), (2025, 3, 1), (2024, 2, 28, 23, 59, 59),
    )
]  # fmt: skip
_NEAR = [0, 1, -1, SECOND, -SECOND, HOUR, -HOUR, 24 * HOUR, -24 * HOUR]

instants = st.one_of(
    st.builds(lambda edge, near: edge + near, st.sampled_from(_EDGES), st.sampled_from(_NEAR)),
    st.integers(_EDGES[0] - 400 * 24 * HOUR, _EDGES[3] + 300 * 24 * HOUR),
)
_days = st.one_of(
    st.sampled_from([date(2023, 3, 31), date(2023, 4, 1), date(2024, 3, 31), date(2024, 4, 1), date(2024, 2, 29)]),
    st.dates(date(2022, 3, 1), date(2025, 12, 31)),
)
_sources = st.sampled_from(["urn:ncl:provider:a", "urn:ncl:provider:b"])
_ids = st.sampled_from([f"{number:02d}" for number in range(30)])
KINDS = (
    "sdm-conversation",
    "sp-referral",
    "pam-scored",
    "care-plan-agreed",
    "care-plan-agreed",
    "care-plan-reviewed",
    "care-plan-ended",
    "phb-issued",
    "phb-issued",
    "phb-ended",
)
FAMILIES = [
    ("sdm-conversation",),
    ("sp-referral",),
    ("pam-scored",),
    ("care-plan-agreed", "care-plan-reviewed", "care-plan-ended"),
    ("phb-issued", "phb-ended"),
]
_boroughs = st.sampled_from([*BOROUGHS[:3], ""])


@st.composite
def facts(draw: st.DrawFn, kinds: Sequence[str] = KINDS, when=instants, refs: Sequence[str] = ("r1", "r2")) -> Fact:
    kind = draw(st.sampled_from(kinds))
    issued = kind == "phb-issued"
    starts = draw(st.none() | _days) if issued else None
    return Fact(
        kind,
        draw(when),
        draw(_sources),
        draw(_ids),
        draw(_boroughs),
        "urn:ncl:provider:a" if len(refs) == 1 else draw(_sources),
        "" if kind == "pam-scored" else draw(st.sampled_from(refs)),
        draw(st.sampled_from(["hypertension", "hip_pain"])) if kind == "sdm-conversation" else "",
        None if starts is None else midnight(starts),
        issued and draw(st.booleans()),
    )


retractions = st.builds(Retraction, _sources, _ids)


@st.composite
def statements(draw: st.DrawFn, of=None, max_size: int = 12) -> list[Fact | Retraction]:
    """One subject's statements; an id never has two contents."""
    of = facts() if of is None else of
    drawn = draw(st.lists(of, max_size=max_size, unique_by=lambda fact: (fact.source, fact.id)))
    taken_back = draw(st.lists(retractions, max_size=2))
    return draw(st.permutations([*drawn, *taken_back]))


people = st.dictionaries(st.sampled_from(["person:1", "person:2", "person:3"]), statements(), max_size=3)

# One reference of one kind of thing, and microseconds around three turns of the year: whatever can coincide, does.
tight_instants = st.builds(
    lambda turn, near: turn + near,
    st.sampled_from([start_of(2023), start_of(2024), start_of(2025)]),
    st.integers(-2, 3),
)
tight_statements = st.sampled_from(FAMILIES).flatmap(
    lambda family: statements(facts(family, tight_instants, ("r1",)), max_size=6)
)
