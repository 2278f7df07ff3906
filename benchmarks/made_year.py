"""A financial year of events of every kind, as the recorder publishes them: what an analyst's database holds.

To a mixture, in order of time, the same for the same seed. They hold together: what closes something names what opened
it, every tenth episode has a second event, one event in a hundred is taken back.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from pcare_schemas.code_lists import built_in
from pcare_schemas.personal_health_budgets import Cohort
from pcare_schemas.social_prescribing import ReferralReason

BEGINS = datetime(2025, 3, 31, 23, tzinfo=UTC)
ODS = "https://fhir.nhs.uk/Id/ods-organization-code/"
SOURCES = tuple(ODS + code for code in ("RKE", "RAL", "RRV", "G6V2S", "RYX", "E83024", "F83004"))
BOROUGHS = tuple(built_in()["boroughs"].codes)
SITUATIONS = tuple(built_in()["situations"].codes)
ETHNIC_CATEGORIES = tuple(built_in()["ethnic-categories"].codes)
REASONS: tuple[str, ...] = ReferralReason.__args__  # type: ignore[attr-defined]
COHORTS: tuple[str, ...] = Cohort.__args__  # type: ignore[attr-defined]
AGE_BANDS = ("0-4", "15-19", "25-29", "35-39", "45-49", "55-59", "65-69", "75-79", "85-89", "90+")

Chance = random.Random
Data = dict[str, Any]

OPENS: dict[str, tuple[float, str, Callable[[Chance], Data]]] = {  # of a thousand events; what names it; what it says
    "choice-offered": (
        200,
        "referral_ref",
        lambda c: {
            "elective": c.random() < 0.8,
            "via_ers": c.random() < 0.9,
            "providers_offered": c.randrange(6),
            "choice_exercised": c.random() < 0.7,
        },
    ),
    "sp-referral": (150, "referral_ref", lambda c: {"referrer": "gp", "reasons": _some(c, REASONS, 3)}),
    "sp-declined": (20, "referral_ref", lambda _: {}),
    "sdm-conversation": (
        150,
        "conversation_ref",
        lambda c: {
            "situation": c.choice(SITUATIONS),
            "setting": c.choice(("primary", "secondary", "interface")),
            "decision_aid": c.random() < 0.4,
            "decision": "option_chosen",
        },
    ),
    "pam-scored": (
        100,
        "plan_ref",
        lambda c: {"score": round(c.uniform(30, 46), 1), "level": 1, "instrument": "PAM-13", "cut_points": "classic"},
    ),
    "self-management-referral": (30, "referral_ref", lambda _: {"programme": "diabetes_education"}),
    "care-plan-agreed": (90, "plan_ref", lambda _: {"plan_kind": "long_term_condition"}),
    "phb-issued": (
        20,
        "budget_ref",
        lambda c: {
            "starts": "2025-10-01",
            "cohorts": _some(c, COHORTS, 2),
            "management": ["notional"],
            "integrated": c.random() < 0.2,
            "one_off": c.random() < 0.3,
        },
    ),
}
FOLLOWS: dict[str, tuple[float, str, Data]] = {  # of a thousand events; what it follows; what it says
    "sp-closed": (100, "sp-referral", {"outcome": "goals_met"}),
    "self-management-completed": (20, "self-management-referral", {"programme": "diabetes_education"}),
    "care-plan-reviewed": (45, "care-plan-agreed", {}),
    "care-plan-ended": (20, "care-plan-agreed", {"reason": "goals_met"}),
    "phb-ended": (8, "phb-issued", {"reason": "spent"}),
}
OTHERS = {"collaborate-scored": 30.0, "link-worker-joined": 1.0, "link-worker-left": 0.5, "event-retracted": 10.0}
STANDARDS = "choice-standards-assessed"


def recorded_year(count: int, *, people: int, seed: int) -> Iterator[bytes]:
    """Yield so many events of a year in the order of their times, each the text that the recorder publishes."""
    made = _Year(people, seed)
    weights = {kind: entry[0] for kind, entry in (*OPENS.items(), *FOLLOWS.items())} | OTHERS | {STANDARDS: 0.02}
    kinds = made.chance.choices(list(weights), weights=list(weights.values()), k=count)
    for number, kind in enumerate(kinds):
        when = (BEGINS + timedelta(days=365) * (number / count)).isoformat().replace("+00:00", "Z")
        name = made.uuid()
        said, source, subject, data = made.say(kind, name)
        yield orjson.dumps(
            {
                "specversion": "1.0",
                "id": name,
                "source": source,
                "type": f"uk.nhs.ncl.personalised-care.{said}.v1",
                "subject": subject,
                "time": when,
                "datacontenttype": "application/json",
                "recordedat": when,
                "origin": f"interventions.submitted/{number % 12}/{number // 12}",
                "rulesversion": "1-0123456789ab",
                "data": data,
            }
        )


class _Year:
    def __init__(self, people: int, seed: int) -> None:
        self.chance = Chance(seed)
        self._people = [(f"person:{self.uuid()}", self._about()) for _ in range(people)]
        self._open: dict[str, list[tuple[str, str, Data]]] = defaultdict(list)
        self._last = ("", "", "")

    def uuid(self) -> str:
        """Return a new id."""
        digits = f"{self.chance.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def say(self, kind: str, name: str) -> tuple[str, str, str, Data]:
        """Return kind, source, subject and data of the event `name`: a referral where nothing is there to follow."""
        if kind in FOLLOWS and not self._open[FOLLOWS[kind][1]]:
            kind = "sp-referral"
        if kind == "event-retracted" and self._last[0]:
            (source, taken, subject), self._last = self._last, ("", "", "")
            return kind, source, subject, {"retracts": taken, "reason": "entered_in_error"}
        if kind in OPENS:
            source, subject, data = self._opening(kind)
        elif kind in FOLLOWS:
            source, subject, data = self._following(kind)
        else:
            kind, source, subject, data = self._other(kind)
        self._last = (source, name, subject)
        return kind, source, subject, data

    def _opening(self, kind: str) -> tuple[str, str, Data]:
        _, ref, said = OPENS[kind]
        if kind != "care-plan-agreed" and self._open[kind] and self.chance.random() < 0.1:
            source, subject, known = self.chance.choice(self._open[kind])
        else:
            source = self.chance.choice(SOURCES)
            subject, about = self.chance.choice(self._people)
            known = about | {ref: f"{self.chance.getrandbits(48):012x}"}
            self._open[kind].append((source, subject, known))
        return source, subject, known | said(self.chance)

    def _following(self, kind: str) -> tuple[str, str, Data]:
        _, opener, said = FOLLOWS[kind]
        waiting = self._open[opener]
        chosen = self.chance.randrange(len(waiting))
        waiting[chosen], waiting[-1] = waiting[-1], waiting[chosen]
        source, subject, known = waiting[-1] if kind == "care-plan-reviewed" else waiting.pop()
        return source, subject, known | said

    def _other(self, kind: str) -> tuple[str, str, str, Data]:
        source, borough = self.chance.choice(SOURCES), self.chance.choice(BOROUGHS)
        if kind == "collaborate-scored":
            team = f"team-{self.chance.randrange(200)}"
            scores = {name: 9 - self.chance.randrange(3) for name in ("understand", "listen", "include")}
            return kind, source, f"team:RKE:{team}", {"team": team, "borough": borough, **scores}
        if kind.startswith("link-worker"):
            worker = self.chance.randrange(400)
            post = {"pcn": f"U0{worker % 30:04d}", "borough": BOROUGHS[worker % 5], "employer": "RYX", "wte": 1.0}
            return kind, ODS + "RYX", f"link-worker:RYX:lw-{worker}", post
        met = _some(self.chance, range(1, 10), 9)
        return (
            STANDARDS,
            ODS + "QMJ",
            self.chance.choice(("commissioner:QMJ", "commissioner:93C")),
            {"standards_met": met},
        )

    def _about(self) -> Data:
        borough, practice = self.chance.randrange(5), self.chance.randrange(40)
        return {
            "borough": BOROUGHS[borough],
            "pcn": f"U{borough}{practice // 6:04d}",
            "practice": f"E83{borough}{practice:02d}",
            "age_band": self.chance.choice(AGE_BANDS),
            "sex": self.chance.choice(("female", "male")),
            "ethnic_category": self.chance.choice(ETHNIC_CATEGORIES),
            "imd_decile": self.chance.randrange(1, 11),
        }


def _some(chance: Chance, among: Sequence[Any], most: int) -> list[Any]:
    return sorted(chance.sample(among, chance.randrange(1, most + 1)))
