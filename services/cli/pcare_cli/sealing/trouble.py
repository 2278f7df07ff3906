"""Why the sealer does not sign: because it may not now, or because what it would sign is not true."""


class NotNowError(Exception):
    """Something has to happen first, and will: the sealer looks again. The message says what."""


class ContradictionError(Exception):
    """The record contradicts what was signed earlier. Nothing more is signed until a person has found out why.

    `what` names the record, row or checkpoint; `to_do` says how to go on.
    """

    def __init__(self, what: str, to_do: str) -> None:
        super().__init__(f"{what} {to_do}")
        self.what = what
        self.to_do = to_do


FIND_OUT = (
    "Nothing more is signed. Keep the database, the topics and their backups as they are; run `pcare audit verify` and "
    "`pcare audit replay`, which name all that differs; find out who did it; mend it from the log (`pcare rebuild`) or "
    "a backup; then start the sealer again."
)
"""What to do where something recorded was changed."""
