import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pcare_local import processes
from pcare_local.launch import reachable
from pcare_local.ports import free_ports, is_open

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's own")


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_output_goes_to_the_log_and_the_status_is_told(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "child.log"
    child = processes.spawn(["sh", "-c", "echo one; echo two >&2; exit 7"], log=log)
    assert child.wait() == 7
    assert log.read_text() == "one\ntwo\n"
    assert processes.last_lines(log, 1) == "two"
    assert str(processes.failed("The child", "ended", log)) == f"The child ended. Its log: {log}\none\ntwo"


def test_the_last_lines_of_nothing_say_so(tmp_path: Path) -> None:
    assert processes.last_lines(tmp_path / "none") == "(no log was written)"
    (tmp_path / "empty").touch()
    assert processes.last_lines(tmp_path / "empty") == "(the log is empty)"


def test_stop_asks_first_and_kills_whoever_does_not_listen(tmp_path: Path) -> None:
    log = tmp_path / "log"
    willing = processes.spawn(["sleep", "60"], log=log)
    assert processes.stop(willing, seconds=20) == -signal.SIGTERM
    assert processes.stop(willing, seconds=20) == -signal.SIGTERM

    deaf = processes.spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], log=log)
    wait_for(lambda: "ready" in log.read_text())
    assert processes.stop(deaf, seconds=0.2) == -signal.SIGKILL


@LINUX
def test_a_child_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import pathlib, sys, threading, time
        from pcare_local import processes
        started = []
        def start():
            started.append(processes.spawn(["sleep", "600"], log=pathlib.Path(sys.argv[1]) / "log"))
        thread = threading.Thread(target=start)  # the kernel ties a child to a thread: this one ends at once
        thread.start(); thread.join()
        time.sleep(0.2)
        assert started[0].poll() is None, "the child died with the thread"
        print(started[0].pid, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not is_gone(child)
        parent.kill()
    wait_for(lambda: is_gone(child))


@LINUX
def test_a_directory_closed_to_others_is_not_reachable(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert reachable(closed / "file", os.getuid(), os.getgid()) == reachable(
        tmp_path / "file", os.getuid(), os.getgid()
    )
    assert not reachable(closed / "file", 65_533, 65_533)
    assert reachable(Path("/usr/file"), 65_533, 65_533)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@LINUX
def test_another_user_reaches_what_it_must_and_is_not_root(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    mine = closed / "mine"
    mine.mkdir(mode=0o700)
    os.chown(mine, 65_534, 65_534)
    log = tmp_path / "log"
    does_what_it_may = f"id -u && id -G && touch {mine}/written && ! touch {closed}/refused"
    asks_by_access_2 = f"find {mine} -maxdepth 0 -readable | grep -q ."
    child = processes.spawn(
        ["sh", "-c", f"{does_what_it_may} && {asks_by_access_2}"],
        log=log,
        user=processes.User(65_534, 65_534),
        reach=[mine],
    )
    assert child.wait() == 0, log.read_text()
    assert log.read_text().split()[:2] == ["65534", "65534"]
    assert (mine / "written").stat().st_uid == 65_534


def test_free_ports_are_different_and_closed() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not any(is_open(port) for port in ports[:3])


def test_free_ports_are_of_the_range_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCARE_TEST_PORTS", "10900-10903")
    with socket.create_server(("127.0.0.1", 10_901)):
        assert sorted(free_ports(3)) == [10_900, 10_902, 10_903]
        with pytest.raises(OSError, match="no port is free in PCARE_TEST_PORTS=10900-10903"):
            free_ports(4)
