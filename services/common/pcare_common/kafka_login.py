"""Why brokers let nobody in. Asked of each of them, because the clients do not tell.

Both libraries say the same of a wrong password, of a certificate that nobody trusts and of brokers that are away: that
they could not bootstrap. The first two last until a person acts.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from pcare_common.errors import OperatorError
from pcare_common.kafka_errors import Refusal, in_words, refusal

LOGIN_MILLISECONDS = 5_000
_CONNECTION = (
    "security_protocol",
    "ssl_context",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
)
_NOT_TLS = "WRONG_VERSION_NUMBER"


async def start(client: Any, connection: Mapping[str, Any]) -> None:
    """Start a client of aiokafka that was made with these connection options.

    Raises OperatorError where brokers answer and do not let us in, else what the client raises.
    """
    from aiokafka.errors import KafkaConnectionError  # noqa: PLC0415 - not every service comes with aiokafka

    try:
        await client.start()
    except KafkaConnectionError as error:
        refused = await refusal_at_login(connection)
        if refused is not None:
            raise refused from error
        raise


async def refusal_at_login(connection: Mapping[str, Any]) -> OperatorError | None:
    """Log in to each bootstrap server in turn, and return what a person has to do.

    None where one of them lets us in, and where none answers: then it is no matter of passwords.
    """
    found: OperatorError | None = None
    for server in connection["bootstrap_servers"]:
        try:
            await _log_in(server, connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client's own error stands unless this says more
            found = found or _told(server, error)
        else:
            return None
    return found


async def _log_in(server: str, connection: Mapping[str, Any]) -> None:
    from aiokafka.conn import create_conn  # noqa: PLC0415

    host, _, port = server.rpartition(":")
    options = {name: connection[name] for name in _CONNECTION if name in connection}
    made = await create_conn(host, int(port), request_timeout_ms=LOGIN_MILLISECONDS, **options)
    made.close()


def _told(server: str, error: Exception) -> OperatorError | None:
    if isinstance(error, ssl.SSLError):
        refused = _of_tls(error)
        words = error.reason or str(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            words = error.verify_message
    else:
        refused, words = refusal(error), in_words(error)
    return None if refused is None else OperatorError(f"Kafka at {server} refuses ({words}). {refused.value}.")


def _of_tls(error: ssl.SSLError) -> Refusal | None:
    """Return what is wrong, or None for a connection that merely broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refusal.CERTIFICATE
    return Refusal.CONNECTION if error.reason == _NOT_TLS else None
