"""What a worker does about errors of its clients. Each class of Kafka's is in test_kafka_errors.py."""

import socket

import aiokafka.errors as kafka
import pytest

from pcare_common.clock import SystemClock
from pcare_common.errors import EXIT_CONFIGURATION, OperatorError, TransientError
from pcare_kpi_aggregator import errors
from pcare_kpi_aggregator.service import Service
from pcare_kpi_aggregator.settings import AggregatorSettings


@pytest.mark.parametrize(
    "error",
    [
        kafka.KafkaConnectionError("refused"),
        kafka.UnknownTopicOrPartitionError(),
        TimeoutError(),
        ConnectionResetError(104, "reset"),
        socket.gaierror(-3, "no such name"),
        TransientError("not open"),
    ],
)
def test_what_passes_by_itself_is_tried_again(error: Exception) -> None:
    assert errors.is_transient(error)
    assert errors.for_operator(error) is None
    assert isinstance(errors.transient("cannot", error), TransientError)


def test_what_somebody_has_to_mend_is_said() -> None:
    error = kafka.TopicAuthorizationFailedError("interventions.recorded")
    assert not errors.is_transient(error)
    assert "PCARE_KAFKA_SASL_USERNAME" in str(errors.for_operator(error))
    assert errors.for_operator(OperatorError("do this")) is not None
    with pytest.raises(kafka.TopicAuthorizationFailedError):
        errors.transient("cannot", error)


@pytest.mark.parametrize("error", [kafka.KafkaError("Unexpected error in fetcher routine"), KeyError("ours")])
def test_a_mistake_of_ours_ends_the_process(error: Exception) -> None:
    assert not errors.is_transient(error)
    assert errors.for_operator(error) is None


async def test_a_refusal_ends_the_process_with_78_and_what_to_do(tmp_path) -> None:
    class LeftError(Exception):
        pass

    def leave(_reason, *, show_stacks=False, status=75, **details):
        raise LeftError(status, details)

    service = Service(AggregatorSettings(kpi_state_dir=tmp_path), clock=SystemClock(), leave=leave)
    with pytest.raises(LeftError) as left:
        service._on_unforeseen(kafka.SaslAuthenticationFailed())
    status, details = left.value.args
    assert status == EXIT_CONFIGURATION
    assert "PCARE_KAFKA_SASL_USERNAME" in details["what"]
