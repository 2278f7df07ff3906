"""All looks at once, each with a bound; whatever goes wrong in one is a row, and the others go on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import httpx
from kafka.errors import KafkaError

from pcare_cli import postgres_errors
from pcare_cli.doctor.doors import UnseenError
from pcare_cli.doctor.findings import Check, Finding
from pcare_common.kafka_errors import Refusal, in_words, refusal

AREAS = ("Kafka", "PostgreSQL", "record", "services", "certificates", "Prometheus", "end to end")


@dataclass(frozen=True, slots=True)
class Look:
    """Something to look at: `find` gives the rows; `check` names the row where it cannot."""

    check: Check
    find: Callable[[], Awaitable[list[Finding]]]
    seconds: float


async def all_of(looks: Sequence[Look]) -> tuple[Finding, ...]:
    """Look at everything at the same time, and return the rows in the order of the areas."""
    rows = await asyncio.gather(*map(_bounded, looks))
    found = [one for some in rows for one in some]
    return tuple(sorted(found, key=lambda one: AREAS.index(one.area)))


async def _bounded(look: Look) -> list[Finding]:
    try:
        async with asyncio.timeout(look.seconds):
            return await look.find()
    except TimeoutError:
        why = f"no answer within {look.seconds:.0f} s"
        return [look.check.unseen(why, "Look again; --seconds gives it longer.", failed=True)]
    except UnseenError as error:
        return [look.check.unseen(str(error), error.do, failed=error.failed)]
    except Exception as error:  # noqa: BLE001 - it is said, and the other looks go on
        return [_unseen(look.check, error)]


def _unseen(check: Check, error: Exception) -> Finding:
    if isinstance(error, KafkaError):
        if refusal(error) in {Refusal.PERMISSIONS, Refusal.AUTHORIZER}:
            return check.unseen(
                f"this user of Kafka may not see it ({type(error).__name__})", "Look as Kafka's administrator."
            )
        return check.unseen(f"Kafka: {in_words(error)}", "Look again.", failed=True)
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return check.unseen("this login of PostgreSQL may not see it", "Grant it the role pcare_auditor.")
    if isinstance(error, (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError)):
        return check.unseen("the database has no such tables yet", "Run `pcare migrate`.")
    lost = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)  # the last: while it was asked
    if isinstance(error, (OSError, *lost, httpx.HTTPError)):
        return check.unseen(postgres_errors.in_words(error), "Look again.", failed=True)
    return check.unseen(
        f"{type(error).__name__}: {error}", "This is a mistake of ours: report it, with the line.", failed=True
    )
