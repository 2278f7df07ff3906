"""The rules that a copy judges under: those of its release and its files, with the register of the database.

An event that ingest accepted under a register stands in Kafka after that register stood in the database. So whoever
reads the event first and looks at the register afterwards sees that register, or a later one: `follow` is called for
each batch that was read, before it is judged.
"""

import asyncpg

from pcare_common import logs
from pcare_common.errors import OperatorError
from pcare_recorder import register_store
from pcare_schemas.rules import Rules

log = logs.get(__name__)


class RulesInForce:
    """Follows pcare.register. `base` is what stands without it."""

    def __init__(self, base: Rules) -> None:
        self._base = base
        self._changes: int | None = None
        self.current = base

    async def load(self, connection: asyncpg.Connection) -> None:
        """Read the register, whatever is known of it, and keep the rules that follow in the database.

        For the beginning: the connection may be another than before, and the database restored from a backup.
        Raises OperatorError where the table and this copy's files do not make a register.
        """
        # Counted before it is read: of a change between the two, the next look finds that it was one.
        changes = await register_store.count_of_changes(connection)
        rules = self._with_table(await register_store.rows(connection))
        await register_store.remember_rules(connection, rules)
        self._changes = changes
        if rules.version != self.current.version:
            log.info("judging under other rules: the provider register has changed", rules=rules.version)
            self.current = rules

    async def follow(self, connection: asyncpg.Connection) -> bool:
        """Read the register again if it has changed, and say whether other rules follow. Raises as `load` does."""
        if await register_store.count_of_changes(connection) == self._changes:
            return False
        before = self.current
        await self.load(connection)
        return self.current is not before

    def _with_table(self, rows: list[asyncpg.Record]) -> Rules:
        try:
            return self._base.with_register(self._base.register.with_rows(rows))
        except ValueError as error:
            raise OperatorError(
                f"The provider register cannot be used {error}. Nothing is judged until that is put right: change the "
                "table by `pcare providers set`, or this recorder's PCARE_PROVIDER_REGISTER; then start it again."
            ) from error
