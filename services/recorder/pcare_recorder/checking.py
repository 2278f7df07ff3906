"""Batches checked under the rules in force, which may change between the check of a batch and its transaction."""

from typing import NamedTuple

import asyncpg

from pcare_recorder import recording
from pcare_recorder.instruments import Instruments
from pcare_recorder.recording import Page
from pcare_recorder.rules_in_force import RulesInForce
from pcare_recorder.tracing import NOT_FOLLOWED, UNTRACED, BatchTrace, Following
from pcare_recorder.verdicts import Checked
from pcare_schemas.rules import Rules


class Read(NamedTuple):
    """A batch that was read, and what the checks say of each of its records under which rules; and its traces."""

    page: Page
    checked: list[Checked]
    rules: Rules
    trace: BatchTrace = UNTRACED


class Checker:
    """Checks batches, and tells providers in the metrics by the same register."""

    def __init__(self, rules: Rules, instruments: Instruments, following: Following = NOT_FOLLOWED) -> None:
        self._rules = RulesInForce(rules)
        self._instruments = instruments
        self._following = following

    @property
    def version(self) -> str:
        """The version of the rules in force."""
        return self._rules.current.version

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Read the register of the database anew. Raises OperatorError where it is none."""
        await self._rules.load(connection)
        self._instruments.under(self._rules.current)

    async def follow(self, connection: asyncpg.Connection) -> None:
        """Take over the register of the database if it has changed. Raises as `begin` does."""
        if await self._rules.follow(connection):
            self._instruments.under(self._rules.current)

    async def check(self, page: Page) -> Read:
        """Judge each record by itself, under the rules in force."""
        rules = self._rules.current
        begun = self._following.now()
        with self._instruments.timed("judge"):
            checked = await recording.check_all(page, rules)
        return Read(page, checked, rules, self._following.batch(page, checked, begun))

    async def up_to_date(self, read: Read, connection: asyncpg.Connection) -> Read:
        """Look at the register now that the batch is read, and check it again if other rules follow.

        A batch is checked while the one before is written. What is written of it must be what the rules say that its
        rows name, and those must be no older than what ingest went by: see `RulesInForce`.
        """
        await self.follow(connection)
        return read if read.rules is self._rules.current else await self.check(read.page)
