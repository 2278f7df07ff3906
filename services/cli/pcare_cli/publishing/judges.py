"""The three ways to reach a verdict: send, have it checked by ingest, check it here."""

from collections.abc import Sequence

from pcare_cli.publishing.sending import Judge
from pcare_client import AsyncClient, Event, FieldError, Problem, Verdict
from pcare_common.clock import Clock
from pcare_schemas.check import Record, check
from pcare_schemas.pseudonym import PseudonymKey
from pcare_schemas.rejections import Rejection, problem
from pcare_schemas.rules import Rules
from pcare_schemas.submission import pseudonymise_subject
from pcare_schemas.topics import SUBMITTED

# A verdict does not depend on which key makes the pseudonym, and nothing of it is kept.
_ANY_KEY = PseudonymKey("k1", b"no pseudonym leaves this process")


def sending(client: AsyncClient) -> Judge:
    """Send to ingest."""

    async def judge(events: list[Event]) -> list[Verdict]:
        return [verdict async for verdict in client.send_many(events, batch=len(events))]

    return judge


def checking(client: AsyncClient) -> Judge:
    """Have ingest check, and store nothing."""

    async def judge(events: list[Event]) -> list[Verdict]:
        return [verdict async for verdict in client.check(events, batch=len(events))]

    return judge


def offline(rules: Rules, clock: Clock) -> Judge:
    """Check here, by the rules of this installation: no network is needed."""

    async def judge(events: list[Event]) -> list[Verdict]:
        return [Verdict(event, _against(event, rules, clock)) for event in events]

    return judge


def _against(event: Event, rules: Rules, clock: Clock) -> Problem | None:
    submission = pseudonymise_subject(event.body, _ANY_KEY)
    if isinstance(submission, Rejection):
        return _in_words(submission)
    key = None if submission.subject is None else submission.subject.encode("utf-8", "surrogatepass")
    verdict = check(Record(submission.value, key, SUBMITTED, clock.now()), rules)
    return _in_words(verdict) if isinstance(verdict, Rejection) else None


def _in_words(refused: Rejection) -> Problem:
    document = problem(refused)
    errors: Sequence[FieldError] = [FieldError(one.path, one.message, one.expected) for one in refused.errors]
    return Problem(document["reason"], document["title"], document["detail"], document["status"], tuple(errors))
