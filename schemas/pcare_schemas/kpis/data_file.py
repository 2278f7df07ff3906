"""Reads a YAML file into a model, and says where it is wrong: file, line, key and reason."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[int | str, ...]


class DataFileError(ValueError):
    """A file is wrong, or not there; the message is for whoever wrote it, one line a mistake."""


def read(path: Path, model: type[Model]) -> Model:
    """Return the file at `path` as a `model`.

    Raises DataFileError, with one line a mistake, when the file cannot be read, is no YAML, names a key twice, or
    does not fit the model.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path}: cannot be read: {error}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_repeated_keys(path, root)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise DataFileError(f"{path}{line}: not YAML: {getattr(error, 'problem', error)}") from error
    except ValueError as error:  # a day that no calendar has, such as 2023-02-30
        raise error if isinstance(error, DataFileError) else DataFileError(f"{path}: {error}") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        mistakes = [_describe(path, root, one["loc"], _reason(one)) for one in error.errors(include_url=False)]
        raise DataFileError("\n".join(mistakes)) from error


def refuse(path: Path, mistakes: Iterable[tuple[Location, str]]) -> None:
    """Raise DataFileError for mistakes, by place and reason, that only show beside another file; return without any."""
    mistakes = list(mistakes)
    if mistakes:
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
        raise DataFileError("\n".join(_describe(path, root, where, reason) for where, reason in mistakes))


def _describe(path: Path, root: yaml.Node | None, location: Location, reason: str) -> str:
    keys, line = _locate(root, location)
    where = "/".join(str(key) for key in keys) or "the whole file"
    return f"{path}, line {line}: {where}: {reason}"


def _reason(mistake: Any) -> str:
    """Return pydantic's reason in words for whoever writes the file."""
    if mistake["type"] in {"model_type", "model_attributes_type", "dict_type"}:
        return "Input should be names with values, as in `name: value`"
    return str(mistake["msg"]).removeprefix("Value error, ")


def _locate(root: yaml.Node | None, location: Location) -> tuple[list[int | str], int]:
    """Return the keys of a mistake as the file has them, and the line of the last one that is there."""
    node, keys = root, []
    line = root.start_mark.line + 1 if root else 1
    for index, key in enumerate(location):
        found = _child(node, key)
        if found is not None:
            node, line = found, found.start_mark.line + 1
        elif index + 1 < len(location):
            continue  # the name of a kind of rule, which pydantic adds and the file does not have
        keys.append(key)
    return keys, line


def _child(node: yaml.Node | None, key: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        child: yaml.Node = node.value[key]
        return child
    if isinstance(node, yaml.MappingNode):
        for name, child in node.value:
            if name.value == key:
                return child
    return None


def _refuse_repeated_keys(path: Path, node: yaml.Node | None) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, child in node.value:
            if name.value in seen:
                raise DataFileError(f"{path}, line {name.start_mark.line + 1}: the key {name.value!r} is there twice")
            seen.add(name.value)
            _refuse_repeated_keys(path, child)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_repeated_keys(path, child)
