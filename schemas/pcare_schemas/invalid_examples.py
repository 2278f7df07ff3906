"""At least three invalid examples of every kind, with the reason that each is refused for and where."""

import copy
import json
from dataclasses import dataclass
from typing import Any, Final

from pcare_schemas.examples import VALID, WHITTINGTON
from pcare_schemas.rejections import Reason

NHS_NUMBER: Final = "9990000018"
"""A test number: its range is never issued, its check digit is right."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """An event that is refused. `name` is that of its file, `path` where the first error is."""

    kind: str
    what: str
    reason: Reason
    path: str
    value: bytes
    subject: str

    @property
    def name(self) -> str:
        """The file's name: the kind and what is wrong."""
        return f"{self.kind}-{self.what}.json"


def _wrong(kind: str, what: str, reason: Reason, path: str, change: Any) -> Invalid:
    """Change the kind's valid example at one place: `change` stands where `path` points, None takes it away."""
    event = copy.deepcopy(VALID[kind])
    place: Any = event
    *steps, last = path.strip("/").split("/")
    for step in steps:
        place = place[step]
    if change is None:
        place.pop(last, None)
    else:
        place[last] = change
    value = json.dumps(event, indent=2).encode()
    return Invalid(kind, what, reason, path, value, event["subject"])


def _broken(kind: str, what: str, reason: Reason, value: bytes) -> Invalid:
    return Invalid(kind, what, reason, "", value, VALID[kind]["subject"])


DATA, CODE, TIME = Reason.invalid_data, Reason.unknown_code, Reason.time_out_of_range

INVALID: Final[tuple[Invalid, ...]] = (
    _wrong("choice-offered", "count-as-text", DATA, "/data/providers_offered", "4"),
    _wrong("choice-offered", "no-borough", DATA, "/data/borough", None),
    _wrong("choice-offered", "not-a-borough-of-ncl", CODE, "/data/borough", "E09000001"),
    _wrong("choice-standards-assessed", "tenth-standard", CODE, "/data/standards_met", [1, 10]),
    _wrong("choice-standards-assessed", "standard-twice", DATA, "/data/standards_met", [1, 1]),
    _wrong("choice-standards-assessed", "commissioner-before-its-day", CODE, "/subject", "commissioner:Z9B2Z"),
    _wrong("sp-referral", "nhs-number-in-reference", Reason.identifiable_data, "/data/referral_ref", NHS_NUMBER),
    _wrong("sp-referral", "misspelt-field", DATA, "/data/referer", "gp"),
    _wrong("sp-referral", "no-reason", DATA, "/data/reasons", []),
    _wrong("sp-referral", "other-kinds-snomed-code", CODE, "/data/snomed_code", "871711000000103"),
    _wrong("sp-referral", "without-offset", DATA, "/time", "2024-04-12T09:15:00"),
    _wrong("sp-referral", "in-the-future", TIME, "/time", "2034-04-12T09:15:00Z"),
    _wrong("sp-referral", "unknown-provider", Reason.unknown_provider, "/source", "urn:ncl:provider:nobody"),
    _broken("sp-referral", "cut-short", Reason.not_json, json.dumps(VALID["sp-referral"], indent=2).encode()[:300]),
    _broken("sp-referral", "array", Reason.not_cloudevent, json.dumps([VALID["sp-referral"]], indent=2).encode()),
    _wrong("sp-declined", "unknown-attribute", DATA, "/comment", "none"),
    _wrong("sp-declined", "before-2015", TIME, "/time", "2014-12-31T23:59:59Z"),
    _wrong("sp-declined", "subject-by-nhs-number", Reason.identifiable_data, "/subject", f"nhs-number:{NHS_NUMBER}"),
    _wrong("sp-closed", "unknown-outcome", DATA, "/data/outcome", "happy"),
    _wrong("sp-closed", "no-reference", DATA, "/data/referral_ref", None),
    _wrong("sp-closed", "unknown-giver", Reason.unknown_provider, "/data/ref_source", "urn:ncl:provider:nobody"),
    _wrong("link-worker-joined", "more-than-whole-time", DATA, "/data/wte", 1.2),
    _wrong("link-worker-joined", "about-a-person", DATA, "/subject", VALID["sp-referral"]["subject"]),
    _wrong("link-worker-joined", "unknown-employer", CODE, "/data/employer", "nobody-in-particular"),
    _wrong("link-worker-left", "no-network", DATA, "/data/pcn", None),
    _wrong("link-worker-left", "network-misspelt", DATA, "/data/pcn", "U1234"),
    _wrong("link-worker-left", "three-decimals", DATA, "/data/wte", 0.125),
    _wrong("sdm-conversation", "unknown-situation", CODE, "/data/situation", "knee_ache"),
    _wrong("sdm-conversation", "aid-as-text", DATA, "/data/decision_aid", "yes"),
    _wrong("sdm-conversation", "unknown-setting", DATA, "/data/setting", "tertiary"),
    _wrong("collaborate-scored", "item-missing", DATA, "/data/listen", None),
    _wrong("collaborate-scored", "item-above-nine", DATA, "/data/include", 10),
    _wrong("collaborate-scored", "another-team", DATA, "/data/team", "hip-clinic"),
    _wrong("pam-scored", "level-of-other-cut-points", DATA, "/data/level", 3),
    _wrong("pam-scored", "two-decimals", DATA, "/data/score", 52.93),
    _wrong("pam-scored", "above-a-hundred", DATA, "/data/score", 100.1),
    _wrong("self-management-referral", "unknown-programme", DATA, "/data/programme", "yoga"),
    _wrong("self-management-referral", "snomed-code-not-accepted", CODE, "/data/snomed_code", "871731000000106"),
    _wrong("self-management-referral", "reference-with-spaces", DATA, "/data/referral_ref", "seen by the nurse"),
    _wrong("self-management-completed", "no-time", DATA, "/time", None),
    _wrong("self-management-completed", "number-as-time", DATA, "/time", 1718377200),
    _wrong("self-management-completed", "decile-eleven", DATA, "/data/imd_decile", 11),
    _wrong("care-plan-agreed", "no-such-day", DATA, "/data/review_due", "2025-02-30"),
    _wrong("care-plan-agreed", "unknown-plan-kind", DATA, "/data/plan_kind", "holistic"),
    _wrong("care-plan-agreed", "version-2", Reason.unknown_type, "/type", VALID["care-plan-agreed"]["type"][:-1] + "2"),
    _wrong("care-plan-reviewed", "instant-as-day", DATA, "/data/next_review_due", "2025-05-07T00:00:00Z"),
    _wrong("care-plan-reviewed", "older-cloudevents", Reason.not_cloudevent, "/specversion", "0.3"),
    _wrong("care-plan-reviewed", "no-id", Reason.not_cloudevent, "/id", None),
    _wrong("care-plan-ended", "no-reason", DATA, "/data/reason", None),
    _wrong("care-plan-ended", "data-missing", DATA, "/data", None),
    _wrong("care-plan-ended", "unknown-sex", DATA, "/data/sex", "f"),
    _wrong("care-plan-declined", "reason-in-words", DATA, "/data/reason", "Does not want to talk about it now"),
    _wrong("care-plan-declined", "unknown-ethnic-category", CODE, "/data/ethnic_category", "Q"),
    _wrong("care-plan-declined", "recorded-in-the-future", TIME, "/recordedtime", "2034-05-20T11:30:00Z"),
    _wrong("phb-issued", "no-cohort", DATA, "/data/cohorts", []),
    _wrong("phb-issued", "value-in-pounds", DATA, "/data/annual_value_pence", 18450.5),
    _wrong("phb-issued", "value-too-large", DATA, "/data/annual_value_pence", 1_000_000_000),
    _wrong("phb-ended", "another-data-schema", DATA, "/dataschema", "https://example.org/phb-ended.json"),
    _wrong("phb-ended", "binary-content", DATA, "/datacontenttype", "application/octet-stream"),
    _wrong("phb-ended", "merged-organisation", Reason.unknown_provider, "/source", WHITTINGTON[:-3] + "07R"),
    _wrong("event-retracted", "no-target", DATA, "/data/retracts", None),
    _wrong("event-retracted", "unknown-reason", DATA, "/data/reason", "changed_my_mind"),
    _wrong("event-retracted", "with-a-borough", DATA, "/data/borough", "E09000019"),
)
"""All of them, in the order of the event catalogue."""
