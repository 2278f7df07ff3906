"""Write what is made from the models: JSON Schemas, AsyncAPI document, examples, catalogue page, the SDK's builders.

`python -m pcare_schemas.generate` writes; with `--check` it only says what is out of date, and exits 1 if anything is.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pcare_schemas import asyncapi, catalogue_page, json_schemas, sdk_events
from pcare_schemas.examples import VALID
from pcare_schemas.invalid_examples import INVALID
from pcare_schemas.kinds import KINDS
from pcare_schemas.rules import CONTRACT_FILE

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: this is a tool of the repository, not of an installed package."""

_MADE_BY = b"# Made by `python -m pcare_schemas.generate`; change the models instead.\n"
_FOLDERS = ("schemas/json-schema", "schemas/examples")


def contents() -> dict[Path, bytes]:
    """Return every generated file: its path in the checkout, and what it holds."""
    files = {
        Path("schemas/pcare_schemas/data") / CONTRACT_FILE: f"{json_schemas.contract_digest()}\n".encode(),
        Path("schemas/asyncapi.yaml"): _MADE_BY + asyncapi.as_yaml().encode(),
        Path("schemas/json-schema/recorded.json"): _json(json_schemas.of_recorded()),
        Path("schemas/json-schema/rejection.json"): _json(json_schemas.of_rejection()),
        Path("docs/events.md"): catalogue_page.page().encode(),
        Path("sdk/python/pcare_client/events.py"): sdk_events.module().encode(),
    }
    for name, kind in KINDS.items():
        files[Path(f"schemas/json-schema/{name}.json")] = _json(json_schemas.of_kind(kind))
        files[Path(f"schemas/examples/{name}.json")] = _json(VALID[name])
    for wrong in INVALID:
        files[Path("schemas/examples/invalid") / wrong.name] = wrong.value + b"\n"
    files[Path("schemas/examples/invalid/manifest.json")] = _json(
        [
            {"file": wrong.name, "kind": wrong.kind, "reason": str(wrong.reason), "pointer": wrong.path}
            for wrong in INVALID
        ]
    )
    return files


def stale(root: Path = ROOT) -> list[str]:
    """Return what is missing, differs, or is left over, as paths in the checkout."""
    files = contents()
    different = [path for path, content in files.items() if _read(root / path) != content]
    left_over = [
        found.relative_to(root)
        for folder in _FOLDERS
        for found in sorted((root / folder).rglob("*.json"))
        if found.relative_to(root) not in files
    ]
    return [str(path) for path in [*different, *left_over]]


def write(root: Path = ROOT) -> None:
    """Write every file, and remove those that are left over from before."""
    files = contents()
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    for left_over in stale(root):
        (root / left_over).unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words not in ([], ["--check"]):
        sys.stderr.write("usage: python -m pcare_schemas.generate [--check]\n")
        return 2
    if not words:
        write()
        return 0
    late = stale()
    for path in late:
        sys.stderr.write(f"out of date: {path}\n")
    if late:
        sys.stderr.write("Run `make generate`, and commit what it changes.\n")
    return 1 if late else 0


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    raise SystemExit(main())
