"""`pcare check`: the verdict of ingest on a file of events, without sending anything."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer

from pcare_cli.console import fail
from pcare_common.clock import Clock, SystemClock
from pcare_schemas.check import Record, check
from pcare_schemas.pseudonym import PseudonymKey
from pcare_schemas.rejections import Rejection, problem
from pcare_schemas.rules import Rules
from pcare_schemas.submission import pseudonymise_subject
from pcare_schemas.topics import SUBMITTED

# A verdict does not depend on which key makes the pseudonym, and nothing of it is kept.
_ANY_KEY = PseudonymKey("k1", b"no pseudonym leaves this process")


def check_file(file: Path, register: Path | None, *, clock: Clock | None = None) -> int:
    """Print a line for each event that is fine and a problem document for each that is not; return how many are not.

    The file holds one event, a JSON array of events, or one event a line. Ends the process when it cannot be read.
    """
    try:
        content = file.read_bytes()
        rules = Rules.load(register)
    except (OSError, ValueError) as error:
        fail(str(error), status=2)
    wrong = 0
    for number, value in enumerate(events_in(content), start=1):
        verdict = _judge(value, rules, clock or SystemClock())
        if isinstance(verdict, Rejection):
            wrong += 1
            typer.echo(f"event {number}: {json.dumps(problem(verdict), indent=2)}")
        else:
            typer.echo(f"event {number}: fine, {verdict}")
    return wrong


def events_in(content: bytes) -> Iterator[bytes]:
    """Yield the events of a file, each as its own bytes."""
    try:
        yield from (bytes(raw) for raw in msgspec.json.decode(content, type=list[msgspec.Raw]))
    except msgspec.MsgspecError:
        lines = [line for line in content.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
            yield from lines
        else:
            yield content


def _judge(value: bytes, rules: Rules, clock: Clock) -> str | Rejection:
    submission = pseudonymise_subject(value, _ANY_KEY)
    if isinstance(submission, Rejection):
        return submission
    key = None if submission.subject is None else submission.subject.encode()
    verdict = check(Record(submission.value, key, SUBMITTED, clock.now()), rules)
    return verdict if isinstance(verdict, Rejection) else f"{verdict.kind} {verdict.id}"
