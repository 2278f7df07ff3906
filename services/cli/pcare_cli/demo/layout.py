"""Where the demo keeps things, and on which ports its services answer."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pcare_local.demo import PROVIDERS
from pcare_local.ports import LOOPBACK, free_ports

DEFAULT_DIRECTORY = Path("var") / "demo"
SEAL_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Layout:
    """The demo's directory and the ports chosen for this run, all on 127.0.0.1."""

    directory: Path
    ingest_port: int
    recorder_port: int
    aggregator_port: int
    seal_port: int

    @classmethod
    def choose(cls, directory: Path) -> "Layout":
        """Take free ports for a run on a directory."""
        return cls(directory.resolve(), *free_ports(4))

    @property
    def ingest(self) -> str:
        """The base address of ingest."""
        return f"http://{LOOPBACK}:{self.ingest_port}"

    @property
    def recorder(self) -> str:
        """The base address of the recorder's probes and metrics."""
        return f"http://{LOOPBACK}:{self.recorder_port}"

    @property
    def aggregator(self) -> str:
        """The base address of the aggregator."""
        return f"http://{LOOPBACK}:{self.aggregator_port}"

    @property
    def seal(self) -> str:
        """The base address of the sealer's probes and metrics."""
        return f"http://{LOOPBACK}:{self.seal_port}"

    @property
    def seal_key(self) -> Path:
        """The key that signs checkpoints, made by the demo's first start; its public key is beside it, `.pub`."""
        return self.directory / "seal.key"

    @property
    def seal_name(self) -> str:
        """The name of the log, and of the key."""
        return "demo"

    @property
    def key(self) -> Path:
        """The pseudonym key, made by the demo's first start."""
        return self.directory / "pseudonym.key"

    @property
    def ledger(self) -> Path:
        """What became of each event of the last run of a fixed number."""
        return self.directory / "ledger.jsonl"

    def log(self, name: str) -> Path:
        """Return where a process writes."""
        return self.directory / "logs" / f"{name}.log"

    def environment(self, bootstrap_servers: str, dsn: str, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Return the environment of the services: `base` with everything that the demo decides."""
        return {
            **base,
            "PYTHONUNBUFFERED": "1",
            "PCARE_LOG_FORMAT": "json",
            "PCARE_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "PCARE_POSTGRES_DSN": dsn,
            "PCARE_PROVIDER_REGISTER": str(PROVIDERS),
            "PCARE_PSEUDONYM_KEY_FILE": str(self.key),
            "PCARE_INGEST_HOST": LOOPBACK,
            "PCARE_INGEST_PORT": str(self.ingest_port),
            "PCARE_RECORDER_HTTP_HOST": LOOPBACK,
            "PCARE_RECORDER_HTTP_PORT": str(self.recorder_port),
            "PCARE_KPI_HTTP_HOST": LOOPBACK,
            "PCARE_KPI_HTTP_PORT": str(self.aggregator_port),
            "PCARE_SEAL_HTTP_HOST": LOOPBACK,
            "PCARE_SEAL_HTTP_PORT": str(self.seal_port),
            "PCARE_SEAL_KEY_FILE": str(self.seal_key),
            "PCARE_SEAL_NAME": self.seal_name,
            "PCARE_SEAL_SECONDS": str(SEAL_SECONDS),
        }
