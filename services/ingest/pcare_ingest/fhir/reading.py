"""From bytes to JSON, and from JSON to what is a resource of FHIR R4.

The library's models are of R4B (4.3.0). In the types read here they have the elements of R4 (4.0.1), all of them and no
others, save what the value of an extension may be.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NoReturn

from fhir.resources.R4B import fhirtypes, get_fhir_model_class
from pydantic import ValidationError

from pcare_ingest.fhir import shapes
from pcare_ingest.fhir.issues import Code, Issue, UnfitError
from pcare_ingest.fhir.limits import MAX_ITEMS, MAX_VALUES
from pcare_ingest.fhir.paths import Node, element
from pcare_schemas.explain import showable

MAX_DEPTH: Final = 32
MOST_ISSUES: Final = 20
_TEXTS: Final = {
    "extra_forbidden": (Code.structure, "R4 has no such element here."),
    "missing": (Code.required, "This is missing."),
    "model_field_validation.missing": (Code.required, "This is missing."),
}


def is_type(name: str) -> bool:
    """Say whether R4 has a type of this name. One that it has not may be any word, and is not repeated."""
    return hasattr(fhirtypes, f"{name}Type")


def prepare(types: Iterable[str]) -> None:
    """Load the models of these types, and build what checks them, so that no request waits for it."""
    for name in (*types, "Bundle"):
        model: Any = get_fhir_model_class(name)
        model.model_rebuild()
        with suppress(ValidationError):
            model.model_validate({"resourceType": name})


def parse(data: bytes, at: str | None = None) -> Any:
    """Return what JSON says. Raises UnfitError: not JSON, a name twice in one object, nested too deeply, too many."""
    try:
        found = json.loads(data, object_pairs_hook=_each_name_once, parse_constant=_no_number)
    except _TwiceError:
        raise UnfitError(Issue(Code.structure, "A name stands twice in one JSON object.", at, status=400)) from None
    except RecursionError:
        raise UnfitError(_too_deep(at)) from None
    except ValueError:
        raise UnfitError(Issue(Code.structure, "This is not JSON in UTF-8.", at, "not_json", 400)) from None
    _measure(found, at)
    return found


def check(node: Node, *, entry: int | None = None) -> None:
    """Hold a resource of a known type against R4. Raises UnfitError with what is wrong where, the first 20.

    `entry`: of a Bundle that holds one entry only, which place that has in the whole.

    Contained resources are not looked at: each is checked by itself.
    """
    model: Any = get_fhir_model_class(node.value["resourceType"])
    wrong = next(shapes.faults(node, model), None)
    if wrong is not None:
        raise UnfitError(wrong)
    try:
        model.model_validate({name: value for name, value in node.value.items() if name != "contained"})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        issues = (_issue(detail["type"], _in_place(detail["loc"], entry), node.at) for detail in details[:MOST_ISSUES])
        raise UnfitError(*issues) from None


def _in_place(steps: tuple[str | int, ...], entry: int | None) -> tuple[str | int, ...]:
    return steps if entry is None or steps[:1] != ("entry",) else ("entry", entry, *steps[2:])


def _issue(kind: str, steps: Iterable[str | int], root: str) -> Issue:
    code, text = _TEXTS.get(kind, (Code.value, "R4 does not allow this value here."))
    return Issue(code, text, _expression(steps, root))


def _expression(steps: Iterable[str | int], root: str) -> str:
    """Return where it is, as far down as its names may be shown: one that R4 has not may hold anything."""
    expression = root
    for step in steps:
        if isinstance(step, int):
            expression += f"[{step}]"
        elif showable(step):
            expression += f".{element(step)}"
        else:
            break
    return expression


def _measure(document: Any, at: str | None) -> None:
    level = [document]
    found = 0
    for _ in range(MAX_DEPTH):
        if any(isinstance(value, list) and len(value) > MAX_ITEMS for value in level):
            raise UnfitError(Issue(Code.too_long, f"A list has at most {MAX_ITEMS} items here.", at))
        level = [inner for value in level for inner in _inside(value)]
        found += len(level)
        if found > MAX_VALUES:
            raise UnfitError(Issue(Code.too_long, f"A resource has at most {MAX_VALUES} values here.", at))
        if not level:
            return
    raise UnfitError(_too_deep(at))


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep(at: str | None) -> Issue:
    return Issue(Code.structure, f"This is nested more than {MAX_DEPTH} deep.", at, status=400)


class _TwiceError(ValueError):
    pass


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError
    return found


def _no_number(_text: str) -> NoReturn:
    raise ValueError
