"""What comes back: verdicts, the problems in them, receipts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pcare_client.event import Event


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong. `pointer` is a JSON Pointer into the event; nothing here repeats what was sent."""

    pointer: str
    message: str
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was refused (RFC 9457). `reason` and the pointers are for programs, the rest is for people."""

    reason: str
    title: str
    detail: str
    status: int
    errors: tuple[FieldError, ...] = ()

    def __str__(self) -> str:
        places = "; ".join(f"{error.pointer or 'the event'}: {error.message}" for error in self.errors)
        return f"{self.reason}: {self.title}. {places or self.detail}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided on one event. It was accepted (of a check: would be) if there is no `problem`.

    `receipt` is the address to ask what became of it later, where the service gives one.
    """

    event: Event
    problem: Problem | None = None
    receipt: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the event is stored safely; of a check, whether it would be."""
        return self.problem is None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an accepted event. `status`: accepted, recorded, duplicate, rejected or retracted."""

    status: str
    source: str
    id: str
    detail: str
    problem: Problem | None
    document: Mapping[str, Any]

    @property
    def settled(self) -> bool:
        """Whether the recorder has decided on it."""
        return self.status != "accepted"


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """What stands for a person: `subject` goes into the event.

    While the key is being changed there is a `previous` one too: send it as `subjectprev`, so that the person is
    known by both.
    """

    subject: str
    previous: str | None = None


def problem_in(document: Any, status: int) -> Problem:
    """Read a problem document; of an answer that is none, make one that says so."""
    if not isinstance(document, Mapping) or not isinstance(document.get("reason"), str):
        title = "Something other than the recorder answered"
        return Problem("not_understood", title, "Check the address, and what stands between.", status)
    return Problem(
        document["reason"],
        str(document.get("title", "")),
        str(document.get("detail", "")),
        int(document.get("status", status)),
        tuple(_error_in(error) for error in document.get("errors") or ()),
    )


def receipt_in(document: Mapping[str, Any]) -> Receipt:
    """Read a receipt."""
    problem = document.get("problem")
    return Receipt(
        str(document["status"]),
        str(document["source"]),
        str(document["id"]),
        str(document.get("detail", "")),
        None if problem is None else problem_in(problem, 422),
        document,
    )


def _error_in(error: Mapping[str, Any]) -> FieldError:
    expected = error.get("expected")
    return FieldError(
        str(error.get("pointer", "")), str(error.get("message", "")), None if expected is None else str(expected)
    )
