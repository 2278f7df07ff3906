"""The mapping: which column is what, in a YAML file that whoever knows the export writes once."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pcare_cli.publishing.fields import all_fields
from pcare_schemas.kinds import KINDS

OWN = "pcare_"
"""What the names of the columns begin with that a report adds: they are ignored when it is published again."""

_SEPARATING = re.compile(r"[^0-9a-z]+")


class MappingError(Exception):
    """The mapping or the file's columns are not right. The message says what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """Where a field's value comes from, and how it is read."""

    column: str
    values: dict[str, Any] = Field(default_factory=dict)
    """What the words of the export mean here; case does not matter."""
    otherwise: Any = None
    """What every word means that is not among `values`."""
    format: str | tuple[str, ...] = ()
    """How dates are written, as for strptime: "%d/%m/%Y %H:%M"."""
    separator: str | None = None
    """What stands between the members of a list."""

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats, however many."""
        return (self.format,) if isinstance(self.format, str) else self.format


def _as_column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class Mapping(_Strict):
    """All that a file of mapping says; everything may be left out."""

    kind: str | None = None
    source: str | None = None
    columns: dict[str, Annotated[Column, BeforeValidator(_as_column)]] = Field(default_factory=dict)
    constants: dict[str, Any] = Field(default_factory=dict)
    key: tuple[str, ...] = ()
    """The columns that tell a row from every other, for ever: its number in your system."""
    dates: tuple[str, ...] = ()
    """The formats of all dates that have none of their own."""
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


def read_mapping(file: Path) -> Mapping:
    """Read a mapping. Raises MappingError."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        mapping = Mapping.model_validate({} if document is None else document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MappingError(f"{file} cannot be read as YAML: {error}") from error
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False, include_context=False)
        lines = [f"  {'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in mistakes]
        raise MappingError("\n".join([f"{file} is not a mapping:", *lines])) from error
    for name in (*mapping.columns, *mapping.constants):
        if name not in all_fields():
            raise MappingError(f"{file}: there is no field `{name}`.{_hint(name, sorted(all_fields()))}")
    known_kind(mapping.kind)
    return mapping


def known_kind(kind: str | None) -> str | None:
    """Return the kind if there is such a one. Raises MappingError."""
    if kind is not None and kind not in KINDS:
        hint = _hint(kind, list(KINDS))
        raise MappingError(f"There is no kind `{kind}`.{hint} The kinds: {', '.join(KINDS)}.")
    return kind


def plain(name: str) -> str:
    """Return a column's name as it is compared: "NHS Number" is nhs_number."""
    return _SEPARATING.sub("_", name.strip().casefold()).strip("_")


def find(column: str, columns: Sequence[str]) -> str:
    """Return the file's own spelling of a column that the mapping names. Raises MappingError."""
    exact = [one for one in columns if one == column] or [one for one in columns if plain(one) == plain(column)]
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise MappingError(f"The file has several columns `{column}`: rename all but one.")
    raise MappingError(f"The file has no column `{column}`.{_hint(column, columns)} It has: {', '.join(columns)}.")


def by_name(columns: Sequence[str], *, ignore: bool) -> dict[str, Column]:
    """Return the mapping of a file whose columns bear the fields' names, as a template's do. Raises MappingError.

    A column of another name is a mistake, so that a misspelling is never lost in silence, unless `ignore`.
    """
    found: dict[str, Column] = {}
    for column in columns:
        name = plain(column)
        if not name or column.startswith(OWN):
            continue
        if name in found:
            raise MappingError(f"The file has several columns `{name}`: rename all but one.")
        if name in all_fields():
            found[name] = Column(column=column)
        elif not ignore:
            hint = _hint(name, sorted(all_fields()))
            raise MappingError(
                f"The column `{column}` is none of ours.{hint} Rename it, write a mapping (--mapping), or say "
                "--ignore-columns if it has no meaning here."
            )
    return found


def _hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f" Is it `{close[0]}` that is meant?" if close else ""
