"""What the recorder does about errors: by SQLSTATE, of the operating system, and what a person is told.

Each class of asyncpg is in test_recorder_errors_asyncpg.py, each of Kafka's clients in test_kafka_errors.py.
"""

import socket
import ssl

import aiokafka.errors as kafka
import asyncpg
import pytest

from pcare_common.errors import OperatorError
from pcare_recorder.errors import Dependency, ErrorKind, classify, dependency, for_operator

T, P, F = ErrorKind.TRANSIENT, ErrorKind.POISON, ErrorKind.FATAL

POSTGRES = {
    "08000": T, "08001": T, "08003": T, "08006": T, "08P01": T,
    "22001": P, "22003": P, "22008": P, "22021": P, "22P02": P, "22P04": F, "22P05": P,
    "23502": P, "23503": P, "23505": T, "23514": P, "23P01": P,
    "25001": F, "25006": T, "25P02": F, "25P03": T, "25P04": T, "26000": T,
    "28000": F, "28P01": F, "3D000": F, "3F000": F,
    "40001": T, "40P01": T,
    "42501": F, "42601": F, "42703": F, "42P01": F, "42P05": T,
    "53000": T, "53100": T, "53200": T, "53300": T,
    "54000": P, "54001": P, "54011": F, "54023": F,
    "55000": T, "55006": T, "55P02": F, "55P03": T,
    "57000": T, "57014": T, "57P01": T, "57P02": T, "57P03": T, "57P04": F, "57P05": T,
    "58000": T, "58030": T, "72000": T, "F0000": T,
    "0A000": F, "P0001": F, "XX000": T, "XX001": F, "XX002": F, "": F,
    "08ZZZ": T, "22ZZZ": P, "57ZZZ": T, "99ZZZ": F,
}  # fmt: skip


def of_postgres(code: str) -> asyncpg.PostgresError:
    error = asyncpg.PostgresError("made up")
    error.sqlstate = code or None
    return error


@pytest.mark.parametrize(("code", "kind"), POSTGRES.items())
def test_postgresql_by_sqlstate(code: str, kind: ErrorKind) -> None:
    assert classify(of_postgres(code)) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncpg.exceptions.ConnectionDoesNotExistError("closed in the middle"), T),
        (asyncpg.exceptions.AdminShutdownError("terminating connection"), T),
        (asyncpg.exceptions.DiskFullError("no space"), T),
        (asyncpg.exceptions.QueryCanceledError("statement timeout"), T),
        (asyncpg.exceptions.CharacterNotInRepertoireError("0x00"), P),
        (asyncpg.exceptions.CheckViolationError("a row"), P),
        (asyncpg.InterfaceError("connection is closed"), T),
        (asyncpg.InterfaceError("cannot perform operation: another operation is in progress"), F),
        (asyncpg.exceptions._base.DataError("invalid input for query argument $1"), P),
        (asyncpg.ClientConfigurationError("invalid DSN"), F),
        (asyncpg.TargetServerAttributeNotMatched("not a primary"), T),
        (asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"), T),
        (ConnectionRefusedError(111, "refused"), T),
        (ConnectionResetError(104, "reset"), T),
        (BrokenPipeError(32, "broken pipe"), T),
        (TimeoutError(), T),
        (OSError(113, "no route to host"), T),
        (OSError(24, "too many open files"), T),
        (socket.gaierror(-3, "temporary failure in name resolution"), T),
        (ssl.SSLCertVerificationError(1, "certificate has expired"), T),
        (FileNotFoundError(2, "no such socket: the server is down"), T),
        (PermissionError(1, "a firewall's rule"), T),
        (FileNotFoundError(2, "no such file", "/etc/ssl/ours.pem"), F),
        (PermissionError(13, "permission denied", "/etc/ssl/ours.pem"), F),
        (RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed"), T),
        (RuntimeError("dictionary changed size during iteration"), F),
        (kafka.KafkaConnectionError("refused"), T),
        (kafka.TopicAuthorizationFailedError("interventions.recorded"), F),
        (kafka.KafkaError("Unexpected error in coordinator routine"), F),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), P),
        (ValueError("a mistake of ours"), F),
        (KeyError("a mistake of ours"), F),
        (AssertionError(), F),
    ],
)
def test_others_of_the_database_and_the_operating_system(error: Exception, kind: ErrorKind) -> None:
    assert classify(error) is kind


def test_a_rollback_that_is_refused_means_what_broke_the_session() -> None:
    refused = asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
    refused.__context__ = asyncpg.InternalClientError("waiter is done")
    assert classify(refused) is T
    refused.__context__ = KeyError("ours")
    assert classify(refused) is F


def test_whose_error_it_is() -> None:
    assert dependency(kafka.KafkaConnectionError()) is Dependency.KAFKA
    assert dependency(ConnectionRefusedError()) is Dependency.POSTGRESQL


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OperatorError("do this"), "do this"),
        (of_postgres("28P01"), "PCARE_POSTGRES_DSN"),
        (of_postgres("42P01"), "pcare_recorder.migrate"),
        (of_postgres("3D000"), "name of the database"),
        (of_postgres("57P04"), "pcare rebuild"),
        (of_postgres("XX001"), "restore a backup"),
        (of_postgres("22P04"), "schema"),
        (asyncpg.ClientConfigurationError("invalid DSN"), "PCARE_POSTGRES_DSN cannot be used: invalid DSN."),
        (kafka.TopicAuthorizationFailedError("interventions.recorded"), "interventions.submitted"),
        (kafka.MessageSizeTooLargeError(), "pcare topics check"),
        (FileNotFoundError(2, "no such file", "/etc/ssl/ours.pem"), "/etc/ssl/ours.pem"),
        (kafka.SaslAuthenticationFailed(), "PCARE_KAFKA_SASL_USERNAME"),
    ],
)
def test_what_a_person_can_mend_is_told_to_a_person(error: Exception, says: str) -> None:
    assert says in str(for_operator(error))


@pytest.mark.parametrize("error", [of_postgres("XX000"), of_postgres(""), kafka.KafkaError(), KeyError("ours")])
def test_a_mistake_of_ours_is_not_blamed_on_the_installation(error: Exception) -> None:
    assert for_operator(error) is None
