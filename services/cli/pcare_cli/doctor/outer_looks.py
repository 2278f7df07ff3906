"""What is looked at of the services, of certificates, of Prometheus; and an event through all of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from pcare_cli import accounting_readers
from pcare_cli.doctor import certificates, end_to_end, kafka_reading, services_reading, services_rules
from pcare_cli.doctor import prometheus as seen_by_prometheus
from pcare_cli.doctor.doors import UnseenError, http_client, reading, with_admin
from pcare_cli.doctor.findings import Finding
from pcare_cli.doctor.looking import Look
from pcare_cli.doctor.reaching import Reaching
from pcare_cli.doctor.services_facts import Copy
from pcare_cli.doctor.settings import SERVICE_SETTINGS, DoctorSettings, bearer, listed
from pcare_recorder.cursors import Partition
from pcare_schemas.origin import Origin

SEND_SECONDS = 60.0


class OuterLooks:
    """Services, clocks, certificates, Prometheus, and an event from end to end."""

    def __init__(self, reaching: Reaching) -> None:
        self._reaching = reaching
        self._settings = reaching.settings

    def looks(self) -> list[Look]:
        """Return them all."""
        seconds = self._reaching.wanted.seconds
        looks = [
            Look(services_rules.ALIVE, self._services, seconds),
            Look(certificates.CERTIFICATES, self._certificates, seconds),
            Look(seen_by_prometheus.SCRAPES, self._prometheus, seconds),
            Look(end_to_end.CHECKED, self._check, seconds),
        ]
        if self._reaching.wanted.send:
            looks.append(Look(end_to_end.SENT, self._send, 2 * SEND_SECONDS))
        return looks

    async def _services(self) -> list[Finding]:
        services = self._settings.services
        given = [(service, address) for service, addresses in services.items() for address in addresses]
        missing = [
            services_rules.ALIVE.unseen(f"nobody said where {service} is", f"Set {SERVICE_SETTINGS[service]}.")
            for service, addresses in services.items()
            if not addresses
        ]
        if not given:
            return missing
        headers = bearer(self._settings.metrics_token)
        now = self._reaching.now
        async with http_client(self._settings.doctor_ssl_cafile) as client:
            copies = await asyncio.gather(
                *(services_reading.look(client, service, address, headers, now) for service, address in given)
            )
        clocks = await self._clocks(copies)
        return [*services_rules.of_copies(copies), *(services_rules.of_clocks(clocks) if clocks else []), *missing]

    async def _clocks(self, copies: Sequence[Copy]) -> list[tuple[str, float]]:
        """Return by how much the clocks of others are ahead of ours."""
        apart = [(f"{one.service} {one.address}", one.apart) for one in copies if one.apart is not None]
        if self._settings.postgres_dsn is not None and await self._reaching.postgres_trouble() is None:
            async with reading(self._reaching.dsn) as connection:
                before = self._reaching.now()
                said = await connection.fetchval("SELECT clock_timestamp()")
                apart.append(("PostgreSQL", (said - before).total_seconds()))
        return apart

    async def _certificates(self) -> list[Finding]:
        servers, files = shown(self._settings)
        if not servers and not files:
            raise UnseenError("nothing that was given speaks TLS", "Set PCARE_DOCTOR_CERTIFICATES to look at files.")
        seen = [*await certificates.shown_by(servers), *certificates.in_files(files)]
        return certificates.judge(seen, self._reaching.now())

    async def _prometheus(self) -> list[Finding]:
        address = self._settings.doctor_prometheus.strip().rstrip("/")
        if not address:
            raise UnseenError("nobody said where Prometheus is", "Set PCARE_DOCTOR_PROMETHEUS.")
        async with http_client(self._settings.doctor_ssl_cafile) as client:
            try:
                return seen_by_prometheus.judge(await seen_by_prometheus.look(client, address))
            except (httpx.HTTPError, ValueError) as error:
                return [seen_by_prometheus.AWAY.found(f"{address}: {services_reading.words_of(error)}")]

    async def _check(self) -> list[Finding]:
        event = end_to_end.made_up(self._settings.source, self._reaching.now())
        headers, found = headers_of(self._settings), []
        async with http_client(self._settings.doctor_ssl_cafile) as client:
            for address in self._ingests():
                found += await end_to_end.check(client, address, headers, event)
        return found

    async def _send(self) -> list[Finding]:
        if not self._settings.doctor_send_allowed:
            raise UnseenError(
                "--send stores an event, and is for test systems",
                "In a test system set PCARE_DOCTOR_SEND_ALLOWED=true.",
                failed=True,
            )
        aggregators = self._settings.services["kpi-aggregator"]
        if not aggregators or await self._reaching.kafka_trouble() is not None:
            raise UnseenError("--send needs Kafka, and the address of a kpi-aggregator", failed=True)
        event = end_to_end.made_up(self._settings.source, self._reaching.now())
        authority, token = self._settings.doctor_ssl_cafile, bearer(self._settings.kpi_token)
        async with (
            http_client(authority) as client,
            http_client(authority, base=aggregators[0], headers=token) as aggregator,
        ):
            return await end_to_end.send(
                client,
                self._ingests()[0],
                headers_of(self._settings),
                event,
                published=self._published,
                counted=lambda: self._counted(aggregator),
                seconds=SEND_SECONDS,
            )

    async def _published(self, at: Origin) -> bool:
        group = self._settings.recorder_group
        committed = await with_admin(self._reaching.options, lambda admin: kafka_reading.committed(admin, group))
        return committed.get(Partition(at.topic, at.partition), 0) > at.offset

    async def _counted(self, aggregator: httpx.AsyncClient) -> bool:
        ends = await with_admin(self._reaching.options, kafka_reading.ends_of_log)
        try:
            streamed = await accounting_readers.streamed_kpis(aggregator)
        except httpx.HTTPError:
            return False
        return streamed is not None and all(streamed.applied.get(one, -1) >= end - 1 for one, end in ends.items())

    def _ingests(self) -> list[str]:
        addresses = self._settings.services["ingest"]
        if not addresses:
            raise UnseenError("nobody said where ingest is", f"Set {SERVICE_SETTINGS['ingest']}.")
        return addresses


def shown(settings: DoctorSettings) -> tuple[list[tuple[str, str, int, bool]], list[Path]]:
    """Return which servers show a certificate (as `certificates.shown_by` asks them), and which files hold one."""
    files = [Path(file) for file in listed(settings.doctor_certificates)]
    addresses = [*settings.services.items(), ("Prometheus", listed(settings.doctor_prometheus))]
    servers = [certificates.of_url(name, address) for name, some in addresses for address in some]
    if settings.kafka_given and settings.kafka_security_protocol.endswith("SSL"):
        servers += [("Kafka", *_host_and_port(one), False) for one in settings.servers()]
        files += [Path(settings.kafka_ssl_cafile)] if settings.kafka_ssl_cafile else []
    dsn = "" if settings.postgres_dsn is None else settings.postgres_dsn.get_secret_value()
    if "sslmode" in dsn:
        parts = urlsplit(dsn)
        servers.append(("PostgreSQL", parts.hostname or "", parts.port or certificates.POSTGRES_PORT, True))
    return [one for one in servers if one is not None], files


def _host_and_port(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    return host.strip("[]"), int(port)


def headers_of(settings: DoctorSettings) -> dict[str, str]:
    """Return by what ingest is told who calls: an API key, or nothing. Raises UnseenError where its file is closed."""
    try:
        if settings.api_key is not None:
            return {"X-API-Key": settings.api_key.get_secret_value()}
        if settings.api_key_file is not None:
            return {"X-API-Key": settings.api_key_file.read_text(encoding="ascii").strip()}
    except (OSError, ValueError) as error:
        raise UnseenError("PCARE_API_KEY_FILE cannot be read", "Name a file that holds an API key.") from error
    return {}
