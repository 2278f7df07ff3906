"""What ends an operation: one message that says what happened and what to do next."""


class OperationError(Exception):
    """The operation was not done, or not to its end. The message says what is the matter and what to do."""
