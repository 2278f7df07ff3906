"""`make licences`: the licence of each package that an image holds, as the installed packages state it."""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

HERE = Path(__file__).parent
IMAGES = ("ingest", "recorder", "kpi-aggregator", "cli")


def locked(text: str) -> Iterator[str]:
    """Give the names of the packages of a lock."""
    yield from re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)


def licence_of(name: str) -> str:
    """Return what a package states; "not installed here" for one that another platform or Python needs."""
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        return "not installed here"
    stated = metadata.get("License-Expression") or ""
    classified = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if line.startswith("License ::")
    ]
    written = (metadata.get("License") or "").strip().split("\n")[0]
    return stated or ", ".join(classified) or written or "not stated"


def table(images: Iterable[str] = IMAGES) -> str:
    """Return the packages of these images with their licences, one a line."""
    names = sorted({name for image in images for name in locked((HERE / f"{image}.txt").read_text())})
    return "".join(f"{name:32} {licence_of(name)}\n" for name in names)


if __name__ == "__main__":
    sys.stdout.write(table())
