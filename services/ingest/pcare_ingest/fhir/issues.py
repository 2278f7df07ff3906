"""What is wrong with a resource, in FHIR's terms. No text here ever repeats what was sent."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pcare_schemas.rejections import Reason

PROBLEM_SYSTEM: Final = "urn:ncl:personalised-care:problem"


class Code(StrEnum):
    """The issue types of FHIR (http://hl7.org/fhir/issue-type) that are used here."""

    structure = "structure"
    required = "required"
    value = "value"
    invariant = "invariant"
    not_supported = "not-supported"
    code_invalid = "code-invalid"
    not_found = "not-found"
    forbidden = "forbidden"
    security = "security"
    too_long = "too-long"
    processing = "processing"
    transient = "transient"
    throttled = "throttled"
    informational = "informational"


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome. `at` is a FHIRPath; `reason` is the reason code that /events would give."""

    code: Code
    text: str
    at: str | None = None
    reason: str | None = None
    status: int = 422

    def document(self) -> dict[str, Any]:
        """Return the issue as FHIR has it."""
        severity = "information" if self.code is Code.informational else "error"
        details: dict[str, Any] = {"text": self.text}
        if self.reason is not None:
            details = {"coding": [{"system": PROBLEM_SYSTEM, "code": self.reason}], **details}
        issue: dict[str, Any] = {"severity": severity, "code": str(self.code), "details": details}
        if self.at is not None:
            issue["expression"] = [self.at]
        return issue


def too_large(what: str, most: int, at: str | None) -> Issue:
    """Return the issue of something that has more bytes than it may have."""
    return Issue(Code.too_long, f"{what} has at most {most} bytes.", at, str(Reason.too_large), 413)


class UnfitError(Exception):
    """A resource from which no event can be made. `issues` say why."""

    def __init__(self, *issues: Issue) -> None:
        super().__init__("a resource that gives no event")
        self.issues = issues
