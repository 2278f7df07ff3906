"""The rules that the recorder judges under, for commands that work on its database."""

import asyncpg

from pcare_cli.console import fail
from pcare_cli.operators import with_database
from pcare_common.errors import EXIT_CONFIGURATION
from pcare_common.settings import load
from pcare_recorder import register_store
from pcare_recorder.settings import RegisterSettings
from pcare_schemas.rules import Rules


def of_files() -> Rules:
    """Read the rules with the register of files (PCARE_PROVIDER_REGISTER); a mistake in it ends the process."""
    try:
        return Rules.load(load(RegisterSettings).provider_register)
    except ValueError as error:
        fail(str(error), status=EXIT_CONFIGURATION)


def rules_in_force() -> Rules:
    """Read the rules with the register of files and of the database; a mistake in either ends the process."""
    rules = of_files()

    async def read(connection: asyncpg.Connection) -> Rules:
        return rules.with_register(rules.register.with_rows(await register_store.rows(connection)))

    try:
        return with_database(read)
    except ValueError as error:
        fail(f"The provider register cannot be used {error}", status=EXIT_CONFIGURATION)
