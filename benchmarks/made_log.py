"""A log to measure the aggregator with: events of every kind that a KPI reads, of three years, made quickly.

Templates filled in, not documents built: a million takes seconds. The events hold together as far as counting cares:
what ends or reviews a plan names it, and one event in two hundred is taken back.
"""

import random
from collections.abc import Iterator

BOROUGHS = ("E09000003", "E09000007", "E09000010", "E09000014", "E09000019")
SITUATIONS = ("hip_pain", "knee_pain", "hypertension", "copd_pulmonary_rehabilitation", "smr_frailty", "smr_care_home")
ODS = "https://fhir.nhs.uk/Id/ods-organization-code/"
SOURCES = tuple(ODS + code for code in ("RKE", "RAL", "RRV", "G6V2S", "RYX"))
TEAMS = 200
COMMISSIONERS = 5
WORKERS = 150

_PERSON = '"age_band":"45-49","sex":"female","ethnic_category":"A","imd_decile":4,"practice":"E83001","pcn":"U00001"'
# kind: how often in a thousand, and its payload after the borough; %r is the reference, %s a situation, %d a digit
_MIXTURE = {
    "choice-offered": (
        110, '"referral_ref":"%r","elective":true,"via_ers":true,"providers_offered":%d,"choice_exercised":true'
    ),
    "sp-referral": (190, '"referral_ref":"%r","referrer":"gp","reasons":["mental_health"]'),
    "sdm-conversation": (
        170, '"conversation_ref":"%r","situation":"%s","setting":"primary","decision_aid":true,"decision":"deferred"'
    ),
    "pam-scored": (130, '"score":5%d.0,"level":2,"instrument":"PAM-13","cut_points":"classic","plan_ref":"%r"'),
    "self-management-referral": (30, '"referral_ref":"%r","programme":"diabetes_education"'),
    "self-management-completed": (15, '"referral_ref":"%r","programme":"diabetes_education"'),
    "care-plan-agreed": (130, '"plan_ref":"%r","plan_kind":"long_term_condition"'),
    "care-plan-reviewed": (60, '"plan_ref":"%r"'),
    "care-plan-ended": (30, '"plan_ref":"%r","reason":"goals_met"'),
    "phb-issued": (
        50, '"budget_ref":"%r","cohorts":["adult_chc"],"management":["notional"],"integrated":false,"one_off":false'
    ),
    "phb-ended": (20, '"budget_ref":"%r","reason":"spent"'),
    "collaborate-scored": (57, '"team":"%t","understand":9,"listen":%d,"include":9'),
    "choice-standards-assessed": (0.1, '"standards_met":[1,2,3,5,8]'),
    "link-worker-joined": (2, '"pcn":"U00001","employer":"RYX","wte":1.0'),
    "link-worker-left": (1, '"pcn":"U00001"'),
    "event-retracted": (5, '"retracts":"%b","reason":"entered_in_error"'),
}  # fmt: skip
_FORM = (
    '{"specversion":"1.0","id":"%s","source":"%s","type":"uk.nhs.ncl.personalised-care.%s.v1","subject":"%s",'
    '"time":"202%d-%02d-%02dT%02d:00:00Z","datacontenttype":"application/json",'
    '"recordedat":"2026-10-01T10:00:00.000Z","origin":"interventions.submitted/0/%d","rulesversion":"1-0123456789ab",'
    '"data":{"borough":"%s",%s}}'
)


def recorded(count: int, *, seed: int, people: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of events as the recorder publishes them, the same for the same seed."""
    chance = random.Random(seed)
    kinds = chance.choices(list(_MIXTURE), weights=[often for often, _ in _MIXTURE.values()], k=count)
    before = ("", "", "")
    for number, drawn in enumerate(kinds):
        kind = "sp-referral" if drawn == "event-retracted" and not before[2] else drawn
        name = f"{chance.getrandbits(128):032x}"
        source = SOURCES[number % len(SOURCES)]
        person = chance.randrange(people)
        subject = _subject(kind, person)
        data = _MIXTURE[kind][1]
        if kind == "event-retracted":
            source, subject, taken = before
            data, before = data.replace("%b", taken), ("", "", "")
        else:
            data = data.replace("%r", f"ref-{person}").replace("%s", SITUATIONS[number % len(SITUATIONS)])
            data = data.replace("%d", str(number % 6)).replace("%t", f"team-{person % TEAMS}")
            before = (source, subject, name)
        if subject.startswith("person:"):
            data = f"{_PERSON},{data}"
        when = (3 + number % 4, 1 + number % 9, 1 + number % 28, number % 24)
        value = _FORM % (name, source, kind, subject, *when, number, BOROUGHS[person % len(BOROUGHS)], data)
        yield subject.encode(), value.encode()


def _subject(kind: str, number: int) -> str:
    if kind == "collaborate-scored":
        return f"team:RKE:team-{number % TEAMS}"
    if kind == "choice-standards-assessed":
        return f"commissioner:{number % COMMISSIONERS}"
    if kind.startswith("link-worker"):
        return f"link-worker:RYX:lw-{number % WORKERS}"
    return f"person:00000000-0000-4000-8000-{number:012x}"
