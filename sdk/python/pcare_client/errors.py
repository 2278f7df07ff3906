"""What may be raised. What is wrong with one event is no error but its verdict.

PcareError
├── UnavailableError     not now: nothing is lost, send the same events again later
├── RefusedError         the request as a whole is refused: a person has to act
└── NotUnderstoodError   the answer is not one of the recorder's
"""

from collections.abc import Sequence

from pcare_client.event import Event
from pcare_client.results import Problem, Verdict


class PcareError(Exception):
    """Whatever went wrong. No message repeats what was sent."""


class UnavailableError(PcareError):
    """It was tried as often as is allowed. Of `events` it is not known that they are stored: send them again.

    `verdicts` are those that were reached on the others of the same call.
    """

    def __init__(self, why: str, events: Sequence[Event] = (), verdicts: Sequence[Verdict] = ()) -> None:
        super().__init__(f"The recorder could not be reached, or could not take it now ({why}).")
        self.why = why
        self.events = tuple(events)
        self.verdicts = tuple(verdicts)


class RefusedError(PcareError):
    """The request is refused as it is: who calls is not known or may not do this, or it is malformed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem}")
        self.problem = problem


class NotUnderstoodError(PcareError):
    """The answer does not have the form that it must have."""
