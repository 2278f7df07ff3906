"""A real Prometheus with the files of deploy/prometheus, on loopback, quick enough for a test."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from pcare_local import processes
from pcare_local.ports import LOOPBACK, free_ports
from tools import tool

FILES = Path(__file__).parents[1] / "deploy" / "prometheus"
EVERY_SECONDS = 1
SECONDS_TO_START = 30.0
SECONDS_TO_STOP = 10.0
SECONDS_TO_SEE = 60.0
LOOK_BACK = "2h"

Samples = list[tuple[float, float]]
"""What was recorded of one series: when (seconds since 1970), and which value."""


class PrometheusServer:
    """One Prometheus, which scrapes and evaluates every second. May be stopped and started again on its data."""

    def __init__(self, directory: Path, config: str = "prometheus.yml", beside: Mapping[str, Path | str] = {}) -> None:
        self.directory = directory
        self.log = directory / "prometheus.log"
        self._program = tool("prometheus")
        self._config = directory / "config"
        self._port = free_ports(1)[0]
        self._process: Any = None
        self._client = httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{self._port}", trust_env=False, timeout=30)
        shutil.copytree(FILES, self._config)
        document = yaml.safe_load((FILES / config).read_text())
        seconds = f"{EVERY_SECONDS}s"
        document["global"] = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), seconds)
        (self._config / "prometheus.yml").write_text(yaml.safe_dump(document))
        for name, content in beside.items():
            (self._config / name).write_text(content.read_text() if isinstance(content, Path) else content)
        self.scrape({})

    def scrape(self, addresses: Mapping[str, Iterable[str]]) -> None:
        """Name what is to be scraped, by job: `host:port` each. Taken note of within seconds, while it runs too."""
        targets = [{"targets": list(where), "labels": {"job": job}} for job, where in addresses.items()]
        new = self._config / "targets.new"
        new.write_text(yaml.safe_dump(targets))
        new.replace(self._config / "targets.yml")

    def shorten_waits(self) -> None:
        """Let every alert fire after a second of what its rule names. The expressions stay as they are."""
        for file in sorted((self._config / "rules").glob("*.yml")):
            document = yaml.safe_load(file.read_text())
            for group in document["groups"]:
                for rule in group["rules"]:
                    if "for" in rule:
                        rule["for"] = f"{EVERY_SECONDS}s"
            file.write_text(yaml.safe_dump(document, sort_keys=False))

    async def start(self) -> None:
        """Start it and wait until it answers."""
        options = {
            "config.file": self._config / "prometheus.yml",
            "storage.tsdb.path": self.directory / "data",
            "web.listen-address": f"{LOOPBACK}:{self._port}",
            "log.level": "warn",
            "enable-feature": "exemplar-storage",
        }
        self._process = processes.spawn(
            [self._program, *(f"--{name}={value}" for name, value in options.items())], log=self.log
        )
        deadline = time.monotonic() + SECONDS_TO_START
        while not await self._ready():
            assert self._process.poll() is None, processes.last_lines(self.log, 30)
            assert time.monotonic() < deadline, processes.last_lines(self.log, 30)
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Stop it; what it recorded is kept."""
        if self._process is not None:
            await asyncio.to_thread(processes.stop, self._process, seconds=SECONDS_TO_STOP)

    async def close(self) -> None:
        """Stop it for good."""
        await self.stop()
        await self._client.aclose()

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an instant query: series with `metric`, and `value` or `values`."""
        answer = await self._client.get("/api/v1/query", params={"query": expression})
        document = answer.json()
        assert document["status"] == "success", document
        result: list[dict[str, Any]] = document["data"]["result"]
        return result

    async def ask(self, path: str, **parameters: str | list[str]) -> tuple[Any, str | None]:
        """Return what the HTTP API answers, or why it does not."""
        document = (await self._client.get(f"/api/v1/{path}", params=parameters)).json()
        return document.get("data"), document.get("error")

    async def exemplars(self, expression: str) -> list[dict[str, str]]:
        """Return the labels of the exemplars that are kept of some series."""
        asked = {"query": expression, "start": time.time() - 600, "end": time.time() + 60}
        document = (await self._client.get("/api/v1/query_exemplars", params=asked)).json()
        assert document["status"] == "success", document
        return [one["labels"] for series in document["data"] for one in series["exemplars"]]

    async def value(self, expression: str) -> float | None:
        """Return the one value of an instant query; None if there is none."""
        result = await self.query(expression)
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None

    async def until(self, expression: str) -> None:
        """Wait until an instant query has a result."""
        deadline = time.monotonic() + SECONDS_TO_SEE
        while not await self.query(expression):
            assert time.monotonic() < deadline, f"in vain: {expression}; targets: {await self.query('up')}"
            await asyncio.sleep(EVERY_SECONDS)

    async def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are firing: each with `labels`, `annotations` and `value`."""
        document = (await self._client.get("/api/v1/alerts")).json()
        assert document["status"] == "success", document
        return [one for one in document["data"]["alerts"] if one["state"] == "firing"]

    async def recorded(self, series: str) -> Samples:
        """Return every sample of one series as it is stored, nothing filled in between them."""
        result = await self.query(f"{series}[{LOOK_BACK}]")
        assert len(result) == 1, [one["metric"] for one in result]
        return _samples(result[0])

    async def recorded_rows(self, series: str) -> dict[tuple[str, str], Samples]:
        """Return the same of several rows of a KPI, by area and year."""
        result = await self.query(f"{series}[{LOOK_BACK}]")
        return {(one["metric"]["borough"], one["metric"]["year"]): _samples(one) for one in result}

    async def _ready(self) -> bool:
        try:
            return (await self._client.get("/-/ready")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def _samples(series: Mapping[str, Any]) -> Samples:
    return [(float(when), float(value)) for when, value in series["values"]]


@asynccontextmanager
async def running_prometheus(
    directory: Path, *, config: str = "prometheus.yml", beside: Mapping[str, Path | str] = {}
) -> AsyncIterator[PrometheusServer]:
    """Run a Prometheus that scrapes nothing yet. `beside`: what its configuration names, by name."""
    server = PrometheusServer(directory, config, beside)
    try:
        await server.start()
        yield server
    finally:
        await server.close()
