"""The command: what was asked for, what becomes of it, and what is said."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
import typer
from aiokafka.errors import KafkaError

from pcare_audit.replaying.ranges import RangeError, bounds
from pcare_audit.replaying.reading import UnreadableError
from pcare_audit.replaying.result import Result
from pcare_cli import audit_reading
from pcare_cli.console import fail, kafka_advice
from pcare_cli.postgres_errors import in_words
from pcare_cli.replaying.aggregator import NoAnswerError
from pcare_cli.replaying.gathering import MergesMovedError
from pcare_cli.replaying.running import Replaying
from pcare_cli.replaying.showing import Progress, lines
from pcare_cli.replaying.wanted import NothingThereError, Wanted
from pcare_cli.replaying.workers import PartFailedError
from pcare_common.errors import OperatorError
from pcare_common.kafka import KafkaSettings
from pcare_common.postgres import PostgresSettings, tls_trouble
from pcare_common.settings import load
from pcare_schemas.topics import RECORDED, REJECTED, SUBJECTS, SUBMITTED_PATTERN

OURS = (RECORDED, REJECTED, SUBJECTS)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    topics: tuple[str, ...] = ()
    begin: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    copy_of_log: str | None = None
    aggregator: str | None = None
    group: str = "pcare-recorder"
    workers: int = 2
    json_file: Path | None = None
    who: str | None = None
    why: str | None = None


def run(asked: Asked) -> None:
    """Replay and compare; ends with status 1 where anything differs, or could not be compared."""
    wanted = _wanted(asked)
    _try_to_write(asked.json_file)
    result = _result(asked, wanted)
    for line in lines(result):
        typer.echo(line)
    audit_reading.put_down("audit-replay", _details(asked, result), who=asked.who, why=asked.why)
    if asked.json_file is not None:
        with _writing(asked.json_file):
            asked.json_file.write_bytes(orjson.dumps(result.document(), option=orjson.OPT_INDENT_2) + b"\n")
    if not result.equal:
        raise typer.Exit(1)


def _try_to_write(file: Path | None) -> None:
    """End with status 2 where a file cannot be written: before the replay, and not after it."""
    if file is None:
        return
    there = file.exists()
    with _writing(file), file.open("ab"):
        pass
    if not there:
        file.unlink()


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.", status=2)


def _wanted(asked: Asked) -> Wanted:
    try:
        begin, end = bounds(asked.begin, "--from"), bounds(asked.end, "--to")
        if begin.at is not None and end.at is not None and begin.at >= end.at:
            fail("--from is not before --to, so nothing would be compared.", status=2)
        wanted = Wanted(
            begin=begin,
            end=end,
            topics=frozenset(asked.topics) if asked.topics else None,
            log=asked.copy_of_log or RECORDED,
            aggregator=asked.aggregator,
        )
    except RangeError as error:
        fail(str(error), status=2)
    for topic in asked.topics:
        if topic not in OURS and not re.match(SUBMITTED_PATTERN, topic):
            fail(f"--topic {topic}: only topics of submitted events and {', '.join(OURS)} are compared.", status=2)
    for where in (*wanted.begin.offsets, *wanted.end.offsets):
        if not wanted.reads(RECORDED if where.topic == wanted.log else where.topic):
            fail(f"{where} has a bound, and is not among the topics to read: add --topic {where.topic}.", status=2)
    return wanted


def _result(asked: Asked, wanted: Wanted) -> Result:
    dsn = load(PostgresSettings).postgres_dsn.get_secret_value()
    options = load(KafkaSettings).aiokafka_options()
    with Progress() as progress:
        try:
            return asyncio.run(
                Replaying(wanted, dsn, options, asked.group, workers=asked.workers, progress=progress).run()
            )
        except NothingThereError as error:
            fail(str(error), status=2)
        except (OperatorError, UnreadableError, PartFailedError, MergesMovedError, NoAnswerError) as error:
            fail(f"The replay could not be done: {error}")
        except KafkaError as error:
            fail(kafka_advice(error))
        except asyncpg.DataError as error:  # of a row that no part of the replay looks at by itself
            fail(f"The replay could not be done: {type(error).__name__} of PostgreSQL, about a value of a row.")
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            fail("The database is not up to date. Run `pcare migrate`, then try again.")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            fail(tls_trouble(error) or f"PostgreSQL did not do it: {in_words(error)}. Is PCARE_POSTGRES_DSN right?")


def _details(asked: Asked, result: Result) -> dict[str, object]:
    return {
        "whole": result.whole,
        "topics": list(asked.topics),
        "from": list(asked.begin),
        "to": list(asked.end),
        "equal": result.equal,
        "differences": result.differences_total,
    }
