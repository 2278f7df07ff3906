"""What an exception of a client library means: the one place that tells the kinds of error apart.

Transient: a dependency is away or busy; stop, back off, begin again, reject nothing. Poison: the database refuses
what one event holds; that event is rejected, the others are not. Fatal: a mistake of ours, of the installation or
of its permissions; the process ends and says so. What Kafka's errors mean is the same for every service:
`pcare_common.kafka_errors`.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

import aiokafka.errors as kafka
import asyncpg

from pcare_common import kafka_errors
from pcare_common.errors import OperatorError


class ErrorKind(Enum):
    """What to do about an exception."""

    TRANSIENT = "transient"
    POISON = "poison"
    FATAL = "fatal"


class Dependency(Enum):
    """Who did not answer."""

    POSTGRESQL = "postgresql"
    KAFKA = "kafka"


# By class of SQLSTATE (its first two characters), then the codes that differ from their class. Any other is fatal.
_SQLSTATE_CLASSES = {
    "08": ErrorKind.TRANSIENT,  # connection
    "22": ErrorKind.POISON,  # data: a value that the column's type cannot hold
    "23": ErrorKind.POISON,  # a constraint that a row breaks
    "40": ErrorKind.TRANSIENT,  # rolled back: deadlock, serialization
    "53": ErrorKind.TRANSIENT,  # disk, memory or connections used up
    "57": ErrorKind.TRANSIENT,  # an operator intervened: shutdown, statement timeout, session ended
    "58": ErrorKind.TRANSIENT,  # the server's own files and system calls
    "F0": ErrorKind.TRANSIENT,  # the server's own configuration
}
_SQLSTATES = {
    "22P04": ErrorKind.FATAL,  # the form of a COPY is ours: no event is to blame for it
    "23505": ErrorKind.TRANSIENT,  # another copy was faster: judged again, the row is seen as recorded
    "25P03": ErrorKind.TRANSIENT,  # idle in transaction for too long: this process was stopped and woke up
    "25P04": ErrorKind.TRANSIENT,  # a transaction took too long, as the administrator sees it
    "25006": ErrorKind.TRANSIENT,  # read only: the old primary, while a standby takes over
    "26000": ErrorKind.TRANSIENT,  # a proxy gave us another session, where our statements are not prepared
    "42P05": ErrorKind.TRANSIENT,  # the same: somebody's are
    "54000": ErrorKind.POISON,  # a limit of the server: a value too long for an index
    "54001": ErrorKind.POISON,  # the same: JSON nested too deeply
    "55000": ErrorKind.TRANSIENT,  # not now: the database accepts no connections while somebody works on it
    "55P03": ErrorKind.TRANSIENT,  # a lock was not had in time
    "55006": ErrorKind.TRANSIENT,  # in use
    "57P04": ErrorKind.FATAL,  # the database was dropped
    "72000": ErrorKind.TRANSIENT,  # the snapshot is too old
    "XX000": ErrorKind.TRANSIENT,  # the server's own mistake: another session often fares better; if not, the lag shows
}

_REFUSALS = {  # by class of SQLSTATE, or code
    "28": "Check user and password in PCARE_POSTGRES_DSN, and the server's pg_hba.conf.",
    "3D": "Check the name of the database in PCARE_POSTGRES_DSN.",
    "3F": "Run `python -m pcare_recorder.migrate` on the database of PCARE_POSTGRES_DSN.",
    "42": "Check that PCARE_POSTGRES_DSN names the right database and user, and that "
    "`python -m pcare_recorder.migrate` was run there.",
    "42501": "Run `pcare migrate` on that database, and give its login the role of the program: `GRANT pcare_recorder "
    "TO <login>`, for `pcare rebuild` pcare_operator. docs/security.md has them all.",
    "22P04": "The tables are not as this release made them: compare its schema with this release.",
    "57P04": "The database was dropped. Restore it from a backup, or make an empty one; migrate; then `pcare rebuild`.",
    "XX001": "Its files are damaged. Do not start the recorder: check the disk, restore a backup, `pcare rebuild`.",
    "XX002": "An index is damaged. Do not start the recorder: check the disk, then REINDEX, or restore a backup and "
    "run `pcare rebuild`.",
}
_KAFKA_RIGHTS = "It must read interventions.submitted*, write the topics of the recorder, and use its group"


def classify(error: BaseException) -> ErrorKind:
    """Return what `error`, raised by asyncpg, aiokafka or the operating system, means. Whatever is unknown is fatal."""
    for raised, meaning in _MEANINGS:
        if isinstance(error, raised):
            return meaning(error) if callable(meaning) else meaning
    return ErrorKind.FATAL


def dependency(error: BaseException) -> Dependency:
    """Return whose error a transient one is, for the metric; one of the operating system is taken for PostgreSQL's.

    aiokafka turns the operating system's errors into its own.
    """
    return Dependency.KAFKA if isinstance(error, kafka.KafkaError) else Dependency.POSTGRESQL


def for_operator(error: BaseException) -> OperatorError | None:
    """Return what to tell a person who has to act, or None where the error is a mistake of ours."""
    if isinstance(error, OperatorError):
        return error
    if isinstance(error, asyncpg.PostgresError) and classify(error) is ErrorKind.FATAL:
        code = error.sqlstate or ""
        advice = _REFUSALS.get(code) or _REFUSALS.get(code[:2])
        return OperatorError(f"PostgreSQL refuses (SQLSTATE {code}: {error}). {advice}") if advice else None
    if isinstance(error, kafka.KafkaError) and (refused := kafka_errors.refusal(error)) is not None:
        return OperatorError(f"Kafka refuses ({kafka_errors.in_words(error)}). {refused.value}. {_KAFKA_RIGHTS}.")
    if isinstance(error, asyncpg.ClientConfigurationError):
        return OperatorError(f"PCARE_POSTGRES_DSN cannot be used: {error}.")
    if isinstance(error, OSError) and _is_about_a_file(error):
        return OperatorError(f"A file cannot be read ({error}). Check the settings that name it.")
    return None


def _of_postgres(error: asyncpg.PostgresError) -> ErrorKind:
    if isinstance(error, asyncpg.InvalidCachedStatementError):  # the schema moved under a prepared statement
        return ErrorKind.TRANSIENT
    code = error.sqlstate or ""
    return _SQLSTATES.get(code) or _SQLSTATE_CLASSES.get(code[:2], ErrorKind.FATAL)


def _of_asyncpg(error: asyncpg.InterfaceError) -> ErrorKind:
    if isinstance(error, asyncpg.ClientConfigurationError):
        return ErrorKind.FATAL
    if isinstance(error, ValueError):  # a value that cannot be encoded for its column
        return ErrorKind.POISON
    if "closed" in str(error):
        return ErrorKind.TRANSIENT
    # The rollback of a session that broke in the middle of a COPY is refused too: what broke the session decides.
    return ErrorKind.FATAL if error.__context__ is None else classify(error.__context__)


def _of_kafka(error: kafka.KafkaError) -> ErrorKind:
    return ErrorKind.TRANSIENT if kafka_errors.is_transient(error) else ErrorKind.FATAL


def _of_the_system(error: OSError) -> ErrorKind:
    return ErrorKind.FATAL if _is_about_a_file(error) else ErrorKind.TRANSIENT


def _is_about_a_file(error: OSError) -> bool:
    """Whether a file that a setting names is missing or closed to us. A socket that is missing has no file name."""
    return isinstance(error, _ABOUT_FILES) and error.filename is not None


def _of_the_loop(error: RuntimeError) -> ErrorKind:
    """Tell uvloop's word for a connection that was closed a moment ago from all other errors of this class."""
    return ErrorKind.TRANSIENT if "the handler is closed" in str(error) else ErrorKind.FATAL


_ABOUT_FILES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)

# The first that fits.
_MEANINGS: tuple[tuple[type[BaseException], ErrorKind | Callable[[Any], ErrorKind]], ...] = (
    (asyncpg.PostgresError, _of_postgres),
    (asyncpg.InterfaceError, _of_asyncpg),
    # asyncpg's own state is in disorder, as when the server ends a session at the wrong moment; a new one is well
    (asyncpg.InternalClientError, ErrorKind.TRANSIENT),
    (kafka.KafkaError, _of_kafka),
    (UnicodeEncodeError, ErrorKind.POISON),  # a lone surrogate in a text
    (OSError, _of_the_system),  # TimeoutError and ConnectionError are kinds of it
    (RuntimeError, _of_the_loop),
)
