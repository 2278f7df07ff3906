"""What an answer must be: pure judges, which make a finding of what came back."""

from collections.abc import Mapping, Sequence
from typing import Any

from pcare_cli.conformance.address import Answer, state_of
from pcare_cli.conformance.findings import Finding, failed, passed, unproven


def told(answer: Answer) -> str:
    """Return an answer in words: its status, its reason, and the first thing that it finds wrong."""
    if answer.status == 0:
        return f"no answer ({answer.document})"
    words = f"{answer.status}" + (f" {answer.reason}" if answer.reason else "")
    errors = answer.document.get("errors") if isinstance(answer.document, dict) else None
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        words += f" at {errors[0].get('pointer') or 'the whole'}: {errors[0].get('message')}"
        if errors[0].get("expected"):
            words += f" Expected: {errors[0]['expected']}"
    elif isinstance(answer.document, dict) and answer.reason:
        words += f": {answer.document.get('detail')}"
    return words


def accepted(answer: Answer) -> Finding:
    """Judge that an event was taken, with the place of its receipt."""
    if answer.status != 202:
        return failed(told(answer))
    waits = f", after waiting as Retry-After said ({', '.join(answer.waited)} s)" if answer.waited else ""
    if answer.place is None:
        return failed(f"202{waits}, but without a Location to ask what became of it")
    return passed(f"202{waits}, with the address of a receipt")


def fine(answer: Answer) -> Finding:
    """Judge that `POST /events/check` finds nothing wrong."""
    return passed(told(answer)) if answer.status == 200 else failed(told(answer))


def refused(answer: Answer, status: int, reason: str | None = None, pointer: str | None = None) -> Finding:
    """Judge that it was refused, by a problem document with this status, reason and place."""
    saw = told(answer)
    if answer.status != status or (reason is not None and answer.reason != reason):
        return failed(f"{saw}; it must be {status} {reason or ''}".rstrip())
    if not answer.is_problem:
        return failed(f"{saw}, but it is no application/problem+json")
    if pointer is not None and pointer not in pointers(answer):
        return failed(f"{saw}; it must point at {pointer}")
    return passed(saw)


def pointers(answer: Answer) -> list[str]:
    """Return where a problem document finds something wrong."""
    errors = answer.document.get("errors") if isinstance(answer.document, dict) else None
    return [str(error.get("pointer")) for error in errors or () if isinstance(error, dict)]


def became(answer: Answer, *states: str, reason: str | None = None) -> Finding:
    """Judge that a receipt says one of these states, and this reason."""
    state = state_of(answer)
    if answer.status != 200 or state is None:
        return failed(f"its receipt answers {told(answer)}")
    saw = f"its receipt says {state}" + (f" ({found})" if (found := _reason_in(answer)) else "")
    if state not in states or (reason is not None and _reason_in(answer) != reason):
        return failed(f"{saw}; it must say {' or '.join(states)}{f' ({reason})' if reason else ''}")
    return passed(saw)


def turned_away(answer: Answer, *, asked: bool) -> Finding:
    """Judge that nobody gets in without a credential, or with a wrong one. `asked`: a credential is in use here."""
    if answer.status == 401:
        if "www-authenticate" not in answer.headers:
            return failed("401, but WWW-Authenticate does not say which credential is asked for")
        return refused(answer, 401)
    if not asked and answer.status in (200, 202):
        return unproven(f"{answer.status}: this address asks nobody for a credential")
    return failed(f"{told(answer)}; it must be 401")


def batch_verdicts(answer: Answer, statuses: Sequence[str]) -> Finding:
    """Judge that a batch has one verdict an event, in its order."""
    items = answer.document if isinstance(answer.document, list) else []
    found = [item.get("status") if isinstance(item, dict) else None for item in items]
    saw = f"{answer.status} with verdicts {', '.join(map(str, found)) or 'none'}"
    return passed(saw) if answer.status == 207 and found == list(statuses) else failed(f"{saw}; {told(answer)}")


def both(first: Finding, second: Finding) -> Finding:
    """Return the finding of two that stand together: the first that is not passed, else both."""
    for one in (first, second):
        if one.failed:
            return one
    return passed(f"{first.saw}; {second.saw}")


def _reason_in(answer: Answer) -> str | None:
    """Return the reason of a rejected receipt, which may stand in a problem document of its own."""
    document: Mapping[str, Any] = answer.document
    problem = document.get("problem")
    reason = document.get("reason") or (problem.get("reason") if isinstance(problem, dict) else None)
    return reason if isinstance(reason, str) else None
