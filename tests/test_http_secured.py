"""The services as they run beyond loopback: their HTTP over TLS, what they count and show by token alone."""

import asyncio
import contextlib
import os
import shutil
import ssl
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from certificates import self_signed
from pcare_cli.main import app
from prometheus_server import FILES, running_prometheus
from system import SECONDS_TO_START, System

pytestmark = pytest.mark.integration

METRICS, BOARD = "a-token-of-metrics-for-tests", "a-token-of-the-board-for-tests"
RUNNER = CliRunner()
SERVICES = ("kpi-aggregator", "recorder", "ingest")


@pytest.fixture
async def guarded(system: System, tmp_path: Path) -> tuple[System, Path]:
    """The services with a certificate and tokens, and the authority of that certificate."""
    certificate, key = self_signed(tmp_path, "pcare")
    system.environment |= {
        "PCARE_HTTP_TLS_CERTIFICATE": str(certificate),
        "PCARE_HTTP_TLS_KEY": str(key),
        "PCARE_INGEST_TLS_CERTIFICATE": str(certificate),
        "PCARE_INGEST_TLS_KEY": str(key),
        "PCARE_METRICS_TOKEN": METRICS,
        "PCARE_KPI_TOKEN": BOARD,
    }
    for name in SERVICES:
        process = system.add(name)
        process.address = process.address.replace("http:", "https:")
        process.start()
    async with client_of(certificate) as client:
        for process in system.processes:
            await ready(client, process.address)
    return system, certificate


def client_of(authority: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(authority)), trust_env=False, timeout=10)


async def ready(client: httpx.AsyncClient, address: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        with contextlib.suppress(httpx.TransportError):
            if (await client.get(f"{address}/health/ready")).status_code == httpx.codes.OK:
                return
        assert time.monotonic() < deadline, f"{address} is not ready"
        await asyncio.sleep(0.1)


async def test_what_is_counted_is_told_over_tls_to_who_has_the_token_and_shown_to_who_has_the_other(
    guarded: tuple[System, Path], tmp_path: Path
) -> None:
    system, authority = guarded
    async with client_of(authority) as client:
        for process in system.processes:
            with pytest.raises(httpx.TransportError):
                await client.get(process.address.replace("https:", "http:") + "/health/live")
            assert (await client.get(f"{process.address}/metrics")).status_code == httpx.codes.UNAUTHORIZED
            answer = await client.get(f"{process.address}/metrics", headers={"Authorization": f"Bearer {METRICS}"})
            assert "pcare_" in answer.text
        board = system.one("kpi-aggregator").address
        for path in ("/", "/board", "/board/status", "/kpis", "/kpis/catalogue"):
            for given in (None, ("anybody", METRICS)):
                refused = await client.get(f"{board}{path}", auth=given)
                assert refused.status_code == httpx.codes.UNAUTHORIZED, path
            shown = await client.get(f"{board}{path}", auth=("ada", BOARD), follow_redirects=True)
            assert shown.status_code == httpx.codes.OK, path

    await asyncio.to_thread(_type_commands, board, authority)
    certificate = await _renew(system, tmp_path)
    await _scraped(system, certificate, tmp_path / "prometheus")
    assert METRICS not in system.logs()
    assert BOARD not in system.logs()


def _type_commands(address: str, authority: Path) -> None:
    """Commands bring the token, and say where one is missing."""
    trusted = {"PCARE_KPI_CAFILE": str(authority)}
    for variables, status, words in (
        ({"PCARE_KPI_TOKEN": BOARD} | trusted, 0, '"kpis"'),
        ({"PCARE_KPI_TOKEN": ""} | trusted, 1, "set PCARE_KPI_TOKEN"),
        ({"PCARE_KPI_TOKEN": METRICS} | trusted, 1, "set PCARE_KPI_TOKEN"),
        ({"PCARE_KPI_TOKEN": BOARD}, 1, "No KPIs from"),
    ):
        done = RUNNER.invoke(app, ["kpis", "--json", "--address", address], env=variables)
        assert done.exit_code == status, done.output
        assert words in done.output
        assert BOARD not in done.output


async def _renew(system: System, directory: Path) -> Path:
    """Put another certificate into the files: services take it up by themselves."""
    other = directory / "renewed"
    other.mkdir()
    certificate, key = self_signed(other, "pcare")
    shutil.copy(key, system.environment["PCARE_HTTP_TLS_KEY"])
    shutil.copy(certificate, system.environment["PCARE_HTTP_TLS_CERTIFICATE"])
    async with client_of(certificate) as client:
        for name in SERVICES:
            await ready(client, system.one(name).address)
    return certificate


async def _scraped(system: System, authority: Path, directory: Path) -> None:
    """Prometheus comes with the configuration for it, as it is."""
    beside = {"ca.pem": authority, "metrics.token": METRICS}
    async with running_prometheus(directory, config="prometheus-secured.yml", beside=beside) as prometheus:
        prometheus.scrape({one.name: [one.address.removeprefix("https://")] for one in system.processes})
        await prometheus.until('count(up == 1) == 3 and count({job="kpi-aggregator", __name__=~"pcare_kpi_.*"}) > 0')


def test_prometheus_is_told_the_same_but_for_tls_and_token() -> None:
    plain = (FILES / "prometheus.yml").read_text().split("global:")[1]
    secured = (FILES / "prometheus-secured.yml").read_text().split("global:")[1]
    assert secured.startswith(plain)
    assert os.linesep.join(["    authorization:", "      credentials_file: metrics.token"]) in secured
