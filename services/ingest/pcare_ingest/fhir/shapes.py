"""What is looked at in a resource before the library is: what would lead it, or us, astray.

Where an object belongs the library also takes text, and reads JSON out of it: the element would count as right, and be
something else to whoever reads it afterwards. And it takes null for nothing, which R4 does not allow.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, get_args

from pcare_ingest.fhir.issues import Code, Issue
from pcare_ingest.fhir.paths import Node
from pcare_schemas.explain import showable

_CHANGES_MEANING: Final = frozenset({"modifierExtension", "implicitRules"})
"""What may turn a resource into its opposite. None of it is understood here, so it may not be passed over."""

_APART: Final = frozenset({"contained", "resource"})
"""What is checked by itself."""


def faults(node: Node, model: Any) -> Iterator[Issue]:
    """Yield what is wrong with the shape of a resource, or of an element, that is to be one of a model."""
    waiting = [(node, model)]
    while waiting:
        current, of = waiting.pop()
        if not isinstance(current.value, dict):
            yield Issue(Code.structure, "R4 has an object here.", current.at)
            continue
        objects = _objects(of)
        for name, value in current.value.items():
            if name in _CHANGES_MEANING:
                text = "This changes the meaning of the resource in a way that is not understood here."
                yield Issue(Code.not_supported, text, f"{current.at}.{name}")
            if value is None or value == []:
                yield Issue(Code.structure, "In R4 nothing is null or empty.", _place(current, name))
            if name in objects and name not in _APART:
                optional = name.startswith("_")  # beside a list of values, null stands for those without an extension
                inner = (one for one in current.child(name) if not (optional and one.value is None))
                waiting.extend((one, objects[name]) for one in inner)


@cache
def _objects(model: Any) -> dict[str, Any]:
    """Return the elements of a model that are objects, each with its own model."""
    found = {field.alias or name: _model_in(field.annotation) for name, field in model.model_fields.items()}
    return {name: inner for name, inner in found.items() if inner is not None}


def _model_in(annotation: Any) -> Any:
    if hasattr(annotation, "get_model_klass"):
        return annotation.get_model_klass()
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


def _place(node: Node, name: str) -> str:
    return f"{node.at}.{name}" if showable(name) else node.at
