"""The files that the demo needs beside the servers."""

from pathlib import Path

PROVIDERS = Path(__file__).with_name("demo_providers.yaml")
"""The register of the demo's made-up providers, for PCARE_PROVIDER_REGISTER."""
