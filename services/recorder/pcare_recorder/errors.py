"""What an exception of a client library means: the one place that tells the kinds of error apart.

Transient: a dependency is away or busy; stop, back off, begin again, reject nothing. Poison: the database refuses
what one event holds; that event is rejected, the others are not. Fatal: a mistake of ours, of the installation or
of its permissions; the process ends and says so.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any

import aiokafka.errors as kafka
import asyncpg

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


# By class of SQLSTATE (its first two characters), then the codes that differ from their class.
_SQLSTATE_CLASSES = {
    "08": ErrorKind.TRANSIENT,  # connection
    "22": ErrorKind.POISON,  # data: a value that the column's type cannot hold
    "23": ErrorKind.POISON,  # a constraint that a row breaks
    "40": ErrorKind.TRANSIENT,  # rolled back: deadlock, serialization
    "53": ErrorKind.TRANSIENT,  # disk, memory or connections used up
    "54": ErrorKind.POISON,  # a limit of the server: a value too long for an index
    "57": ErrorKind.TRANSIENT,  # an operator intervened: shutdown, statement timeout, session ended
    "58": ErrorKind.TRANSIENT,  # the server's own files and system calls
}
_SQLSTATES = {
    "23505": ErrorKind.TRANSIENT,  # another copy was faster: judged again, the row is seen as recorded
    "25P03": ErrorKind.TRANSIENT,  # idle in transaction for too long: this process was stopped and woke up
    "25006": ErrorKind.TRANSIENT,  # read only: the old primary, while a standby takes over
    "55P03": ErrorKind.TRANSIENT,  # a lock was not had in time
    "55006": ErrorKind.TRANSIENT,  # in use
    "57P04": ErrorKind.FATAL,  # the database was dropped
}

# aiokafka calls these not retriable: the request is not to be sent again as it is, but beginning again helps.
_KAFKA_TRANSIENT = (
    kafka.KafkaTimeoutError,
    kafka.CommitFailedError,  # the group rebalanced
    kafka.IllegalGenerationError,
    kafka.UnknownMemberIdError,
    kafka.RebalanceInProgressError,
    kafka.IllegalStateError,  # the partition was taken away between two calls
    kafka.BrokerNotAvailableError,
    kafka.ReplicaNotAvailableError,
    kafka.KafkaUnavailableError,
    kafka.StaleControllerEpochError,
    kafka.StaleLeaderEpochCodeError,
    kafka.CorruptRecordException,  # a transmission was damaged; damage on the disk keeps failing and shows as lag
    kafka.OffsetOutOfRangeError,  # beginning again looks at the log's start and end
    kafka.UnknownError,  # what a broker says of its own trouble
)

_REFUSALS = frozenset({"28", "3D", "42"})  # who we are, which database, what we may do and what is there
_KAFKA_REFUSALS = (
    kafka.AuthenticationFailedError,
    kafka.SaslAuthenticationFailed,
    kafka.AuthenticationMethodNotSupported,
    kafka.UnsupportedSaslMechanismError,
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
)


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
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in _REFUSALS:
        return OperatorError(
            f"PostgreSQL refuses (SQLSTATE {error.sqlstate}: {error}). Check the user, password and database in "
            "PCARE_POSTGRES_DSN, and that `python -m pcare_recorder.migrate` was run there."
        )
    if isinstance(error, _KAFKA_REFUSALS):
        return OperatorError(
            f"Kafka refuses ({type(error).__name__}: {error}). Check PCARE_KAFKA_SASL_USERNAME and its password, and "
            "that this user may read interventions.submitted*, write the topics of the recorder and use its group."
        )
    return None


def _of_postgres(error: asyncpg.PostgresError) -> ErrorKind:
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
    return ErrorKind.TRANSIENT if error.retriable or isinstance(error, _KAFKA_TRANSIENT) else ErrorKind.FATAL


# The first that fits.
_MEANINGS: tuple[tuple[type[BaseException], ErrorKind | Callable[[Any], ErrorKind]], ...] = (
    (asyncpg.PostgresError, _of_postgres),
    (asyncpg.InterfaceError, _of_asyncpg),
    # asyncpg's own state is in disorder, as when the server ends a session at the wrong moment; a new one is well
    (asyncpg.InternalClientError, ErrorKind.TRANSIENT),
    (kafka.KafkaError, _of_kafka),
    (UnicodeEncodeError, ErrorKind.POISON),  # a lone surrogate in a text
    (OSError, ErrorKind.TRANSIENT),  # TimeoutError and ConnectionError are kinds of it
)
