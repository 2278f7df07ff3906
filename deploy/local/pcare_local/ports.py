"""Free ports on loopback."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
RANGE = "PCARE_TEST_PORTS"


def free_ports(count: int) -> list[int]:
    """Return `count` different TCP ports of 127.0.0.1 that nothing listens on.

    Nothing holds them: another program may take one before it is used, so whoever binds must expect to be refused.
    Programs that run beside each other are each told a range of their own by PCARE_TEST_PORTS, such as 11000-14999.
    Raises OSError where that has too few that are free.
    """
    with ExitStack() as held:
        candidates = _candidates()
        return [_bound(held.enter_context(socket.socket()), candidates) for _ in range(count)]


def _candidates() -> Iterator[int]:
    first, dash, last = os.environ.get(RANGE, "").partition("-")
    if dash:
        ports = range(int(first), int(last) + 1)
        yield from random.sample(ports, len(ports))
    else:
        while True:
            yield 0  # the kernel chooses


def _bound(probe: socket.socket, candidates: Iterator[int]) -> int:
    for port in candidates:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            if port == 0:
                raise
        else:
            return int(probe.getsockname()[1])
    raise OSError(f"no port is free in {RANGE}={os.environ[RANGE]}")


def is_open(port: int, *, seconds: float = 0.25) -> bool:
    """Tell whether something accepts connections on a port of 127.0.0.1."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=seconds).close()
    except OSError:
        return False
    return True
