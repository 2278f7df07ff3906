"""A row of a file as an event, by the mapping. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pcare_cli.publishing import mapping as mappings
from pcare_cli.publishing.cells import CellError, reader, tidy
from pcare_cli.publishing.fields import PERSONS, Field, Form, fields_of
from pcare_cli.publishing.identity import Identity
from pcare_cli.publishing.mapping import Column, MappingError
from pcare_cli.publishing.subjects import RowError, kind_of, subject_of
from pcare_client import Event, FieldError, Problem
from pcare_client.event import TYPE, source_of
from pcare_schemas.kinds import KINDS

UNREADABLE = "unreadable_row"
ANONYMOUS = frozenset({"collaborate-scored"})
"""Kinds of which two rows that say the same may be two events: they name nobody."""

Cells = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is said of all rows outside the file."""

    kind: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """How one field of a kind is taken from a row."""

    field: Field
    column: str
    read: Callable[[str], Any]
    values: Mapping[str, Any]
    otherwise: Any


class Builder:
    """Makes events of the rows of one file. Raises MappingError where no row could become one."""

    def __init__(
        self,
        columns: Sequence[str] | None,
        mapping: mappings.Mapping,
        defaults: Defaults,
        identity: Identity,
        *,
        ignore: bool = False,
    ) -> None:
        self._mapping = mapping
        self._kind = mappings.known_kind(defaults.kind or mapping.kind)
        self._source = defaults.source or mapping.source
        self._identity = identity
        self._ignore = ignore
        self._lines = columns is None
        self._header = tuple(columns or ())
        self._keys: list[str] = []
        self._plans: dict[tuple[str, frozenset[str]], tuple[_Reading, ...]] = {}
        self.columns_of: dict[str, str] = {}
        """The column that a place of the event came from, by JSON Pointer."""
        if columns is not None:
            self._check(columns)

    def build(self, cells: Cells) -> Event | Problem:
        """Return the event that a row says, or why it says none."""
        try:
            if self._lines and "specversion" in cells:
                return self._given(cells)
            return self._made(cells)
        except MappingError as error:
            return _unreadable(FieldError("", str(error)))
        except RowError as error:
            return _unreadable(error.error)

    def _check(self, columns: Sequence[str]) -> None:
        present = self._columns(columns)
        known = {*present, *self._mapping.constants}
        self._keys = self._key_columns(columns)
        if self._source is None and "source" not in known:
            raise MappingError("Whose events are these? Say it by --source, such as --source RKE.")
        if self._kind is None:
            if "kind" not in known:
                raise MappingError("What kind of events are these? Say it by --kind, or in a column `kind`.")
            return
        foreign = sorted(known - set(fields_of(self._kind)))
        if foreign and not self._ignore:
            raise MappingError(
                f"{self._kind} has no {', '.join(f'`{name}`' for name in foreign)}. Remove the column, or say "
                "--ignore-columns if it has no meaning here."
            )
        missing = [name for name, field in fields_of(self._kind).items() if field.required and name not in known]
        if KINDS[self._kind].SUBJECT in PERSONS and not known & {"nhs_number", "subject"}:
            missing.insert(0, "nhs_number")
        if missing:
            raise MappingError(
                f"No column says {', '.join(f'`{name}`' for name in missing)}, which every {self._kind} needs. "
                f"`pcare publish --template {self._kind}` shows all columns."
            )
        if self._kind in ANONYMOUS and not self._mapping.key and "id" not in known:
            raise MappingError(
                f"Two answers may be alike, and rows of {self._kind} name nobody: so each needs a column `id`, or a "
                "`key` in the mapping, that tells it from every other."
            )

    def _columns(self, columns: Sequence[str]) -> dict[str, Column]:
        if not self._mapping.columns:
            return mappings.by_name(columns, ignore=self._ignore)
        return {
            name: column.model_copy(update={"column": mappings.find(column.column, columns)})
            for name, column in self._mapping.columns.items()
        }

    def _key_columns(self, columns: Sequence[str]) -> list[str]:
        return [mappings.find(name, columns) for name in self._mapping.key]

    def _made(self, cells: Cells) -> Event:
        said = self._said(self._kind or "", cells)
        kind = self._kind or kind_of(said.pop("kind", None))
        if self._kind is None:
            said = self._said(kind, cells)
        said.pop("kind", None)
        source = said.pop("source", None) or self._source
        if not isinstance(source, str):
            raise RowError(FieldError("/source", "Whose event this is, is not said.", "--source"))
        source = source_of(source)
        document: dict[str, Any] = {"specversion": "1.0", "id": "", "source": source, "type": TYPE.format(kind)}
        document["subject"] = subject_of(kind, source, said)
        given = said.pop("id", None)
        for name in ("time", "recordedtime"):
            if name in said:
                document[name] = said.pop(name)
        document["data"] = said
        document["id"] = given or self._id(kind, source, cells, document)
        return Event(document)

    def _said(self, kind: str, cells: Cells) -> dict[str, Any]:
        """Return what a row says, by field. Without a kind only that is looked for."""
        constants = self._mapping.constants
        if not kind:
            plan = [one for one in self._plan(next(iter(KINDS)), cells) if one.field.name == "kind"]
            constants = {name: value for name, value in constants.items() if name == "kind"}
        else:
            plan = list(self._plan(kind, cells))
        said = dict(constants)
        for one in plan:
            value = _value(one, cells.get(one.column))
            if value is not None:
                said[one.field.name] = value
        return said

    def _plan(self, kind: str, cells: Cells) -> tuple[_Reading, ...]:
        names = frozenset(cells if self._lines else ())  # the rows of a table all have its columns
        plan = self._plans.get((kind, names))
        if plan is None:
            fields = fields_of(kind)
            chosen = self._columns(list(cells if self._lines else self._header)).items()
            plan = tuple(
                self._reading(fields.get(name) or _foreign(name), column)
                for name, column in chosen
                if name in fields or not self._ignore
            )
            self.columns_of |= {one.field.pointer: one.column for one in plan}
            if len(self._plans) < _MOST_PLANS:
                self._plans[kind, names] = plan
        return plan

    def _reading(self, field: Field, column: Column) -> _Reading:
        read = reader(field.form, column.formats or self._mapping.dates, column.separator)
        values = {word.strip().casefold(): value for word, value in column.values.items()}
        return _Reading(field, column.column, read, values, column.otherwise)

    def _id(self, kind: str, source: str, cells: Cells, document: Mapping[str, Any]) -> str:
        if self._mapping.key:
            columns = self._keys or self._key_columns(list(cells))
            key = [tidy(str(cells.get(name, ""))) for name in columns]
            if not all(key):
                raise RowError(FieldError("/id", "The row's key is empty.", "a value in each column of the key"))
            return self._identity.of_row(source, kind, key)
        if kind in ANONYMOUS:
            raise RowError(FieldError("/id", "Nothing tells this row from one that says the same.", "an id"))
        return self._identity.of_content(document)

    def _given(self, cells: Cells) -> Event:
        document = {name: value for name, value in cells.items() if not name.startswith(mappings.OWN)}
        if self._source is not None:
            document.setdefault("source", source_of(self._source))
        if not document.get("id"):
            document["id"] = self._identity.of_content(document)
        return Event(document)


_MOST_PLANS = 1_000


def _foreign(name: str) -> Field:
    """Return a field that the kind does not have: a cell that is not empty is for ingest to refuse."""
    return Field(name, f"/data/{name}", Form.TEXT, False, "", "")


def _value(one: _Reading, cell: Any) -> Any:
    if cell is None:
        return None
    if not isinstance(cell, str):
        return cell  # JSON's own numbers, words of truth and lists
    text = tidy(cell)
    if not text:
        return None
    if one.values or one.otherwise is not None:
        word = text.casefold()
        if word in one.values or one.otherwise is not None:
            return one.values.get(word, one.otherwise)
    try:
        return one.read(text)
    except CellError as error:
        raise RowError(FieldError(one.field.pointer, error.message, error.expected)) from error


def _unreadable(error: FieldError) -> Problem:
    return Problem(UNREADABLE, "The row cannot be read as an event", "Mend it in the file.", 422, (error,))
