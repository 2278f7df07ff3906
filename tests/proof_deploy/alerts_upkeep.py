"""What ends by itself: a disk, certificates; and a watcher that sees neither Kafka nor PostgreSQL."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from certificates import self_signed
from pcare_local.ports import LOOPBACK, free_ports
from proof_deploy.alert_scene import WATCHES_QUICKLY, watched
from proof_provider.checks import Checks
from system import Process

SIZE = 4 * 1024 * 1024


async def play_certificates(checks: Checks, directory: Path) -> None:
    """Let certificates near their end, and renew them."""
    ending, ended = directory / "ending", directory / "ended"
    for one, days in ((ending, 10), (ended, -1)):
        one.mkdir()
        self_signed(one, days=days)
    async with _watching(
        checks, directory, PCARE_WATCH_CERTIFICATES=f"{ending}/certificate.pem,{ended}/certificate.pem"
    ) as alerts:
        await alerts.fires("PcareCertificateEnding", why="a certificate ends in ten days")
        await alerts.fires("PcareCertificateLastDay", severity="page", why="a certificate has ended")
        await alerts.fires("PcareWatcherStale", why="neither Kafka nor PostgreSQL answers the watcher")
        for one in (ending, ended):
            self_signed(one, days=90)
        await alerts.resolves("PcareCertificateEnding", why="it was renewed")
        await alerts.resolves("PcareCertificateLastDay", why="it was renewed")


async def play_disk(checks: Checks, directory: Path) -> None:
    """Fill a small file system, and make room again."""
    with _small_file_system(directory / "disk") as disk:
        async with _watching(checks, directory, PCARE_WATCH_PATHS=str(disk)) as alerts:
            filler = disk / "filler"
            filler.write_bytes(bytes(SIZE * 85 // 100))
            await alerts.fires("PcareDiskFilling", why="less than a fifth is free")
            filler.write_bytes(bytes(SIZE * 98 // 100))
            await alerts.fires("PcareDiskFull", severity="page", why="less than a twentieth is free")
            filler.unlink()
            await alerts.resolves("PcareDiskFull", why="there is room again")


@contextlib.asynccontextmanager
async def _watching(checks: Checks, directory: Path, **environment: str):
    """Run a watcher whose Kafka and PostgreSQL are away, and Prometheus."""
    kafka, postgres = free_ports(2)
    away = {
        "PCARE_KAFKA_BOOTSTRAP_SERVERS": f"{LOOPBACK}:{kafka}",
        "PCARE_POSTGRES_DSN": f"postgresql://pcare@{LOOPBACK}:{postgres}/pcare",
    }
    watch = Process("watch", 0, directory, {**os.environ, **away, **WATCHES_QUICKLY, **environment})
    async with watched(checks, directory) as alerts:
        watch.start()
        try:
            alerts.prometheus.scrape({"watch": [watch.address.removeprefix("http://")]})
            yield alerts
        finally:
            checks.equal("the watcher ends in order, whatever is away", watch.terminate(), 0)


@contextlib.contextmanager
def _small_file_system(directory: Path) -> Iterator[Path]:
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
