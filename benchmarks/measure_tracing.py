"""Ingest that traces: the same load as without, as ratios to it. Off, ratio 0 (contexts, no spans), ratio 1 (all)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from measure_credentials import load
from results import Figure
from stand import Stand

LOOPBACK = "127.0.0.1"
UNITS = (("events/s", "accepted_events_per_second"), ("µs of processor", "processor_us"))


async def measure(stand: Stand, run: int) -> list[Figure]:  # noqa: ARG001 - each run is like the others
    """Measure once. What is compared runs one right after the other."""
    figures = []
    with _collector() as address:
        found = {}
        for name, more in (
            ("off", {}),
            ("on, nothing sampled", {"PCARE_TRACING_ENDPOINT": address, "PCARE_TRACING_RATIO": "0"}),
            ("on, all sampled", {"PCARE_TRACING_ENDPOINT": address, "PCARE_TRACING_RATIO": "1"}),
        ):
            async with stand.running("ingest", **more):
                found[name] = {form: load(stand, form, None) for form in ("single", "batch")}
        for form in ("single", "batch"):
            for unit, figure in UNITS:
                for name in found:
                    ceiling = None if name == "off" else found["off"][form][figure]
                    figures.append(Figure("tracing", f"{form}, {name}", unit, found[name][form][figure], ceiling))
    return figures


@contextmanager
def _collector() -> Iterator[str]:
    """Run what takes spans and does nothing with them."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
