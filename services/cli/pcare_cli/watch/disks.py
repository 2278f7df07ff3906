"""The look at disks: how much room the file systems of given directories have, and how much is free."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from pcare_common import metrics


@dataclass
class Disks:
    """Looks at each of `paths`."""

    paths: Sequence[str]

    def register(self, registry: CollectorRegistry) -> "Disks":
        """Make its metrics."""
        self._free = metrics.gauge("pcare_watch_disk_free_bytes", registry)
        self._size = metrics.gauge("pcare_watch_disk_size_bytes", registry)
        return self

    async def look(self) -> None:
        """Look at all, in a thread: a network's file system may hang. Raises OSError for one that is not there."""
        for path in self.paths:
            found = await asyncio.to_thread(os.statvfs, path)
            self._free.labels(path).set(found.f_bavail * found.f_frsize)  # what is kept for root is not for a service
            self._size.labels(path).set(found.f_blocks * found.f_frsize)
