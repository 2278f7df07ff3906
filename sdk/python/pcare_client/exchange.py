"""The seam between what is decided and what is carried out.

Everything that a client decides is a generator (a `Flow`) that yields what it wants done: a request, or a wait. The two
clients differ in nothing but how they carry that out, so there is one logic for both, and a test needs no network.
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pcare_client.errors import NotUnderstoodError


@dataclass(frozen=True, slots=True)
class Request:
    """A request to carry out. It may hold an NHS number and a secret, so it does not show them."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """So many seconds to let pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body as JSON; None if it is not."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    def mapping(self) -> Mapping[str, Any]:
        """Return the body as a JSON object; raises NotUnderstoodError if it is none."""
        document = self.json()
        if not isinstance(document, Mapping):
            raise NotUnderstoodError(f"The answer ({self.status}) is not a JSON object.")
        return document


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came: whether the request arrived is not known."""

    why: str


Step = Request | Wait
Outcome = Reply | Lost | None
"""What carrying out a step gives: an answer or the lack of one; of a wait, None."""

T = TypeVar("T")
Flow = Generator[Step, Outcome, T]


def ask(request: Request) -> Flow[Reply | Lost]:
    """Have a request carried out."""
    outcome = yield request
    if outcome is None:
        raise TypeError("a request has an outcome")
    return outcome
