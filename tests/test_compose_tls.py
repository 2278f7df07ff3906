"""The system in containers with docker-compose.tls.yml: every hop speaks TLS, and nothing else is answered.

It takes minutes: see test_compose.
"""

import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from composed import WANTED, Composed, lacks, running
from pcare_common.clock import SystemClock
from pcare_compose import certificates

pytestmark = pytest.mark.containers

RECORDED = 'pcare_recorder_cursor_events{outcome="recorded"}'
BY_TLS = """
    SELECT usename::text AS who, bool_and(ssl) AS by_tls
    FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
    WHERE client_addr IS NOT NULL
    GROUP BY usename
"""


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Run the system with TLS and the profile `demo` for the tests of this module."""
    reason = lacks() if os.environ.get(WANTED) == "1" else f"it takes minutes: make proof-deploy, or {WANTED}=1"
    if reason:
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("composed"), "docker-compose.tls.yml") as system:
        yield system


def _trusting(composed: Composed) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=composed.secrets / "authority.pem")


def test_what_made_up_providers_send_over_tls_is_recorded(composed):
    composed.until(lambda: composed.total(RECORDED) > 500)


@pytest.mark.parametrize(("name", "path"), [("INGEST", "/health/ready"), ("KPI", "/health/ready")])
def test_what_is_published_is_known_by_its_certificate_and_speaks_nothing_else(composed, name, path):
    assert httpx.get(composed.address(name, "https") + path, verify=_trusting(composed)).status_code == 200
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(composed.address(name, "https") + path)
    with pytest.raises(httpx.TransportError):
        httpx.get(composed.address(name) + path)


def test_prometheus_scrapes_each_service_over_tls(composed):
    targets = httpx.get(f"{composed.address('PROMETHEUS')}/api/v1/targets").json()["data"]["activeTargets"]
    assert {one["labels"]["job"] for one in targets} >= {"ingest", "recorder", "kpi-aggregator", "watch", "sealer"}
    assert all(one["scrapeUrl"].startswith("https://") for one in targets)
    composed.until(lambda: composed.asked("up") and set(composed.asked("up").values()) == {1.0})


def test_the_watcher_asks_database_and_aggregator_over_tls(composed):
    composed.until(lambda: composed.total("pcare_watch_kpi_compared_seconds") > 0)
    ends = {dict(labels)["certificate"] for labels in composed.asked("pcare_watch_certificate_ends_seconds")}
    assert ends >= {"kafka:19092", "postgresql://postgres:5432", "ingest:8080", "recorder:8081", "kpi-aggregator:8082"}


@asynccontextmanager
async def _connected(composed: Composed, **how: Any) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        host="localhost",
        port=composed.ports["POSTGRES"],
        user="pcare",
        password=composed.secret("postgres-pcare"),
        database="pcare",
        **how,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def test_postgresql_takes_nobody_without_tls(composed):
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
        async with _connected(composed, ssl=False):
            pass
    async with _connected(composed, ssl=_trusting(composed)) as connection:
        seen = {row["who"]: row["by_tls"] for row in await connection.fetch(BY_TLS)}
    assert seen.keys() >= {"ingest", "recorder", "pcare"}
    assert set(seen.values()) == {True}


def test_new_certificates_are_in_force_when_the_containers_are_made_anew(composed):
    before = _serial(composed)
    certificates.make(composed.secrets, SystemClock().now(), anew=True)
    composed.up("--force-recreate")
    assert _serial(composed) != before
    recorded = composed.total(RECORDED)
    composed.until(lambda: composed.total(RECORDED) > recorded)


def _serial(composed: Composed) -> str:
    """Return the serial number of the certificate that ingest shows."""
    address = "127.0.0.1", composed.ports["INGEST"]
    with (
        socket.create_connection(address, timeout=30) as plain,
        _trusting(composed).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        shown = connection.getpeercert()
    assert shown is not None
    return str(shown["serialNumber"])
