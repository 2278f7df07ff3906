"""The paths of the mapping: a small part of FHIRPath, followed through plain JSON.

What is found carries where it stands, as the FHIRPath that an OperationOutcome's `expression` wants.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

PATIENT: Final = "%patient"
_STEP = re.compile(r"(?P<extension>extension\((?P<name>[a-z-]+)\))|(?P<element>[A-Za-z]+)")
_CHOICE = re.compile(r"(value|performed|effective|occurrence|onset|deceased|multipleBirth)([A-Z][A-Za-z0-9]*)")
_COMPLEX = frozenset(
    {
        "Address", "Age", "Annotation", "Attachment", "CodeableConcept", "Coding", "ContactPoint", "Duration",
        "HumanName", "Identifier", "Money", "Period", "Quantity", "Range", "Ratio", "Reference", "Timing",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """Something found: plain JSON, and where it stands."""

    value: Any
    at: str

    def child(self, name: str) -> "Iterator[Node]":
        """Yield what stands under an element's name, the items of a list one by one."""
        if not isinstance(self.value, dict) or name not in self.value:
            return
        place = f"{self.at}.{element(name)}"
        found = self.value[name]
        if isinstance(found, list):
            yield from (Node(item, f"{place}[{index}]") for index, item in enumerate(found))
        else:
            yield Node(found, place)


@dataclass(frozen=True, slots=True)
class Path:
    """A path as steps: names of elements, or of extensions."""

    of_patient: bool
    steps: tuple[tuple[str, bool], ...]
    """A name, and whether it is an extension's."""

    def extensions(self) -> tuple[str, ...]:
        """Return the names of the extensions on the way."""
        return tuple(name for name, is_extension in self.steps if is_extension)

    def parted(self) -> tuple["Path", "Path"]:
        """Return the first step as a path, and the rest of the steps as one that goes on from there."""
        return Path(self.of_patient, self.steps[:1]), Path(self.of_patient, self.steps[1:])

    def follow(self, start: Node, urls: Mapping[str, str]) -> Iterator[Node]:
        """Yield everything that the path leads to from `start`; `urls` are those of the extensions."""
        found = [start]
        for name, is_extension in self.steps:
            found = [
                inner
                for node in found
                for inner in node.child("extension" if is_extension else name)
                if not is_extension or _has(inner.value, "url", urls[name])
            ]
        yield from found

    def expression(self, root: str, urls: Mapping[str, str]) -> str:
        """Return where the path leads from `root`, for something that is not there."""
        parts = [f"extension('{urls[name]}')" if is_extension else element(name) for name, is_extension in self.steps]
        return ".".join([root, *parts])


@cache
def parse(text: str) -> Path:
    """Read a path of the mapping. Raises ValueError."""
    of_patient = text.startswith(f"{PATIENT}.")
    steps = []
    for part in text.removeprefix(f"{PATIENT}.").split("."):
        found = _STEP.fullmatch(part)
        if found is None:
            raise ValueError(f"{text} is not a path: {part} is neither an element nor extension(name)")
        steps.append((found["name"] or found["element"], found["name"] is not None))
    return Path(of_patient, tuple(steps))


def element(name: str) -> str:
    """Return an element of JSON as FHIRPath writes it: `valueCode` is `value.ofType(code)`."""
    choice = _CHOICE.fullmatch(name)
    if choice is None:
        return name
    of = choice[2]
    return f"{choice[1]}.ofType({of if of in _COMPLEX else of[0].lower() + of[1:]})"


def _has(value: Any, name: str, wanted: str) -> bool:
    return isinstance(value, dict) and value.get(name) == wanted
