"""The health check of a container asks the service, says what it answered, and never hangs."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from certificates import self_signed
from pcare_common import probe


class Answering(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(f"{self.path}: Kafka is away".encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(status: int, context: ssl.SSLContext | None = None) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), type("Handler", (Answering,), {"status": status})) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "ended"), [(200, 0), (503, 1), (404, 1)])
def test_only_200_is_well_and_what_is_answered_is_said(capsys, status, ended):
    with answering(status) as place:
        assert probe.main([f"http://{place}/health/ready"]) == ended
    assert capsys.readouterr().out == "/health/ready: Kafka is away\n"


def test_nobody_there_is_not_well(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and listens to nobody
        assert probe.main([f"http://127.0.0.1:{taken.getsockname()[1]}/health/live"]) == 1
    assert "no answer" in capsys.readouterr().out


def test_over_tls_whatever_the_certificate_is_for(tmp_path, capsys):
    certificate, key = self_signed(tmp_path, "another-name")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with answering(200, context) as place:
        assert probe.main([f"https://{place}/health/ready"]) == 0
        assert probe.main([f"http://{place}/health/ready"]) == 1
    assert "no answer" in capsys.readouterr().out
