"""Code lists: data with a source and validity days, never code."""

import datetime as dt
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field

from pcare_schemas.fields import CODE_PATTERN, Strict
from pcare_schemas.validity import Validity

NEAREST = 3
SHORT = 5
"""A list of so many codes is shown whole to whoever misses one."""


class CodeEntry(Strict):
    """One code as a file states it."""

    code: Annotated[str, Field(pattern=CODE_PATTERN)]
    name: str
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    successor: str | None = None
    area: str | None = None
    kinds: tuple[str, ...] | None = None


class CodeListFile(Strict):
    """A code list as a file states it."""

    name: str
    title: str
    source: str
    codes: tuple[CodeEntry, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A code, when it is valid, and what it is tagged with."""

    code: str
    name: str
    validity: Validity
    successor: str | None = None
    area: str | None = None
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CodeList:
    """The codes of one list, in the order of its file."""

    name: str
    title: str
    source: str
    codes: Mapping[str, Code]

    def holds(self, code: str, at: dt.datetime) -> bool:
        """Say whether the code is valid at an aware instant."""
        found = self.codes.get(code)
        return found is not None and found.validity.holds_at(at)

    def valid(self, at: dt.datetime) -> tuple[str, ...]:
        """Return the codes valid at an aware instant."""
        return tuple(code.code for code in self.codes.values() if code.validity.holds_at(at))

    def nearest(self, text: str, at: dt.datetime) -> tuple[str, ...]:
        """Return the valid codes most like the text, by code and by name; of a short list, or if none is, all.

        A code that a successor took over from gives the successor.
        """
        valid = self.valid(at)
        known = self.codes.get(text)
        if known is not None and known.successor in valid:
            return (known.successor,)
        by_name = {self.codes[code].name.lower(): code for code in valid}
        alike = [
            *difflib.get_close_matches(text, valid, n=NEAREST, cutoff=0.5),
            *(by_name[name] for name in difflib.get_close_matches(text.replace("_", " ").lower(), by_name, n=NEAREST)),
        ]
        return tuple(dict.fromkeys(alike if alike and len(valid) > SHORT else [*alike, *valid]))

    def document(self) -> dict[str, Any]:
        """Return the list as plain JSON values."""
        return {
            "title": self.title,
            "source": self.source,
            "codes": [_code_document(code) for code in self.codes.values()],
        }

    @classmethod
    def from_document(cls, name: str, document: Mapping[str, Any]) -> "CodeList":
        """Read what `document` returned. Raises ValidationError or ValueError if it is not that."""
        return _read({"name": name, **document}, origin=f"code list {name}")


def built_in() -> dict[str, CodeList]:
    """Read the lists that come with the package, by name. Raises ValueError naming the file that is wrong."""
    folder = resources.files("pcare_schemas") / "data"
    lists = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml") and file.name != "register.yaml":
            read = _read(load_yaml(file.read_text(encoding="utf-8"), file.name), origin=file.name)
            lists[read.name] = read
    return lists


def load_yaml(text: str, origin: str | Path) -> Any:
    """Read YAML, days as dates. Raises ValueError naming where it came from."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{origin} is not YAML: {error}") from error


def _read(content: Any, origin: str) -> CodeList:
    file = CodeListFile.model_validate(content, strict=False)
    codes: dict[str, Code] = {}
    for entry in file.codes:
        if entry.code in codes:
            raise ValueError(f"{origin} holds the code {entry.code} twice")
        codes[entry.code] = Code(
            code=entry.code,
            name=entry.name,
            validity=Validity.between(entry.valid_from, entry.valid_to),
            successor=entry.successor,
            area=entry.area,
            kinds=frozenset(entry.kinds or ()),
        )
    return CodeList(file.name, file.title, file.source.strip(), codes)


def _code_document(code: Code) -> dict[str, Any]:
    document: dict[str, Any] = {"code": code.code, "name": code.name, **code.validity.document()}
    if code.successor is not None:
        document["successor"] = code.successor
    if code.area is not None:
        document["area"] = code.area
    if code.kinds:
        document["kinds"] = sorted(code.kinds)
    return document
