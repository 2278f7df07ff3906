"""Builds an overlay with kustomize, or with the one that kubectl brings."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]
OLDEST = (5, 0)
"""Of kustomize: an older one knows neither `labels` with `includeTemplates` nor all of the patches."""


class RenderingError(Exception):
    """The overlay cannot be built. The message is kustomize's, or says what to install."""


def builder() -> list[str] | None:
    """Return the command that builds a directory, or None where no kustomize that is new enough is installed."""
    if kustomize := shutil.which("kustomize"):
        return [kustomize, "build"]
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return None
    told = subprocess.run(
        [kubectl, "version", "--client", "--output", "json"], capture_output=True, text=True, check=False
    )
    try:
        version = json.loads(told.stdout)["kustomizeVersion"]
        major, minor, *_ = (int(part) for part in version.removeprefix("v").split("."))
    except (ValueError, KeyError):  # kubectl before 1.24 does not say; it is too old
        return None
    return [kubectl, "kustomize"] if (major, minor) >= OLDEST else None


def render(overlay: Path) -> list[Resource]:
    """Return the resources of an overlay. Raises RenderingError."""
    command = builder()
    if command is None:
        raise RenderingError("kustomize 5 is not installed: `make test-tools`, or any kubectl since 1.27 brings it")
    done = subprocess.run([*command, str(overlay)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderingError(done.stderr.strip())
    return [resource for resource in yaml.safe_load_all(done.stdout) if resource]
