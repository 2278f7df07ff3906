"""NHS numbers: whether one is valid, where one hides, and the pseudonym that stands for it."""

from pcare_schemas.check_digit import is_valid
from pcare_schemas.identifiers import find, find_in, holds_one, mask, redact
from pcare_schemas.pseudonym import KeyMissingError, PseudonymKey, pseudonym

__all__ = ["KeyMissingError", "PseudonymKey", "find", "find_in", "holds_one", "is_valid", "mask", "pseudonym", "redact"]
