"""What is looked at of PostgreSQL, and of the record in it and in Kafka."""

import asyncio

from pcare_cli.doctor import (
    record_reading,
    record_rules,
    seal_looks,
    server_reading,
    server_rules,
    table_rules,
    thorough,
)
from pcare_cli.doctor.doors import UnseenError, http_client, reading
from pcare_cli.doctor.findings import Finding
from pcare_cli.doctor.looking import Look
from pcare_cli.doctor.reaching import Reaching
from pcare_cli.doctor.settings import SERVICE_SETTINGS, bearer
from pcare_common.errors import OperatorError
from pcare_recorder import migrate

KPI_CLIENT_SECONDS = 60.0


class RecordLooks:
    """The server, its schema and roles; cursors, accounting, keys, checkpoints; and what costs, where asked for."""

    def __init__(self, reaching: Reaching) -> None:
        self._reaching = reaching
        self._settings = reaching.settings

    def looks(self) -> list[Look]:
        """Return them all."""
        seconds, kafka, there = self._reaching.wanted.seconds, self._reaching.with_kafka, self._reaching.with_postgres
        looks = [
            Look(server_rules.ANSWERS, self._itself, seconds),
            Look(server_rules.SCHEMA, there(self._schema), seconds),
            Look(server_rules.SESSIONS, there(self._sessions), seconds),
            Look(server_rules.ROLES, there(self._roles), seconds),
            Look(record_rules.AGREE, kafka(there(self._progress)), seconds),
            Look(table_rules.ACCOUNTING, there(self._record), seconds),
            *seal_looks.SealLooks(self._reaching).looks(),
        ]
        if not self._reaching.wanted.thorough:
            return [*looks, Look(thorough.EQUAL, _not_asked_for, seconds)]
        return [
            *looks,
            Look(table_rules.ACCOUNTING, kafka(there(self._accounts)), thorough.SECONDS),
            Look(thorough.EQUAL, there(self._kpis), thorough.SECONDS),
        ]

    async def _itself(self) -> list[Finding]:
        trouble = await self._reaching.postgres_trouble()
        if trouble is not None:
            return [trouble]
        async with reading(self._reaching.dsn) as connection:
            facts = await server_reading.server(connection)
        return server_rules.of_server(facts, self._settings.doctor_postgres_gigabytes)

    async def _schema(self) -> list[Finding]:
        trouble = None
        async with reading(self._reaching.dsn) as connection:
            try:
                await migrate.check(connection)
            except OperatorError as error:
                trouble = str(error)
        return server_rules.of_schema(trouble, len(migrate.migrations()))

    async def _sessions(self) -> list[Finding]:
        async with reading(self._reaching.dsn) as connection:
            return server_rules.of_sessions(await server_reading.sessions(connection))

    async def _roles(self) -> list[Finding]:
        async with reading(self._reaching.dsn) as connection:
            return server_rules.of_roles(await server_reading.roles(connection))

    async def _progress(self) -> list[Finding]:
        async with reading(self._reaching.dsn) as connection:
            if await connection.fetchval("SELECT pg_is_in_recovery()"):
                # it would look like a database that was restored from before, and that has a drastic remedy
                raise UnseenError("a standby is behind its primary", "Name the primary in PCARE_POSTGRES_DSN.")
            facts = await record_reading.progress(
                connection, self._reaching.options, self._settings.recorder_group, pause=asyncio.sleep
            )
        return record_rules.of_progress(facts)

    async def _record(self) -> list[Finding]:
        async with reading(self._reaching.dsn) as connection:
            return table_rules.of_record(await record_reading.record(connection))

    async def _accounts(self) -> list[Finding]:
        async with reading(self._reaching.dsn, answer_seconds=thorough.SECONDS) as connection:
            return await thorough.accounts(connection, self._reaching.options)

    async def _kpis(self) -> list[Finding]:
        addresses = self._settings.services["kpi-aggregator"]
        if not addresses:
            raise UnseenError("nobody said where a kpi-aggregator is", f"Set {SERVICE_SETTINGS['kpi-aggregator']}.")
        async with (
            reading(self._reaching.dsn, answer_seconds=thorough.SECONDS) as connection,
            http_client(
                self._settings.doctor_ssl_cafile,
                seconds=KPI_CLIENT_SECONDS,
                base=addresses[0],
                headers=bearer(self._settings.kpi_token),
            ) as client,
        ):
            return await thorough.kpis(connection, client)


async def _not_asked_for() -> list[Finding]:
    raise UnseenError("it takes as long as counting everything does", "pcare doctor --thorough")
