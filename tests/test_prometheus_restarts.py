"""Prometheus stops and starts while workers change: what it kept still holds the new ones to account."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pcare_local.ports import LOOPBACK
from prometheus_server import EVERY_SECONDS, PrometheusServer, running_prometheus

pytestmark = pytest.mark.integration

VALUE = 'pcare:kpi_value{kpi="k",borough="NCL",year="2023/24"}'


class Stand:
    """Answers every scrape as a worker does that says this and that."""

    def __init__(self) -> None:
        self.value = 0.0
        self.applied = 0
        self.version = "v1"
        self.address = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, then hang up."""
        await reader.readuntil(b"\r\n\r\n")
        body = self._text().encode()
        head = (
            f"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    def _text(self) -> str:
        now = time.time()
        return (
            f'pcare_kpi_value{{kpi="k",borough="NCL",year="2023/24"}} {self.value}\n'
            f'pcare_kpi_partition_applied_through{{partition="0"}} {self.applied}\n'
            f'pcare_kpi_partition_instant_seconds{{partition="0"}} {now}\n'
            f'pcare_kpi_catalogue_info{{version="{self.version}"}} 1\n'
            f"pcare_kpi_instant_seconds {now}\n"
            f"pcare_kpi_log_heard_seconds {now}\n"
            "pcare_kpi_complete 1\n"
        )


@asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    made = Stand()
    async with await asyncio.start_server(made.answer, LOOPBACK, 0) as server:
        made.address = f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
        yield made


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[PrometheusServer]:
    async with running_prometheus(tmp_path) as running:
        yield running


async def test_after_its_restart_a_worker_that_knows_less_is_not_believed(prometheus: PrometheusServer):
    async with stand() as later:
        async with stand() as earlier:
            earlier.value, earlier.applied = 20, 10
            later.value, later.applied, later.version = 18, 9, "v2"
            prometheus.scrape({"kpi-aggregator": [earlier.address]})
            await prometheus.until(f"{VALUE} == 20")
            await prometheus.stop()
        prometheus.scrape({"kpi-aggregator": [later.address]})
        await prometheus.start()
        seen = f'pcare_kpi_value{{instance="{later.address}"}}'
        await prometheus.until(f"{seen} offset {2 * EVERY_SECONDS}s")  # and evaluated since
        assert await prometheus.value(VALUE) == 20
        assert await prometheus.value("pcare:kpi_age_seconds") > 2 * EVERY_SECONDS
        later.value, later.applied = 19, 11  # more is known now, and the number has fallen
        await prometheus.until(f"{VALUE} == 19")
        await prometheus.until(f"pcare:kpi_age_seconds < {2 * EVERY_SECONDS + 1}")


async def test_a_worker_that_changes_its_catalogue_under_its_old_address_is_believed(prometheus: PrometheusServer):
    async with stand() as worker:
        worker.value, worker.applied = 20, 10
        prometheus.scrape({"kpi-aggregator": [worker.address]})
        await prometheus.until(f"{VALUE} == 20")
        await prometheus.stop()  # so that the old version is not marked as gone
        worker.value, worker.version = 21, "v2"
        await prometheus.start()
        await prometheus.until(f"{VALUE} == 21")
        await prometheus.until(f"pcare:kpi_age_seconds < {2 * EVERY_SECONDS + 1}")
