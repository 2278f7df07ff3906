"""Events to measure with: valid, of the kinds that are counted, each about one of many people."""

import random
from collections.abc import Iterator

KINDS = {
    "sp-referral": '"referral_ref":"r-%d","referrer":"gp","reasons":["mental_health"]',
    "sdm-conversation": (
        '"conversation_ref":"c-%d","situation":"copd_pulmonary_rehabilitation","setting":"primary",'
        '"decision_aid":true,"decision":"option_chosen"'
    ),
    "pam-scored": '"score":50.%d,"level":2,"instrument":"PAM-13","cut_points":"classic"',
    "care-plan-agreed": '"plan_ref":"p-%d","plan_kind":"long_term_condition"',
    "phb-issued": (
        '"budget_ref":"b-%d","cohorts":["adult_chc"],"management":["notional"],"integrated":false,"one_off":false'
    ),
}
BOROUGHS = ("E09000003", "E09000007", "E09000010", "E09000014", "E09000019")
SUBMITTED = (
    '{"specversion":"1.0","id":"%032x","source":"https://fhir.nhs.uk/Id/ods-organization-code/RKE",'
    '"type":"uk.nhs.ncl.personalised-care.%s.v1","subject":"%s","time":"2026-0%d-%02dT10:00:00+01:00",'
    '"data":{"borough":"%s","age_band":"45-49","sex":"female","imd_decile":4,%s}}'
)


def submitted(count: int, *, seed: int, people: int = 20_000) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of events as ingest publishes them, the same for the same seed."""
    chance = random.Random(seed)
    kinds = list(KINDS.items())
    for number in range(count):
        kind, data = kinds[number % len(kinds)]
        subject = f"person:k1:{chance.randrange(people):032x}"
        filled = data % (number % 10 if kind == "pam-scored" else chance.getrandbits(28))
        when = (chance.randrange(4, 10), chance.randrange(1, 29))
        value = SUBMITTED % (chance.getrandbits(128), kind, subject, *when, chance.choice(BOROUGHS), filled)
        yield subject.encode(), value.encode()
