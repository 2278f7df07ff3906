"""The events that the kit sends: our examples, told by another organisation about a test person. Pure.

Everything is marked: ids and references begin with `conformance-`, and persons are test persons (NHS numbers
999 000 0000 to 999 999 9999, which are never issued).
"""

import copy
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pcare_schemas.code_lists import CodeList
from pcare_schemas.envelope import type_of
from pcare_schemas.examples import VALID
from pcare_schemas.register import LOCAL_SOURCE, ODS_SOURCE, SOURCE_PATTERN

TEST_PERSON: Final = "nhs-number:9990000018"
WRONG_CHECK_DIGIT: Final = "nhs-number:9990000019"
RETRACTION: Final = "event-retracted"
LATE: Final = dt.timedelta(days=30)

_BOUND_TO_A_DAY = ("review_due", "next_review_due", "starts", "snomed_code", "snomed_version")
_REFS = ("referral_ref", "plan_ref", "conversation_ref", "budget_ref")


def source_of(code: str) -> str:
    """Return the source of an ODS code, a slug, or a source; raises ValueError if it is none of them."""
    prefix = ODS_SOURCE if re.fullmatch("[A-Z0-9]{3,8}", code) else LOCAL_SOURCE
    source = code if ":" in code else prefix + code
    if not re.match(SOURCE_PATTERN, source):
        raise ValueError(f"{code} is no ODS code (RKE), no slug (demo-council) and no source (https://..., urn:...).")
    return source


@dataclass(frozen=True, slots=True)
class Party:
    """Whose events are played, under which mark, and when. `mark` holds letters only, and is another one each run."""

    source: str
    mark: str
    now: dt.datetime
    commissioners: CodeList

    @property
    def code(self) -> str:
        """Its ODS code or slug."""
        return re.split("[/:]", self.source)[-1]

    def id_of(self, step: str) -> str:
        """Return the id of the event that a step sends."""
        return f"conformance-{self.mark}-{step}"

    def event(self, kind: str, step: str, *, earlier: dt.timedelta = dt.timedelta(hours=1)) -> dict[str, Any]:
        """Return an event of a kind that may be sent as it is; `earlier` is how long ago it took place."""
        time = self.now - earlier
        event = copy.deepcopy(VALID[kind])
        data: dict[str, Any] = {name: value for name, value in event["data"].items() if name not in _BOUND_TO_A_DAY}
        data |= {name: f"conformance-{self.mark}" for name in _REFS if name in data}
        data.pop("ref_source", None)
        if "employer" in data:
            data["employer"] = self.code
        if "team" in data:
            data["team"] = f"conformance-{self.mark}"
        if "retracts" in data:
            data["retracts"] = self.id_of("never-sent")
        return {
            "specversion": "1.0",
            "id": self.id_of(step),
            "source": self.source,
            "type": event["type"],
            "subject": self._subject(event["subject"], time),
            "time": time.isoformat(timespec="seconds"),
            "data": data,
        }

    def retraction(self, target: Mapping[str, Any], step: str) -> dict[str, Any]:
        """Return what takes an event back."""
        event = self.event(RETRACTION, step)
        event["subject"] = target["subject"]
        event["data"] = {"retracts": target["id"], "reason": "entered_in_error"}
        return event

    def _subject(self, example: str, time: dt.datetime) -> str:
        form = example.partition(":")[0]
        if form == "person":
            return TEST_PERSON
        if form == "commissioner":
            return f"commissioner:{self.commissioners.valid(time)[-1]}"
        return f"{form}:{self.code}:conformance-{self.mark}"


def is_retraction(event: Mapping[str, Any]) -> bool:
    """Say whether an event takes another one back."""
    return event.get("type") == type_of(RETRACTION)
