"""The contract as it was released, and whether the models keep it.

`python -m pcare_schemas.released` says what would break whom, and exits 1 if anything does. With `--release` it writes
what was added since into schemas/released/v1, so that it is kept from then on too; never what would break somebody.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pcare_schemas import json_schemas
from pcare_schemas.compatible import Break, breaks
from pcare_schemas.kinds import KINDS

FOLDER = Path(__file__).resolve().parents[1] / "released" / "v1"
"""In the checkout: this is a tool of the repository, not of an installed package."""

_BROKEN = """\
This change of the schemas would break providers that send what schemas/released/v1 promises to take:
{breaks}
Change the models so that they keep the promise. If a kind has to become another, make a new one (.v2) beside it,
announce the old one in pcare_schemas/deprecations.yaml, and take both.
"""


def released(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Return the schemas that were released, by kind."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}


def current() -> dict[str, dict[str, Any]]:
    """Return the schemas that the models give, by kind."""
    return {name: json_schemas.of_kind(kind) for name, kind in KINDS.items()}


def broken(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Break]]:
    """Return for every kind what of it would break whom; only kinds with a break."""
    gone = "The kind is gone: whoever sends it is refused."
    instead = "Keep it, and announce it: pcare_schemas/deprecations.yaml."
    found = {
        kind: breaks(schema, after[kind]) if kind in after else [Break("", gone, instead)]
        for kind, schema in before.items()
    }
    return {kind: one for kind, one in found.items() if one}


def in_words(found: Mapping[str, Sequence[Break]]) -> str:
    """Return what to tell whoever made the change."""
    lines = [f"  {kind} {one}" for kind, several in found.items() for one in several]
    return _BROKEN.format(breaks="\n".join(lines))


def write(schemas: Mapping[str, Mapping[str, Any]], folder: Path = FOLDER) -> list[str]:
    """Write the schemas as released, and return the kinds that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    before = released(folder)
    changed = [kind for kind, schema in schemas.items() if before.get(kind) != schema]
    for kind in changed:
        text = json.dumps(schemas[kind], indent=2, ensure_ascii=False) + "\n"
        (folder / f"{kind}.json").write_text(text, encoding="utf-8")
    return changed


def main(arguments: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """Run the command. Returns the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words not in ([], ["--release"]):
        sys.stderr.write("usage: python -m pcare_schemas.released [--release]\n")
        return 2
    found = broken(released(folder), current())
    if found:
        sys.stderr.write(in_words(found))
        return 1
    if words:
        changed = write(current(), folder)
        sys.stdout.write(f"released: {', '.join(changed) or 'nothing new'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
