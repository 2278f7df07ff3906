"""Fixtures of the tests of ingest."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pcare_schemas.examples import VALID

sys.path.insert(0, str(Path(__file__).parent))

from ingest_support import Service, build


@pytest.fixture
def make_service() -> Callable[..., Service]:
    return build


@pytest.fixture
def service() -> Service:
    return build()


@pytest.fixture
def event() -> dict[str, Any]:
    """A valid event, which the test may spoil."""
    copy: dict[str, Any] = json.loads(json.dumps(VALID["sp-referral"]))
    return copy
