"""Replays and compares everything once, in a process of its own. Prints what it took, as JSON.

Arguments: Kafka's servers, database address, and the address of a kpi-aggregator or nothing.
"""

import asyncio
import json
import resource
import sys
import threading
import time

import psutil

from pcare_audit.replaying.ranges import Bounds
from pcare_cli.replaying.running import Replaying
from pcare_cli.replaying.showing import Progress
from pcare_cli.replaying.wanted import Wanted

LOOK_SECONDS = 0.1
MEBIBYTE = 1024 * 1024


class Memory:
    """Looks at the resident memory of this process and its children until it is left, and keeps the most."""

    def __init__(self) -> None:
        self.most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        this = psutil.Process()
        while not self._ended.wait(LOOK_SECONDS):
            held = 0
            for process in [this, *this.children(recursive=True)]:
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.most = max(self.most, held)


def main(servers: str, dsn: str, aggregator: str) -> None:
    options = {"bootstrap_servers": servers.split(","), "security_protocol": "PLAINTEXT"}
    wanted = Wanted(Bounds(), Bounds(), aggregator=aggregator or None)
    began = time.perf_counter()
    with Memory() as memory:
        replaying = Replaying(wanted, dsn, options, "pcare-recorder", workers=2, progress=Progress())
        result = asyncio.run(replaying.run())
    seconds = time.perf_counter() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found: dict[str, object] = {
        "seconds": seconds,
        "processor_seconds": sum(one.ru_utime + one.ru_stime for one in used),
        "mebibytes": memory.most / MEBIBYTE,
        "events": result.counts["events"],
        "submitted": result.counts["submitted"],
        "kpis": 0 if result.kpis is None else len(result.kpis.rows),
        "equal": result.equal,
        "why": [one.document() for one in result.differences[:5]] + list(result.troubles) + [result.kpis_why_not],
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
