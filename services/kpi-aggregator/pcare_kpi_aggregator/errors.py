"""What an error of a Kafka client means to a worker: the one place that tells the kinds apart.

Transient: Kafka is away; try again, count nothing. Refused: somebody has to act, and the process says so and ends.
Anything else is a mistake of ours and ends the process too. A record that cannot be counted is no error of a client:
see `partition.FoldError`.
"""

import traceback

from aiokafka.errors import KafkaError

from pcare_common import kafka_errors
from pcare_common.errors import OperatorError, TransientError

_RIGHTS = "It must read interventions.recorded, read and write interventions.kpi-partials, and use its group"

CLIENT_ERRORS = (KafkaError, OSError)
"""What the clients raise; TimeoutError is an OSError."""


def is_transient(error: BaseException) -> bool:
    """Whether `error` passes by itself: back off and begin again."""
    if isinstance(error, KafkaError):
        return kafka_errors.is_transient(error)
    return isinstance(error, OSError | TransientError)


def transient(what: str, error: BaseException) -> TransientError:
    """Return what to raise in place of `error`, with `what` could not be done. Raises `error` where it is no such."""
    if not is_transient(error):
        raise error
    return TransientError(f"{what}: {error!r}")


def for_operator(error: BaseException) -> OperatorError | None:
    """Return what to tell a person who has to act, or None where the error is a mistake of ours."""
    if isinstance(error, OperatorError):
        return error
    if isinstance(error, KafkaError) and (refused := kafka_errors.refusal(error)) is not None:
        return OperatorError(f"Kafka refuses ({kafka_errors.in_words(error)}). {refused.value}. {_RIGHTS}.")
    return None


def describe(error: BaseException) -> list[str]:
    """Return the kind of an error and where it arose: never its message, which may quote a payload."""
    frames = traceback.extract_tb(error.__traceback__)
    return [type(error).__name__, *(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)]
