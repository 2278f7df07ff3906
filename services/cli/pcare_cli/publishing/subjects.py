"""What a row is about: its kind and its subject."""

from typing import Any

from pcare_cli.publishing.fields import PERSONS
from pcare_client import FieldError
from pcare_client.event import ODS, SLUG, TYPE
from pcare_schemas.kinds import KINDS


class RowError(Exception):
    """A row of which no event can be made. Nothing of the error repeats what the row holds."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.message)
        self.error = error


def kind_of(said: Any) -> str:
    """Return the kind that a cell names, by its short name or as a type. Raises RowError."""
    kind = str(said or "").removeprefix(TYPE.partition("{")[0]).removesuffix(".v1")
    if kind not in KINDS:
        raise RowError(FieldError("/type", "No such kind of event.", ", ".join(KINDS)))
    return kind


def subject_of(kind: str, source: str, said: dict[str, Any]) -> str:
    """Take what names the subject out of `said`, and return the event's subject. Raises RowError."""
    form = KINDS[kind].SUBJECT
    number, subject = said.pop("nhs_number", None), said.pop("subject", None)
    if number is not None and subject is not None:
        raise RowError(FieldError("/subject", "The row has both an NHS number and a subject.", "one of the two"))
    if number is not None:
        return f"nhs-number:{number}"
    if subject is None and form == "team":
        subject = said.get("team")
    if subject is None:
        raise RowError(FieldError("/subject", "The row does not say whom it is about.", "an NHS number or a subject"))
    if ":" in str(subject) or form in PERSONS:
        return str(subject)
    if form == "commissioner":
        return f"commissioner:{subject}"
    return f"{form}:{source.removeprefix(ODS).removeprefix(SLUG)}:{subject}"
