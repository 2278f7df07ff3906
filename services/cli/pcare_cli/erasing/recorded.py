"""Recorded events that hold a pseudonym of a person, where a provider made an id or a reference of one.

The recorder takes the pseudonym out of `subject` and nowhere else, and the log is never changed: such an event leads to
the person for as long as there is a log. So it is said, and the controller knows.
"""

import asyncpg

from pcare_cli.erasing.names import Names

AT_ONCE = 500


async def naming(connection: asyncpg.Connection, names: Names) -> int:
    """Return how many recorded events hold one of these names, in one pass over all of them.

    It is looked for here and not by PostgreSQL, whose own log could keep what it was asked.
    """
    found = 0
    async with connection.transaction():  # a cursor lives in one
        async for row in connection.cursor("SELECT published::text FROM pcare.published", prefetch=AT_ONCE):
            found += names.are_in(row[0].encode())
    return found
