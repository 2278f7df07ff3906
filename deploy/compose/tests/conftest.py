"""The instant at which these tests make certificates."""

import datetime as dt

import pytest


@pytest.fixture
def now() -> dt.datetime:
    return dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)
