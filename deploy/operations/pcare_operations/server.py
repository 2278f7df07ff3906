"""A PostgreSQL server, asked and changed by its own tools: psql, pg_dump, pg_restore.

In a container they are run inside it, so that their version is the server's; else they are those on PATH.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import parse_qsl, unquote, urlsplit

from pcare_operations.errors import OperationError

MAINTENANCE = "postgres"
"""The database from which others are made and renamed."""

# The image has the name of the server's owner in its environment; inside, the owner needs no password.
_AS_OWNER = 'PGUSER="${PGUSER:-${POSTGRES_USER:-postgres}}" exec "$@"'
_PARAMETERS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach it: what stands before each command, and what is added to the environment. `database` is pcare's."""

    database: str
    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def in_container(cls, execute: Sequence[str], database: str) -> "Server":
        """Return the server of a container; `execute` runs a command inside it (`docker compose exec -T postgres`)."""
        return cls(database, (*execute, "sh", "-c", _AS_OWNER, "sh"))

    @classmethod
    def at(cls, dsn: str) -> "Server":
        """Return the server of a DSN. The password goes by the environment: everybody can read a command line."""
        parts = urlsplit(dsn)
        database = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in {"postgresql", "postgres"} or not database:
            raise OperationError("The DSN is to be as postgresql://user:password@host:port/database.")
        environment = {"PGHOST": parts.hostname, "PGPORT": str(parts.port or 5432)}
        environment |= {"PGUSER": parts.username, "PGPASSWORD": parts.password}
        known = {name: unquote(value) for name, value in environment.items() if value}
        for name, value in parse_qsl(parts.query):
            if name not in _PARAMETERS:
                raise OperationError(f"The DSN's parameter {name} is not known here: {', '.join(_PARAMETERS)} are.")
            known[_PARAMETERS[name]] = value
        return cls(database, (), known)

    def query(self, sql: str, *, database: str | None = None, variables: Mapping[str, str] | None = None) -> str:
        """Run statements and return what they print, unadorned. Raises OperationError with what psql said."""
        command = self._psql(database or self.database, variables or {})
        done = self._run(command, text=True, input=sql, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            raise OperationError(f"PostgreSQL did not do it: {_last_words(done.stderr)}")
        return str(done.stdout).strip()

    @contextmanager
    def session(self, database: str | None = None) -> Iterator["Session"]:
        """Keep one session open for the length of the block."""
        command = self._psql(database or self.database, {})
        with self._start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            yield Session(process)

    @contextmanager
    def reading(self, tool: str, *words: str) -> Iterator[IO[bytes]]:
        """Run a tool and hand over what it writes. Raises OperationError at the end of the block if it failed."""
        with (
            TemporaryFile() as said,
            self._start([tool, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as process,
        ):
            yield _stream(process.stdout)
            process.wait()
            _check(tool, process.returncode, said)

    @contextmanager
    def writing(self, tool: str, *words: str) -> Iterator[IO[bytes]]:
        """Run a tool that reads what the block writes. Raises OperationError if it failed, also where it broke off."""
        with (
            TemporaryFile() as said,
            self._start([tool, *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said) as process,
        ):
            stream, broken = _stream(process.stdin), False
            try:
                yield stream
                stream.close()
            except BrokenPipeError:
                broken = True  # it says why by its status
            process.wait()
            _check(tool, process.returncode or int(broken), said)

    def _psql(self, database: str, variables: Mapping[str, str]) -> list[str]:
        given = [f"--set={name}={value}" for name, value in variables.items()]
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", *given]
        return ["psql", *options, f"--dbname={database}", "--file=-"]

    def _run(self, command: Sequence[str], **how: object) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(  # type: ignore[call-overload, no-any-return]
                [*self.prefix, *command], check=False, env=os.environ | dict(self.environment), **how
            )
        except FileNotFoundError as error:
            raise _missing(error) from error

    def _start(self, command: Sequence[str], **how: object) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen([*self.prefix, *command], env=os.environ | dict(self.environment), **how)  # type: ignore[call-overload, no-any-return]
        except FileNotFoundError as error:
            raise _missing(error) from error


class Session:
    """One session of psql, statement by statement: what is begun in one is there in the next."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def ask(self, sql: str) -> str:
        """Run a statement that answers with one line, and return it. Raises OperationError where it does not."""
        try:
            stream = _stream(self._process.stdin)
            stream.write(f"{sql.strip().rstrip(';')};\n".encode())
            stream.flush()
        except BrokenPipeError as error:
            raise OperationError("PostgreSQL ended the session; what it said is above.") from error
        line = _stream(self._process.stdout).readline()
        if not line:
            raise OperationError("PostgreSQL did not answer; what it said is above.")
        return line.decode().strip()

    def do(self, sql: str) -> None:
        """Run statements that answer nothing."""
        self.ask(f"{sql.strip().rstrip(';')};\nSELECT 1")


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - the process was started with a pipe
    return stream


def _check(tool: str, status: int, said: IO[bytes]) -> None:
    if status:
        said.seek(0)
        raise OperationError(f"{tool} ended with {status}: {_last_words(said.read().decode(errors='replace'))}")


def _last_words(said: str) -> str:
    return " ".join(said.strip().splitlines()[-3:]) or "nothing was said"


def _missing(error: FileNotFoundError) -> OperationError:
    return OperationError(f"{error.filename} is not installed here. PostgreSQL's client tools, or Docker, are needed.")
