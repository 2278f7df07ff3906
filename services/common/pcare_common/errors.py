"""The errors that a service tells apart.

    Exception
    ├── TransientError   a dependency is away: stop, back off, do not advance, be not ready. Nothing is rejected
    └── OperatorError    a person has to decide: the process ends with one message that says what to do

What is wrong with one message ("poison") is not an exception: it is a verdict, `pcare_schemas.rejections.Rejection`.
"""

EXIT_CONFIGURATION = 78  # EX_CONFIG of sysexits.h: starting again will not help, somebody must act
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL: the supervisor should start the process again


class TransientError(Exception):
    """A dependency did not answer. The work in hand is unchanged and may be repeated."""


class OperatorError(Exception):
    """The service must not go on by itself. The message says what happened and what to do next."""
