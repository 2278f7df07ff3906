"""Made-up examples of what POST /fhir takes, one a kind of event and some Bundles, for documents, tests and senders."""

import json
from importlib import resources
from typing import Any


def load() -> dict[str, dict[str, Any]]:
    """Return the examples by name, which is the kind of event that they give where they give one."""
    folder = resources.files("pcare_ingest.fhir") / "examples"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8")) for file in files}
