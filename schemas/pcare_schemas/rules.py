"""The rules that a verdict is given under, and the version that names them."""

import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from pcare_schemas import code_lists
from pcare_schemas.check_digit import is_valid
from pcare_schemas.code_lists import CodeList
from pcare_schemas.kinds import KINDS
from pcare_schemas.register import Register

CONTRACT_FILE = "contract.sha256"
"""Written by `pcare_schemas.generate`: what the JSON Schemas of all kinds demand, as one hash."""

FORMAT = 1
"""The first part of every version: the form of `Rules.document`."""

RULES_GENERATION = 1
"""Raise it when a rule changes that the JSON Schemas do not show, such as the agreement of a score and its level."""


class Rules:
    """Code lists, provider register and the contract they belong to. Never changes once made.

    A verdict is a pure function of the record and of this. `version` is "1-" and the first 12 hex digits of the
    SHA-256 of `document()`.
    """

    def __init__(
        self, contract: str, lists: Mapping[str, CodeList], register: Register, generation: int = RULES_GENERATION
    ) -> None:
        self.generation = generation
        self.contract = contract
        self.lists = dict(lists)
        self.register = register
        self.code_fields = {kind: tuple(self._code_fields(kind)) for kind in KINDS}
        """For every kind, its coded fields and the list that each draws on; SNOMED CT has one list a kind."""
        self.codes_like_nhs_numbers = frozenset(
            code for codes in self.lists.values() for code in codes.codes if is_valid(code)
        )
        """Ten-digit codes that pass the check of an NHS number by chance: these are no identifiers."""
        self.version = f"{FORMAT}-{hashlib.sha256(_canonical(self.document())).hexdigest()[:12]}"

    @classmethod
    def load(cls, register: Path | None = None) -> "Rules":
        """Read the current rules. Raises ValueError that names the file at fault."""
        digest = resources.files("pcare_schemas") / "data" / CONTRACT_FILE
        return cls(
            contract=digest.read_text(encoding="ascii").strip(),
            lists=code_lists.built_in(),
            register=Register.load(register),
        )

    def with_register(self, register: Register) -> "Rules":
        """Return these rules with another register."""
        return Rules(self.contract, self.lists, register, self.generation)

    def document(self) -> dict[str, Any]:
        """Return all of it as plain JSON values; `from_document` makes the same rules of it again."""
        return {
            "contract": {"generation": self.generation, "schemas": self.contract},
            "code_lists": {name: self.lists[name].document() for name in sorted(self.lists)},
            "register": self.register.document(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Rules":
        """Make stored rules live again. Raises KeyError, ValueError or ValidationError if it is no such document."""
        lists = document["code_lists"]
        return cls(
            generation=document["contract"]["generation"],
            contract=document["contract"]["schemas"],
            lists={name: CodeList.from_document(name, lists[name]) for name in lists},
            register=Register.from_document(document["register"]),
        )

    def snomed_of(self, kind: str) -> CodeList:
        """Return the SNOMED CT codes that a kind accepts; there may be none."""
        whole = self.lists["snomed"]
        codes = {code.code: code for code in whole.codes.values() if kind in code.kinds}
        title = f"SNOMED CT concepts that {kind} accepts" if codes else "This kind accepts no SNOMED CT code"
        return CodeList(name=whole.name, title=title, source=whole.source, codes=codes)

    def _code_fields(self, kind: str) -> Iterator[tuple[str, CodeList]]:
        payload = KINDS[kind].model_fields["data"].annotation
        for field, name in getattr(payload, "CODE_FIELDS", {}).items():
            yield field, self.snomed_of(kind) if name == "snomed" else self.lists[name]


def _canonical(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
