"""Every class of error that asyncpg can raise, and what the recorder does about it.

A class that a new release of asyncpg adds fails here until somebody has decided what it means.
"""

import asyncpg
import asyncpg.exceptions
import pytest

from pcare_recorder.errors import ErrorKind, classify, for_operator

# A dependency is away or busy: back off, begin again, reject nothing.
TRANSIENT = """
    AdminShutdownError CannotConnectNowError ClientCannotConnectError ConfigFileError
    ConfigurationLimitExceededError ConnectionDoesNotExistError ConnectionFailureError
    ConnectionRejectionError CrashShutdownError DeadlockDetectedError DiskFullError DuplicateFileError
    DuplicatePreparedStatementError FileNameTooLongError IdleInTransactionSessionTimeoutError
    IdleSessionTimeoutError InsufficientResourcesError InternalClientError InternalServerError
    InvalidCachedStatementError InvalidSQLStatementNameError LockFileExistsError LockNotAvailableError
    ObjectInUseError ObjectNotInPrerequisiteStateError OperatorInterventionError OutOfMemoryError
    OutdatedSchemaCacheError PostgresConnectionError PostgresIOError PostgresSystemError ProtocolError
    ProtocolViolationError QueryCanceledError ReadOnlySQLTransactionError SerializationError
    SnapshotTooOldError StatementCompletionUnknownError TargetServerAttributeNotMatched
    TooManyConnectionsError TransactionIntegrityConstraintViolationError TransactionResolutionUnknownError
    TransactionRollbackError TransactionTimeoutError UndefinedFileError UniqueViolationError
"""
# What one event holds: it is rejected, if the database refuses its row alone.
POISON = """
    ArraySubscriptError CharacterNotInRepertoireError CheckViolationError DataError DatetimeFieldOverflowError
    DivisionByZeroError DuplicateJsonObjectKeyValueError ErrorInAssignmentError EscapeCharacterConflictError
    ExclusionViolationError ForeignKeyViolationError IndicatorOverflowError IntegrityConstraintViolationError
    IntervalFieldOverflowError InvalidArgumentForLogarithmError InvalidArgumentForNthValueFunctionError
    InvalidArgumentForNtileFunctionError InvalidArgumentForPowerFunctionError
    InvalidArgumentForSQLJsonDatetimeFunctionError InvalidArgumentForWidthBucketFunctionError
    InvalidBinaryRepresentationError InvalidCharacterValueForCastError InvalidDatetimeFormatError
    InvalidEscapeCharacterError InvalidEscapeOctetError InvalidEscapeSequenceError
    InvalidIndicatorParameterValueError InvalidJsonTextError InvalidParameterValueError
    InvalidPrecedingOrFollowingSizeError InvalidRegularExpressionError InvalidRowCountInLimitClauseError
    InvalidRowCountInResultOffsetClauseError InvalidSQLJsonSubscriptError InvalidTablesampleArgumentError
    InvalidTablesampleRepeatError InvalidTextRepresentationError InvalidTimeZoneDisplacementValueError
    InvalidUseOfEscapeCharacterError InvalidXmlCommentError InvalidXmlContentError InvalidXmlDocumentError
    InvalidXmlProcessingInstructionError MoreThanOneSQLJsonItemError MostSpecificTypeMismatchError
    NoSQLJsonItemError NonNumericSQLJsonItemError NonUniqueKeysInAJsonObjectError
    NonstandardUseOfEscapeCharacterError NotAnXmlDocumentError NotNullViolationError
    NullValueNoIndicatorParameterError NullValueNotAllowedError NumericValueOutOfRangeError
    PostgresFloatingPointError ProgramLimitExceededError RestrictViolationError SQLJsonArrayNotFoundError
    SQLJsonItemCannotBeCastToTargetTypeError SQLJsonMemberNotFoundError SQLJsonNumberNotFoundError
    SQLJsonObjectNotFoundError SQLJsonScalarRequiredError SequenceGeneratorLimitExceededError
    SingletonSQLJsonItemRequiredError StatementTooComplexError StringDataLengthMismatchError
    StringDataRightTruncationError SubstringError TooManyJsonArrayElementsError TooManyJsonObjectMembersError
    TrimError UnterminatedCStringError UntranslatableCharacterError ZeroLengthCharacterStringError
"""
# Somebody has to act: the process ends with 78 and says what to do.
REFUSED = """
    ClientConfigurationError
    AmbiguousAliasError AmbiguousColumnError AmbiguousFunctionError AmbiguousParameterError
    BadCopyFileFormatError CannotCoerceError CollationMismatchError DataCorruptedError DatabaseDroppedError
    DatatypeMismatchError DuplicateAliasError DuplicateColumnError DuplicateCursorError DuplicateDatabaseError
    DuplicateFunctionError DuplicateObjectError DuplicateSchemaError DuplicateTableError GeneratedAlwaysError
    GroupingError IndeterminateCollationError IndeterminateDatatypeError IndexCorruptedError
    InsufficientPrivilegeError InvalidAuthorizationSpecificationError InvalidCatalogNameError
    InvalidColumnDefinitionError InvalidColumnReferenceError InvalidCursorDefinitionError
    InvalidDatabaseDefinitionError InvalidForeignKeyError InvalidFunctionDefinitionError InvalidNameError
    InvalidObjectDefinitionError InvalidPasswordError InvalidPreparedStatementDefinitionError
    InvalidRecursionError InvalidSchemaDefinitionError InvalidSchemaNameError InvalidTableDefinitionError
    NameTooLongError PostgresSyntaxError ReservedNameError SyntaxOrAccessError UndefinedColumnError
    UndefinedFunctionError UndefinedObjectError UndefinedParameterError UndefinedTableError WindowingError
    WrongObjectTypeError
"""
# A mistake of ours: the process ends with 75 and the stack.
OURS = """
    ActiveSQLTransactionError AssertError BranchTransactionAlreadyActiveError CantChangeRuntimeParamError
    CardinalityViolationError CaseNotFoundError ContainingSQLNotPermittedError
    DependentObjectsStillExistError DependentPrivilegeDescriptorsStillExistError DiagnosticsError
    EventTriggerProtocolViolatedError ExternalRoutineError ExternalRoutineInvocationError
    FDWColumnNameNotFoundError FDWDynamicParameterValueNeededError FDWError FDWFunctionSequenceError
    FDWInconsistentDescriptorInformationError FDWInvalidAttributeValueError FDWInvalidColumnNameError
    FDWInvalidColumnNumberError FDWInvalidDataTypeDescriptorsError FDWInvalidDataTypeError
    FDWInvalidDescriptorFieldIdentifierError FDWInvalidHandleError FDWInvalidOptionIndexError
    FDWInvalidOptionNameError FDWInvalidStringFormatError FDWInvalidStringLengthOrBufferLengthError
    FDWInvalidUseOfNullPointerError FDWNoSchemasError FDWOptionNameNotFoundError FDWOutOfMemoryError
    FDWReplyHandleError FDWSchemaNotFoundError FDWTableNotFoundError FDWTooManyHandlesError
    FDWUnableToCreateExecutionError FDWUnableToCreateReplyError FDWUnableToEstablishConnectionError
    FatalPostgresError FeatureNotSupportedError FunctionExecutedNoReturnStatementError
    HeldCursorRequiresSameIsolationLevelError InFailedSQLTransactionError
    InappropriateAccessModeForBranchTransactionError InappropriateIsolationLevelForBranchTransactionError
    InterfaceError InvalidArgumentForXqueryError InvalidCursorNameError InvalidCursorStateError
    InvalidGrantOperationError InvalidGrantorError InvalidLocatorSpecificationError
    InvalidRoleSpecificationError InvalidSavepointSpecificationError InvalidSqlstateReturnedError
    InvalidTransactionInitiationError InvalidTransactionStateError InvalidTransactionTerminationError
    LocatorError ModifyingExternalRoutineSQLDataNotPermittedError ModifyingSQLDataNotPermittedError
    NoActiveSQLTransactionError NoActiveSQLTransactionForBranchTransactionError NoDataFoundError
    NullValueInExternalRoutineNotAllowedError PLPGSQLError PostgresError
    ProhibitedExternalRoutineSQLStatementAttemptedError ProhibitedSQLStatementAttemptedError RaiseError
    ReadingExternalRoutineSQLDataNotPermittedError ReadingSQLDataNotPermittedError SQLRoutineError
    SQLStatementNotYetCompleteError SavepointError SchemaAndDataStatementMixingNotSupportedError
    SrfProtocolViolatedError StackedDiagnosticsAccessedWithoutActiveHandlerError TooManyArgumentsError
    TooManyColumnsError TooManyRowsError TriggerProtocolViolatedError TriggeredActionError
    TriggeredDataChangeViolationError UnknownPostgresError UnsafeNewEnumValueUsageError
    UnsupportedClientFeatureError UnsupportedServerFeatureError WithCheckOptionViolationError
"""

EXPECTED = {
    **dict.fromkeys(TRANSIENT.split(), (ErrorKind.TRANSIENT, False)),
    **dict.fromkeys(POISON.split(), (ErrorKind.POISON, False)),
    **dict.fromkeys(REFUSED.split(), (ErrorKind.FATAL, True)),
    **dict.fromkeys(OURS.split(), (ErrorKind.FATAL, False)),
}
RAISED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
CLASSES = {
    name: error
    for name, error in vars(asyncpg.exceptions).items()
    if isinstance(error, type) and issubclass(error, RAISED)
}


def test_each_class_is_decided_once() -> None:
    assert sorted(CLASSES) == sorted(" ".join((TRANSIENT, POISON, REFUSED, OURS)).split())


@pytest.mark.parametrize("name", CLASSES)
def test_what_it_means(name: str) -> None:
    error = CLASSES[name]("made up")
    assert (classify(error), for_operator(error) is not None) == EXPECTED[name]


def test_what_a_blip_of_the_database_raises_rejects_no_event() -> None:
    """Whatever is not about data or constraints is never poison, however new its code."""
    poison = {getattr(CLASSES[name], "sqlstate", None) for name in POISON.split()} - {None, "54000", "54001"}
    assert {code[:2] for code in poison} == {"22", "23"}
