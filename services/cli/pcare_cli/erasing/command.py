"""The command: what is asked, what is done, and what is said of it. No number and no pseudonym is ever said."""

import asyncpg
import typer
from aiokafka.errors import KafkaError

from pcare_cli.audit_reading import put_down
from pcare_cli.console import fail
from pcare_cli.erasing import recorded, words
from pcare_cli.erasing.erasure import Erasure, Seen, look
from pcare_cli.erasing.links import ContradictionError
from pcare_cli.erasing.standstill import NotYetError
from pcare_cli.erasing.topics import topics
from pcare_cli.merging import pseudonyms_of
from pcare_cli.operators import with_database
from pcare_common.errors import OperatorError
from pcare_common.kafka_errors import in_words
from pcare_common.settings import load
from pcare_recorder.errors import for_operator
from pcare_recorder.rebuild import RebuildSettings

LOOK = "audit-erase-look"


def run(number: str, ingest: str, who: str, why: str, *, keep_submitted: bool, dry_run: bool, ask: bool) -> None:
    """Erase whoever has this NHS number; ends with status 1 where that cannot be done now, and says what to do.

    The audit trail has a line before anything is asked: else somebody could ask, number by number and unseen, who is
    in the record.
    """
    put_down(LOOK, {"dry_run": dry_run}, who=who, why=why)
    (given,) = pseudonyms_of([number], ingest)
    config = load(RebuildSettings)
    options, group = config.aiokafka_options(), config.recorder_group

    async def first(connection: asyncpg.Connection) -> tuple[Seen, int]:
        async with topics(options, group) as clients:
            seen = await look(connection, clients, given)
        return seen, await recorded.naming(connection, seen.names)

    async def then(connection: asyncpg.Connection) -> None:
        async with topics(options, group) as clients:
            done = await Erasure(connection, clients, given, who, why, keep_submitted).run()
        for line in words.done(done):
            typer.echo(line)

    try:
        seen, naming = with_database(first)
        for line in (*words.seen(seen, keep_submitted=keep_submitted), *words.recorded(naming)):
            typer.echo(line)
        if dry_run or seen.nothing(keep_submitted=keep_submitted):
            typer.echo("Nothing was done." if dry_run else "There is nothing to erase. Nothing was done.")
            return
        if ask:
            typer.confirm("This cannot be undone. Erase this person?", abort=True)
        with_database(then)
    except NotYetError as error:
        fail(f"Not erased: {error}. See that a recorder runs, then run this again; what is done already stays done.")
    except ContradictionError:
        fail(
            "Not erased: the database and the topic interventions.subjects do not agree who this is. Nothing was done. "
            "Run `pcare rebuild` (docs/recorder.md), then this again."
        )
    except (OperatorError, KafkaError) as error:
        told = for_operator(error) or (in_words(error) if isinstance(error, KafkaError) else error)
        fail(f"Broken off: {told}. Run this again when that is mended: what is done already stays done.")
