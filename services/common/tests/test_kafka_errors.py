"""Every class of error that aiokafka and kafka-python can raise, and what to do about it.

A class that a new release of either adds fails here until somebody has decided what it means.
"""

import inspect

import aiokafka.errors
import kafka.errors
import pytest

from pcare_common.kafka_errors import Refusal, in_words, is_transient, refusal

# Back off and begin again.
TRANSIENT = """
    BrokerNotAvailableError Cancelled CommitFailedError ConcurrentTransactions ConcurrentTransactionsError
    CoordinatorLoadInProgressError CoordinatorNotAvailableError CorrelationIdError CorruptRecordError
    CorruptRecordException ElectionNotNeededError EligibleLeadersNotAvailableError FencedLeaderEpochError
    FencedMemberEpochError FetchSessionIdNotFound FetchSessionIdNotFoundError FetchSessionTopicIdError
    GroupCoordinatorNotAvailableError GroupLoadInProgressError IllegalGenerationError IllegalStateError
    InconsistentTopicIdError InvalidFetchSessionEpoch InvalidFetchSessionEpochError InvalidMetadataError
    InvalidReceiveError InvalidShareSessionEpochError KafkaConnectionError KafkaProtocolError
    KafkaStorageError KafkaTimeoutError KafkaUnavailableError LeaderNotAvailableError ListenerNotFound
    ListenerNotFoundError MemberIdRequired MemberIdRequiredError MetadataEmptyBrokerList NetworkExceptionError
    NoBrokersAvailable NodeNotReadyError NotControllerError NotCoordinatorError NotCoordinatorForGroupError
    NotEnoughReplicasAfterAppendError NotEnoughReplicasError NotLeaderForPartitionError
    OffsetNotAvailableError OffsetOutOfRangeError PreferredLeaderNotAvailableError QuotaViolationError
    ReassignmentInProgress ReassignmentInProgressError RebalanceInProgressError ReplicaNotAvailableError
    RequestTimedOutError RetriableError ShareSessionNotFoundError StaleBrokerEpochError
    StaleControllerEpochError StaleLeaderEpochCodeError StaleMemberEpochError StaleMetadata
    ThrottlingQuotaExceededError TooManyInFlightRequests UnknownBrokerIdError UnknownError
    UnknownLeaderEpochError UnknownMemberIdError UnknownTopicIdError UnknownTopicOrPartitionError
    UnstableOffsetCommitError
"""
# A mistake of ours, or what only other clients than ours can meet.
OURS = """
    BrokerIdNotRegisteredError BrokerResponseError ConsumerStoppedError DelegationTokenAuthDisabled
    DelegationTokenAuthDisabledError DelegationTokenNotFound DelegationTokenNotFoundError
    DelegationTokenOwnerMismatch DelegationTokenOwnerMismatchError DelegationTokenRequestNotAllowed
    DelegationTokenRequestNotAllowedError DuplicateBrokerRegistrationError DuplicateResourceError
    DuplicateSequenceNumber DuplicateSequenceNumberError DuplicateVoterError FeatureUpdateFailedError
    FencedInstanceIdError FencedStateEpochError GroupIdNotFound GroupIdNotFoundError
    GroupSubscribedToTopicError IllegalArgumentError IllegalOperation InconsistentClusterIdError
    InconsistentVoterSetError IneligibleReplicaError InvalidCommitOffsetSizeError InvalidFetchRequestError
    InvalidPartitionsError InvalidPrincipalType InvalidPrincipalTypeError InvalidProducerEpoch
    InvalidProducerEpochError InvalidProducerIdMapping InvalidProducerIdMappingError InvalidRecordError
    InvalidRecordStateError InvalidRegistrationError InvalidReplicationAssignmentError InvalidRequestError
    InvalidRequiredAcksError InvalidTimestampError InvalidTopicError InvalidTransactionTimeout
    InvalidTransactionTimeoutError InvalidTxnState InvalidTxnStateError InvalidUpdateVersionError
    InvalidVoterKeyError KafkaError LogDirNotFound LogDirNotFoundError LogTruncationError
    MismatchedEndpointTypeError NewLeaderElectedError NoError NoOffsetForPartitionError
    NoReassignmentInProgressError NonEmptyGroup NonEmptyGroupError OffsetMetadataTooLargeError
    OffsetMovedToTieredStorageError OperationNotAttempted OperationNotAttemptedError OutOfOrderSequenceNumber
    OutOfOrderSequenceNumberError PositionOutOfRangeError PrincipalDeserializationFailureError ProducerClosed
    ProducerFenced ProducerFencedError ResourceNotFoundError SnapshotNotFoundError TelemetryTooLargeError
    TopicAlreadyExistsError TransactionAbortableError TransactionAbortedError TransactionCoordinatorFenced
    TransactionCoordinatorFencedError TransactionalIdNotFoundError UnknownControllerIdError UnknownProducerId
    UnknownProducerIdError UnknownSubscriptionIdError UnreleasedInstanceIdError UnsupportedAssignorError
    UnsupportedEndpointTypeError VoterNotFoundError
"""
REFUSED = {
    Refusal.CREDENTIALS: """
    AuthenticationFailedError AuthenticationMethodNotSupported DelegationTokenExpired
    DelegationTokenExpiredError IllegalSaslStateError SaslAuthenticationFailed SaslAuthenticationFailedError
    UnacceptableCredentialError UnsupportedSaslMechanismError
""",
    Refusal.AUTHORIZER: """
    SecurityDisabled SecurityDisabledError
""",
    Refusal.PERMISSIONS: """
    AuthorizationError ClusterAuthorizationFailedError DelegationTokenAuthorizationFailed
    DelegationTokenAuthorizationFailedError GroupAuthorizationFailedError TopicAuthorizationFailedError
    TransactionalIdAuthorizationFailed TransactionalIdAuthorizationFailedError
""",
    Refusal.SIZE: """
    MessageSizeTooLargeError RecordListTooLargeError RecordTooLargeError
""",
    Refusal.POLICY: """
    InvalidConfigurationError PolicyViolationError TopicDeletionDisabledError
""",
    Refusal.VERSION: """
    IncompatibleBrokerVersion UnrecognizedBrokerVersion UnsupportedCodecError UnsupportedCompressionTypeError
    UnsupportedForMessageFormatError UnsupportedVersionError
""",
    Refusal.SESSION: """
    InvalidSessionTimeoutError
""",
    Refusal.GROUP: """
    GroupMaxSizeReachedError InconsistentGroupProtocolError InvalidGroupIdError
""",
    Refusal.COPIES: """
    InvalidReplicationFactorError
""",
    Refusal.CONNECTION: """
    KafkaConfigurationError
""",
}
EXPECTED = {
    **dict.fromkeys(TRANSIENT.split(), "transient"),
    **dict.fromkeys(OURS.split(), None),
    **{name: what for what, names in REFUSED.items() for name in names.split()},
}


def classes_of(module) -> dict[str, type[Exception]]:
    return {
        error.__name__: error
        for _, error in inspect.getmembers(module, inspect.isclass)
        if issubclass(error, Exception) and error.__module__ == module.__name__
    }


LIBRARIES = {"aiokafka": classes_of(aiokafka.errors), "kafka-python": classes_of(kafka.errors)}
CLASSES = [(library, name) for library, classes in LIBRARIES.items() for name in classes]


def made(error: type[Exception]) -> Exception:
    return error({}) if error is kafka.errors.LogTruncationError else error()


def test_each_class_is_decided_once() -> None:
    names = " ".join((TRANSIENT, OURS, *REFUSED.values())).split()
    assert sorted(names) == sorted({name for _, name in CLASSES})


@pytest.mark.parametrize(("library", "name"), CLASSES)
def test_what_it_means(library: str, name: str) -> None:
    error = made(LIBRARIES[library][name])
    assert ("transient" if is_transient(error) else refusal(error)) == EXPECTED[name]


def test_a_subclass_of_ours_is_told_by_its_number() -> None:
    class Renamed(aiokafka.errors.TopicAuthorizationFailedError):
        pass

    assert refusal(Renamed()) is Refusal.PERMISSIONS


def test_an_error_says_its_class_once() -> None:
    assert in_words(kafka.errors.KafkaTimeoutError("no answer")) == "KafkaTimeoutError: no answer"
    assert in_words(aiokafka.errors.KafkaConnectionError("refused")) == "KafkaConnectionError: refused"
    assert in_words(TimeoutError()) == "TimeoutError"
