"""The tests of the client package use ingest itself, as its own tests build it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "services" / "ingest" / "tests"))
sys.path.insert(0, str(Path(__file__).parent))
