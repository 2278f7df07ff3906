"""Generates what subjects' events say around every instant at which a rule may go wrong by one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from kpi_oracle import BOROUGHS
from kpi_records import Said, Taken, placed

from pcare_kpi_aggregator.years import SECOND, instant_of, start_of

LONDON = ZoneInfo("Europe/London")
HOUR = 3600 * SECOND

_EDGES = [
    instant_of(datetime(*edge, tzinfo=LONDON))
    for edge in (
        (2022, 4, 1), (2023, 4, 1), (2024, 4, 1), (2025, 4, 1),  # the turns of four financial years
        (2023, 3, 26, 1), (2024, 3, 31, 1), (2024, 3, 31, 2), (2023, 10, 29, 1), (2023, 10, 29, 2), (2024, 10, 27, 1),
        (2022, 10, 30, 1, 30), (2025, 3, 30, 1, 30), (2024, 3, 30, 1, 30),  # walls that a year later are twice or never
        (2024, 2, 29, 12), (2023, 2, 28, 12), (2025, 2, 28, 12), (2025, 3, 1), (2024, 2, 28, 23, 59, 59),
        (2023, 11, 1), (2023, 12, 1), (2023, 8, 31, 12),  # months' turns
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
_boroughs = st.sampled_from([*BOROUGHS[:3], None])
_flags = st.booleans()
_sometimes = st.none() | _flags

REFS: Mapping[str, str] = {
    "choice-offered": "referral_ref",
    "sp-referral": "referral_ref",
    "sdm-conversation": "conversation_ref",
    "self-management-referral": "referral_ref",
    "care-plan-agreed": "plan_ref",
    "care-plan-reviewed": "plan_ref",
    "care-plan-ended": "plan_ref",
    "phb-issued": "budget_ref",
    "phb-ended": "budget_ref",
    "link-worker-joined": "pcn",
    "link-worker-left": "pcn",
}
FIELDS: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "choice-offered": {
        "elective": _flags, "via_ers": _flags, "choice_exercised": _flags, "providers_offered": st.integers(0, 5),
    },
    "sp-referral": {
        "reasons": st.lists(
            st.sampled_from(["mental_health", "lonely_or_isolated", "complex_social_needs"]), min_size=1, unique=True
        )
    },
    "sdm-conversation": {
        "situation": st.sampled_from(["hypertension", "hip_pain", "knee_pain", "smr_frailty"]),
        "decision_aid": _sometimes,
    },
    "collaborate-scored": {name: st.sampled_from([9, 9, 8, 0]) for name in ("understand", "listen", "include")},
    "pam-scored": {"level": st.integers(1, 4), "plan_ref": st.sampled_from([None, "p"])},
    "choice-standards-assessed": {"standards_met": st.lists(st.integers(1, 9), max_size=9, unique=True)},
    "phb-issued": {
        "starts": st.none() | _days.map(date.isoformat),
        "one_off": _sometimes,
        "cohorts": st.lists(st.sampled_from(["adult_chc", "adult_ld", "s117"]), min_size=1, unique=True),
    },
}  # fmt: skip
_PLANS = ("care-plan-agreed", "care-plan-reviewed", "care-plan-ended")
_BUDGETS = ("phb-issued", "phb-ended")
FAMILIES = [
    ("choice-offered",),
    ("sp-referral",),
    ("sdm-conversation",),
    ("pam-scored", "sp-referral"),
    _PLANS,
    _BUDGETS,
    (*_PLANS, *_BUDGETS),
]
PERSON = (
    "choice-offered", "sp-referral", "sdm-conversation", "pam-scored", "self-management-referral",
    "care-plan-agreed", *_PLANS, "phb-issued", *_BUDGETS,
)  # fmt: skip
OTHERS = {
    "team:t": ("collaborate-scored",),
    "commissioner:c": ("choice-standards-assessed",),
    "link-worker:w": ("link-worker-joined", "link-worker-left"),
}


@st.composite
def events(draw: st.DrawFn, kinds: Sequence[str] = PERSON, when=instants, refs: Sequence[str] = ("r1", "r2")) -> Said:
    kind = draw(st.sampled_from(kinds))
    stated = {name: draw(values) for name, values in FIELDS.get(kind, {}).items()}
    data = placed(draw(_boroughs), **{name: value for name, value in stated.items() if value is not None})
    if kind in REFS:
        data[REFS[kind]] = draw(st.sampled_from(refs))
        if REFS[kind] != "pcn" and (giver := draw(st.none() | _sources)):
            data["ref_source"] = giver if len(refs) > 1 else "urn:ncl:provider:a"
    return Said(kind, draw(when), draw(_sources), draw(_ids), data)


retractions = st.builds(Taken, _sources, _ids)


@st.composite
def statements(draw: st.DrawFn, of=None, max_size: int = 12) -> list[Said | Taken]:
    """One subject's events; an id never has two contents."""
    of = events() if of is None else of
    drawn = draw(st.lists(of, max_size=max_size, unique_by=lambda said: (said.source, said.id)))
    taken_back = draw(st.lists(retractions, max_size=2))
    return draw(st.permutations([*drawn, *taken_back]))


_of_one_family = st.sampled_from(FAMILIES).flatmap(lambda family: statements(events(family, refs=("r1", "r2", "r3"))))
people = st.dictionaries(
    st.sampled_from(["person:1", "person:2", "person:3"]), st.one_of(statements(), _of_one_family), max_size=3
)
others = st.fixed_dictionaries(
    {}, optional={subject: statements(events(kinds), max_size=6) for subject, kinds in OTHERS.items()}
)
subjects = st.builds(lambda some, more: some | more, people, others)
"""People, a team, a commissioner and a link worker, by subject."""

# One reference of one kind of thing, and microseconds around three turns of the year: whatever can coincide, does.
tight_instants = st.builds(
    lambda turn, near: turn + near,
    st.sampled_from([start_of(2023), start_of(2024), start_of(2025)]),
    st.integers(-2, 3),
)
tight_statements = st.sampled_from(FAMILIES).flatmap(
    lambda family: statements(events(family, tight_instants, ("r1",)), max_size=6)
)
tight_subjects = st.one_of(
    tight_statements.map(lambda said: {"person:1": said}),
    st.sampled_from(list(OTHERS.items())).flatmap(
        lambda other: statements(events(other[1], tight_instants, ("r1",)), max_size=6).map(
            lambda said: {other[0]: said}
        )
    ),
)
