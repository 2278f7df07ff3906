"""Whether everything that one JSON Schema takes is taken by another: of the vocabulary that the contract uses.

It errs on the side of a break: what cannot be shown to take all that was taken before is one, and a keyword that is not
known here is one where it changes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

_WORDS: Final = frozenset({"title", "description", "$id", "$schema", "examples", "deprecated"})
_AT_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_ANY_TYPE: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_KNOWN: Final = _WORDS | {
    *("anyOf", "type", "const", "enum", "pattern", "format", "multipleOf", "uniqueItems", "default", "x-code-list"),
    *("required", "properties", "additionalProperties", "items"),
    *_AT_LEAST,
    *_AT_MOST,
}


@dataclass(frozen=True, slots=True)
class Break:
    """A change by which something that was taken is refused, or means something else. `pointer` is where in the event.

    `what` says what changed and whom it breaks, `instead` what to do in place of it.
    """

    pointer: str
    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.pointer or 'the whole'}: {self.what} Instead: {self.instead}"


def breaks(before: Schema, after: Schema, pointer: str = "") -> list[Break]:
    """Return every break between the two; none, when all that `before` takes means the same to `after`."""
    found = []
    if before.get("default") != after.get("default"):
        found.append(Break(pointer, "What is left out would mean something else than before.", "Keep the default."))
    choices = _choices(after)
    for branch in _choices(before):
        against = sorted((list(_of_branch(branch, choice, pointer)) for choice in choices), key=len)
        found += against[0]
    return list(dict.fromkeys(found))


def _choices(schema: Schema) -> list[Schema]:
    """Return the branches of an anyOf, each with what stands beside it; of any other schema itself alone."""
    if "anyOf" not in schema:
        return [schema]
    beside = {name: value for name, value in schema.items() if name not in {"anyOf", "default"} | _WORDS}
    return [choice for branch in schema["anyOf"] for choice in _choices(_together(beside, branch))]


def _together(beside: Schema, branch: Schema) -> Schema:
    """Return one schema of two that both hold. What both say differently is kept whole, to be compared as such."""
    twice = {name: value for name, value in beside.items() if branch.get(name, value) != value}
    both = {**beside, **branch}
    return {**both, "allOf": [*both.get("allOf", ()), twice]} if twice else both


def _of_branch(before: Schema, after: Schema, pointer: str) -> Iterator[Break]:
    types = _types(before) - _types(after)
    if types:
        gone = " or ".join(sorted(types))
        yield Break(pointer, f"Whoever sends {gone} here is refused.", "Take the old type beside the new one (anyOf).")
        return
    for check in (_values, _text, _bounds, _numbers, _members, _items, _unknown):
        yield from check(before, after, pointer)


def _types(schema: Schema) -> frozenset[str]:
    named = schema.get("type")
    if named is None:
        values = _listed(schema)
        return _ANY_TYPE if values is None else frozenset(map(_type_of, values))
    types = frozenset([named] if isinstance(named, str) else named)
    return types | {"integer"} if "number" in types else types


def _type_of(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "object"


def _listed(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _values(before: Schema, after: Schema, pointer: str) -> Iterator[Break]:
    old, new = _listed(before), _listed(after)
    if new is None:
        return
    if old is None:
        yield Break(pointer, "Only listed values are taken now; whoever sends another is refused.", "Leave it open.")
        return
    gone = [value for value in old if (type(value), value) not in {(type(one), one) for one in new}]
    if gone:
        shown = ", ".join(map(repr, gone))
        yield Break(pointer, f"Whoever sends {shown} is refused.", f"Keep the value, and announce it: {_ANNOUNCE}.")


def _text(before: Schema, after: Schema, pointer: str) -> Iterator[Break]:
    old, new = _listed(before), after.get("pattern")
    if new is not None and new != before.get("pattern"):
        shown = old is not None and all(isinstance(value, str) and re.search(new, value) for value in old)
        if not shown:
            what = "The pattern is another: nobody can tell from it that all that was taken still is."
            yield Break(pointer, what, "Keep the pattern beside a new one (anyOf), or take the pattern away.")
    for keyword, words in (("format", "format"), ("x-code-list", "code list")):
        if after.get(keyword) is not None and after[keyword] != before.get(keyword):
            yield Break(pointer, f"Another {words} is asked for: what was right may be refused.", f"Keep the {words}.")


def _bounds(before: Schema, after: Schema, pointer: str) -> Iterator[Break]:
    tighter: dict[tuple[str, ...], Callable[[Any, Any], bool]] = {
        _AT_LEAST: lambda old, new: new > old,
        _AT_MOST: lambda old, new: new < old,
    }
    for keywords, is_tighter in tighter.items():
        for keyword in keywords:
            old, new = before.get(keyword), after.get(keyword)
            if new is not None and (old is None or is_tighter(old, new)):
                what = f"{keyword} was {'not set' if old is None else old} and is {new}: what lies between is refused."
                yield Break(pointer, what, f"Keep {keyword}, or make it wider.")
    if after.get("uniqueItems") and not before.get("uniqueItems"):
        yield Break(pointer, "Whoever names something twice is refused.", "Take it, and count it once.")


def _numbers(before: Schema, after: Schema, pointer: str) -> Iterator[Break]:
    old, new = before.get("multipleOf"), after.get("multipleOf")
    if new is not None and (old is None or old % new):
        yield Break(pointer, f"Only multiples of {new} are taken now.", "Keep what multipleOf was.")


def _members(before: Schema, after: Schema, pointer: str) -> Iterator[Break]:
    for name in after.get("required", ()):
        if name not in before.get("required", ()):
            what = "It is required now: whoever leaves it out is refused."
            yield Break(
                f"{pointer}/{name}", what, "Make it optional, with a default that means what its absence meant."
            )
    old, new = before.get("properties", {}), after.get("properties", {})
    for name, schema in old.items():
        if name in new:
            yield from breaks(schema, new[name], f"{pointer}/{name}")
        else:
            what = "It is gone: whoever sends it is refused, or is not heard."
            yield Break(f"{pointer}/{name}", what, f"Keep it, optional, and announce it: {_ANNOUNCE}.")
    if before.get("additionalProperties", True) is not False:
        for name in new.keys() - old.keys():
            yield Break(f"{pointer}/{name}", "It had no rule and has one now.", "Name the new field otherwise.")
        if after.get("additionalProperties", True) is False:
            yield Break(pointer, "Fields that are not named are refused now.", "Go on taking them.")


def _items(before: Schema, after: Schema, pointer: str) -> Iterator[Break]:
    if "items" in after:
        yield from breaks(before.get("items", {}), after["items"], f"{pointer}/*")


def _unknown(before: Schema, after: Schema, pointer: str) -> Iterator[Break]:
    for keyword in sorted((before.keys() | after.keys()) - _KNOWN):
        if before.get(keyword) != after.get(keyword):
            what = f"{keyword} changed, of which nobody can tell here whom it breaks."
            yield Break(pointer, what, "Say the same with other keywords, or teach pcare_schemas.compatible this one.")


_ANNOUNCE: Final = "pcare_schemas/deprecations.yaml"
