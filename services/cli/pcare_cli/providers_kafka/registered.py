"""Which providers there are: only who is in the register is let in, because nothing else that comes in is recorded."""

import re

import asyncpg

from pcare_cli.console import fail
from pcare_cli.operators import with_database
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.settings import load
from pcare_recorder.settings import RegisterSettings
from pcare_schemas.register import Register


def slugs() -> frozenset[str]:
    """Return the slugs of all providers: of the built-in register, of the recorder's file, and of the table.

    Ends the process where the file or the database cannot be read.
    """
    try:
        register = Register.load(load(RegisterSettings).provider_register)
    except ValueError as error:
        fail(str(error), status=EXIT_CONFIGURATION)
    return frozenset({provider.topic_slug for provider in register.by_source.values()} | with_database(_of_table))


async def _of_table(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch("SELECT source FROM pcare.register")
    return {re.split("[/:]", row["source"])[-1].lower() for row in rows}
