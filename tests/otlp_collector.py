"""A collector for tests: the real protocol, OTLP over HTTP in protobuf, into a list. It may be told to hang."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pcare_local.ports import LOOPBACK


class Received:
    """A span as it was received, and which service sent it."""

    def __init__(self, service: str, span: Span) -> None:
        self.service = service
        self.name = span.name
        self.kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
        self.trace_id = span.trace_id.hex()
        self.span_id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
        self.attributes = {one.key: _value(one.value) for one in span.attributes}
        self.failed = span.status.code == span.status.STATUS_CODE_ERROR
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano

    def __repr__(self) -> str:
        return f"{self.service}: {self.name} {self.trace_id} {self.parent} > {self.span_id} {self.attributes}"


class Collector:
    """Listens on loopback. `spans` are those received; `everything` is all text in all of them."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self.everything = ""
        self.requests = 0
        self.headers: dict[str, str] = {}
        self.going_on = threading.Event()
        self.going_on.set()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"http://{LOOPBACK}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name="collector", daemon=True).start()

    def take(self, body: bytes) -> None:
        """Take in one request."""
        sent = ExportTraceServiceRequest.FromString(body)
        self.everything += str(sent)
        for resource in sent.resource_spans:
            service = next(_value(one.value) for one in resource.resource.attributes if one.key == "service.name")
            self.spans += [Received(service, span) for scope in resource.scope_spans for span in scope.spans]

    def of(self, trace_id: str) -> dict[str, Received]:
        """Return the spans of a trace by their names, of which each may stand there once."""
        found = [span for span in self.spans if span.trace_id == trace_id]
        assert len({span.name for span in found}) == len(found), found
        return {span.name: span for span in found}

    def wait_for(self, enough: Callable[[], Any], seconds: float = 30.0) -> None:
        """Wait until enough was received."""
        deadline = time.monotonic() + seconds
        while not enough():
            assert time.monotonic() < deadline, self.spans
            time.sleep(0.05)

    def close(self) -> None:
        """Listen no more."""
        self.going_on.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Run a collector."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.close()


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return [_value(one) for one in found.values] if kind == "array_value" else found


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.requests += 1
            collector.headers = {name.lower(): value for name, value in self.headers.items()}
            assert self.path == "/v1/traces"
            assert self.headers["Content-Type"] == "application/x-protobuf"
            collector.going_on.wait()
            collector.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Handler
