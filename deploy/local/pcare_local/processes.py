"""Child processes that end with the program that started them, and say where they wrote."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")

# The kernel ties a child to the *thread* that started it. This one lives as long as the program, whoever calls.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class ProcessError(Exception):
    """A process did not start or did not stay. The message names it, its log file and the log's last lines."""


@dataclass(frozen=True, slots=True)
class User:
    """A user and group to run as, by number."""

    user: int
    group: int


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    user: User | None = None,
    reach: Sequence[Path] = (),
    death_signal: signal.Signals = signal.SIGKILL,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, with both outputs appended to `log` and nothing to read.

    It gets `death_signal` when this program dies (Linux; see `launch`), so it never outlives it. Signals from the
    terminal do not reach it: whoever started it stops it, in order. `user` needs root; `reach` are the paths that
    user has to get to. `keep_open` are file descriptors that it inherits.
    """
    launch = {
        "parent": os.getpid(),
        "death_signal": int(death_signal),
        "user": user.user if user else None,
        "group": user.group if user else None,
        "reach": [str(path) for path in reach],
    }
    whole = [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(launch), *command]
    log.parent.mkdir(parents=True, exist_ok=True)

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                whole,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment) if environment is not None else None,
                cwd=directory,
                start_new_session=True,
                pass_fds=keep_open,
            )

    return _spawner.submit(start).result()


def stop(process: subprocess.Popen[bytes], *, seconds: float, first: signal.Signals = signal.SIGTERM) -> int:
    """Ask with the signal `first`, wait `seconds`, then kill. Returns the exit status; may be called again."""
    if process.poll() is None:
        process.send_signal(first)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process with SIGKILL, as a crash would, and wait until it is gone."""
    process.kill()
    process.wait()


def last_lines(log: Path, count: int = 15) -> str:
    """Return the last lines of a log file, or a note that it is empty."""
    if not log.exists():
        return "(no log was written)"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 64 * 1024))
        lines = file.read().decode(errors="replace").splitlines()[-count:]
    return "\n".join(lines) if lines else "(the log is empty)"


def failed(name: str, what: str, log: Path) -> ProcessError:
    """Return the error for a process that did not do what it should."""
    return ProcessError(f"{name} {what}. Its log: {log}\n{last_lines(log)}")
