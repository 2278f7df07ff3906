"""Write deploy/grafana/dashboards; with `--check` only say what is out of date, and exit 1 if anything is.

With `--docs ADDRESS` links lead to pages that are served elsewhere; with `--to DIRECTORY` the files are written there.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from pcare_dashboards import audit, operations, programme, provider
from pcare_dashboards.frame import DOCS

FOLDER = Path(__file__).resolve().parents[1] / "dashboards"
_MAKERS = {"programme": programme, "operations": operations, "provider": provider, "audit": audit}


def contents(docs: str = DOCS) -> dict[str, str]:
    """Return every dashboard: the name of its file, and what it holds."""
    made = {f"{name}.json": maker.made(docs) for name, maker in _MAKERS.items()}
    return {name: json.dumps(_plain(one), indent=2, ensure_ascii=False) + "\n" for name, one in made.items()}


def _plain(value: object) -> Any:
    """Return a dashboard as JSON has it.

    Without `placement`: the SDK writes it to every link and annotation, unasked, which hides them in a menu.
    """
    document = json.loads(json.dumps(value, cls=JSONEncoder))
    _without_placement(document)
    return document


def _without_placement(value: Any) -> None:
    if isinstance(value, dict) and value.get("placement") == "inControlsMenu":
        del value["placement"]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _without_placement(inner)


def stale(folder: Path = FOLDER, docs: str = DOCS) -> list[str]:
    """Return the names of files that are missing, differ, or are left over."""
    files = contents(docs)
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in files.keys() | present.keys() if files.get(name) != present.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pcare_dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--docs", default=DOCS)
    parser.add_argument("--to", type=Path, default=FOLDER)
    given = parser.parse_args(arguments)
    if given.check:
        old = stale(given.to, given.docs)
        if old:
            sys.stderr.write(f"Out of date: {', '.join(old)}. Run `make generate`.\n")
        return 1 if old else 0
    given.to.mkdir(parents=True, exist_ok=True)
    files = contents(given.docs)
    for name, text in files.items():
        (given.to / name).write_text(text, encoding="utf-8")
    for left_over in (path for path in given.to.glob("*.json") if path.name not in files):
        left_over.unlink()
    return 0
