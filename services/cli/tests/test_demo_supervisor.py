import signal
import textwrap
import time
from pathlib import Path

import pytest

from pcare_cli.demo.supervisor import Service, Supervisor, Watched
from pcare_local.ports import free_ports
from pcare_local.processes import ProcessError

READY_AFTER_TWO = """
    import http.server, sys
    asked = 0
    class Probe(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            global asked
            asked += 1
            self.send_response(200 if asked > 2 else 503)
            self.end_headers()
        def log_message(self, *_): pass
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Probe).serve_forever()
"""


def service(tmp_path: Path, code: str, *arguments: str, name: str = "worker", **more: object) -> Service:
    return Service(name, ["-c", textwrap.dedent(code), *arguments], tmp_path / f"{name}.log", **more)  # type: ignore[arg-type]


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor({"PATH": "/usr/bin:/bin"})


async def test_a_service_that_ends_by_itself_is_named_with_its_last_words(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    process = supervisor.start(service(tmp_path, "import sys; sys.exit('the disk is full')"))
    process.wait()
    with pytest.raises(ProcessError, match=r"(?s)worker ended with status 1. Its log: .*worker\.log.*the disk is full"):
        supervisor.check()
    await supervisor.stop()


async def test_ready_is_what_the_probe_says(tmp_path: Path, supervisor: Supervisor) -> None:
    (port,) = free_ports(1)
    supervisor.start(service(tmp_path, READY_AFTER_TWO, str(port), address=f"http://127.0.0.1:{port}"))
    await supervisor.wait_until_ready()
    assert await supervisor.stop() == []


async def test_waiting_ends_when_a_service_does(tmp_path: Path, supervisor: Supervisor) -> None:
    (port,) = free_ports(1)
    supervisor.start(service(tmp_path, "raise SystemExit(3)", address=f"http://127.0.0.1:{port}"))
    with pytest.raises(ProcessError, match="status 3"):
        await supervisor.wait_until_ready()


async def test_work_that_is_done_is_no_fault_and_its_failure_is(tmp_path: Path, supervisor: Supervisor) -> None:
    await supervisor.run_to_end(service(tmp_path, "pass"))
    with pytest.raises(ProcessError, match="worker ended with status 4"):
        await supervisor.run_to_end(service(tmp_path, "raise SystemExit(4)"))
    done = supervisor.start(service(tmp_path, "pass", name="sender", may_end=True))
    done.wait()
    supervisor.check()


async def test_the_death_of_a_server_is_noticed(tmp_path: Path, supervisor: Supervisor) -> None:
    supervisor.watch(Watched("PostgreSQL", lambda: False, lambda: tmp_path / "postgres.log"))
    with pytest.raises(ProcessError, match="PostgreSQL ended by itself"):
        supervisor.check()


async def test_services_stop_in_reverse_and_the_unruly_are_named(tmp_path: Path, supervisor: Supervisor) -> None:
    ordered = f"""
        import pathlib, signal, sys, time
        def end(*_):
            with open({str(tmp_path / "order")!r}, "a") as file:
                file.write(sys.argv[1])
            sys.exit(int(sys.argv[2]))
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        while True: time.sleep(0.05)
    """
    for name, status in (("a", "0"), ("b", "5"), ("c", "0")):
        supervisor.start(service(tmp_path, ordered, name, status, name=name))
        deadline = time.monotonic() + 60
        while "ready" not in (tmp_path / f"{name}.log").read_text():
            assert time.monotonic() < deadline
            signal.sigtimedwait([], 0.02)
    assert await supervisor.stop() == ["b"]
    assert (tmp_path / "order").read_text() == "cba"
    assert await supervisor.stop() == []


def test_the_log_of_the_run_before_is_kept_beside_the_new_one(tmp_path: Path, supervisor: Supervisor) -> None:
    for word in ("first", "second"):
        supervisor.start(service(tmp_path, f"print({word!r})", may_end=True)).wait()
    assert (tmp_path / "worker.log").read_text() == "second\n"
    assert (tmp_path / "worker.log.1").read_text() == "first\n"
