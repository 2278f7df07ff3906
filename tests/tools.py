"""Programs that tests use and pip cannot install: skipped with a reason where they are missing, except in CI."""

import os
import shutil
from pathlib import Path

import pytest

REQUIRE = "PCARE_TEST_REQUIRE_TOOLS"
PACKAGES = {"prometheus": "prometheus", "promtool": "prometheus", "chromium": "chromium", "postgres": "postgresql"}
"""Each program with the Debian package that holds it."""


def tool(name: str) -> str:
    """Return where a program is. Without it the test is skipped, or fails where PCARE_TEST_REQUIRE_TOOLS is 1."""
    # Debian keeps each release of PostgreSQL in a directory of its own
    releases = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parent.name), reverse=True)
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, releases)]))
    if path is not None:
        return path
    reason = f"{name} is not installed: `make test-tools`, or install Debian's package {PACKAGES[name]}"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{reason} ({REQUIRE}=1)", pytrace=False)
    pytest.skip(reason)
