"""The command: draws a statement up, signs it, and prints it or writes it to a file."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import typer

from pcare_audit.signed_note import Signer
from pcare_audit.statements.rendering import as_csv, as_text
from pcare_audit.statements.statement import UNKNOWN, Made, Statement
from pcare_cli import console
from pcare_cli.audit_keys import chosen_signer
from pcare_cli.audit_reading import put_down, read
from pcare_cli.console import fail
from pcare_cli.statements import rows
from pcare_cli.statements.drawing import Wanted, draw_up
from pcare_cli.statements.handed_over import NotReadError
from pcare_cli.statements.rows import Period, Providers
from pcare_schemas.instants import utc_milliseconds

WHAT = "audit-statement"
NOT_SIGNED = "It is not signed: name a key with --key, or in PCARE_AUDIT_SIGNING_KEY_FILE."


class Form(StrEnum):
    """How a statement is written."""

    text = "text"
    json = "json"
    csv = "csv"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which statement somebody asked for; `provider` as typed."""

    period: Period
    provider: str | None
    topics: bool


def state(asked: Asked, form: Form, out: Path | None, key: Path | None, said: tuple[str | None, str | None]) -> None:
    """Draw the statement up and hand it over; ends with status 1 where it does not add up."""
    signer = None if form is Form.csv else chosen_signer(key)
    options = console.kafka_options() if asked.topics else None
    plan = console.plan_of(None)
    now = dt.datetime.now(dt.UTC)
    if asked.period.begins > now:
        fail(f"{asked.period.first} is still to come.", status=2)
    known = read(rows.providers)
    code, sources = _whose(known, asked.provider)
    details = {
        "first": str(asked.period.first),
        "last": str(asked.period.last),
        "provider": code,
        "topics": asked.topics,
        "signed_by": None if signer is None else signer.name,
    }
    act = put_down(WHAT, details, who=said[0], why=said[1])
    made = Made(utc_milliseconds(now), version("pcare-cli"), act)
    wanted = Wanted(asked.period, code, sources, options, plan, now)

    async def work(connection: asyncpg.Connection) -> Statement:
        return await draw_up(connection, known, wanted, made)

    try:
        with console.kafka_errors():
            statement = read(work)
    except NotReadError as error:
        fail(f"{error}. See that Kafka's brokers run, then try again.")
    _hand_over(written(statement, form, signer), out)
    if signer is None and form is not Form.csv:
        typer.echo(NOT_SIGNED, err=True)
    if faults := statement.faults():
        fail(f"It does not add up: {faults[0]}.")


def written(statement: Statement, form: Form, signer: Signer | None) -> str:
    """Return a statement in a form; the text signed where there is a key, and in the JSON the signed text."""
    if form is Form.csv:
        return as_csv(statement)
    text = as_text(statement)
    note = None if signer is None else signer.sign(text)
    if form is Form.text:
        return note or text
    document: dict[str, Any] = {"statement": statement.document(), "note": note}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def _whose(known: Providers, text: str | None) -> tuple[str | None, list[str] | None]:
    """Return the code that is meant, and its sources; ends with status 2 where nobody is called so."""
    if text is None:
        return None, None
    if text == UNKNOWN:
        fail("What is of nobody known is in the statement of all: leave out --provider.", status=2)
    sources = known.sources_of(text)
    if not sources:
        fail(f"No organisation of the register is called {text}: `pcare providers list --all`.", status=2)
    return known.codes[sources[0]], sources


def _hand_over(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}.", status=2)
    typer.echo(f"The statement is in {out}.")
