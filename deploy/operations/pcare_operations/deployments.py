"""Where the system runs: in the compose project, or anywhere else, reached by its DSN. Both can do the same."""

import os
import subprocess
from collections.abc import Callable
from typing import Protocol

from pcare_operations import statements
from pcare_operations.compose import Compose
from pcare_operations.errors import OperationError
from pcare_operations.server import MAINTENANCE, Server

POSTGRES, KAFKA, RECORDER, SEALER = "postgres", "kafka", "recorder", "sealer"
MIGRATE, LOGINS, OPERATOR = "migrate", "logins", "pcare"
DATABASE = "pcare"
WRITERS = (RECORDER, SEALER)
"""Services that write into the database by themselves. None may run while another database takes its place: a recorder
would go on from cursors that are no more, and a sealer sign what is not whole yet."""
READS_WITHOUT_WAITING = ("watch", "grafana")
"""Services that hold connections which a database in another's place would cut: they are started again."""

Say = Callable[[str], None]


class Deployment(Protocol):
    """What backup, restore and rebuild need of wherever the system runs."""

    server: Server

    def before(self) -> None:
        """Have PostgreSQL and Kafka run. Raises OperationError where they do not."""
        ...

    def stop_recorders(self) -> None:
        """Have no recorder and no sealer run. Raises OperationError where that cannot be done here."""
        ...

    def pcare(self, command: str, *words: str) -> None:
        """Run `pcare migrate` or `pcare rebuild`, and show what it says. Raises OperationError if it fails."""
        ...

    def start_recorders(self) -> None:
        """Let as many recorders run as before, and wait until they get on; and the sealer."""
        ...


class InCompose:
    """The compose project of the working directory."""

    def __init__(self, compose: Compose, say: Say, database: str = DATABASE) -> None:
        self._compose = compose
        self._say = say
        self._copies: dict[str, int] = {}
        self._recorders = 1
        self.server = Server.in_container([*compose.command, "exec", "-T", POSTGRES], database)

    def before(self) -> None:
        """See Deployment."""
        self._copies = self._compose.copies()
        # one that came to no end has stopped them, and they are as many as before it
        self._recorders = max(1, self._compose.copies(stopped=True).get(RECORDER, 1))
        missing = [service for service in (POSTGRES, KAFKA) if service not in self._copies]
        if missing:
            self._compose.up(missing, {})

    def stop_recorders(self) -> None:
        """See Deployment."""
        self._compose.stop(WRITERS)
        self._say("the recorders and the sealer are stopped; events wait in Kafka, and ingest takes more")

    def pcare(self, command: str, *words: str) -> None:
        """See Deployment."""
        operator_runs(self._compose, command, *words)

    def start_recorders(self) -> None:
        """See Deployment."""
        self._compose.up([RECORDER], {RECORDER: self._recorders})
        # one that refuses to sign what it finds says so to whoever is on call; the record goes on without it
        self._compose.up([SEALER], {}, wait=False)
        again = [service for service in READS_WITHOUT_WAITING if service in self._copies]
        if again:
            self._compose.call("restart", *again)


class ByDsn:
    """A system that something else starts and stops; `pcare`, pg_dump, pg_restore and psql are on PATH."""

    def __init__(self, dsn: str, say: Say, *, pcare: tuple[str, ...] = ("pcare",)) -> None:
        self._dsn = dsn
        self._say = say
        self._pcare = pcare
        self.server = Server.at(dsn)

    def before(self) -> None:
        """See Deployment."""
        self.server.query("SELECT 1", database=MAINTENANCE)

    def stop_recorders(self) -> None:
        """See Deployment."""
        running = statements.writers(self.server)
        if running:
            raise OperationError(
                f"{running} recorder(s) or sealer(s) are connected to the database. Stop them, then try again."
            )

    def pcare(self, command: str, *words: str) -> None:
        """See Deployment."""
        try:
            status = subprocess.run(
                [*self._pcare, command, *words], check=False, env=os.environ | {"PCARE_POSTGRES_DSN": self._dsn}
            ).returncode
        except FileNotFoundError as error:
            raise OperationError(f"{error.filename} is not on PATH: it is what `make install` installs.") from error
        if status:
            raise OperationError(f"`pcare {command}` ended with {status}; what it said is above.")

    def start_recorders(self) -> None:
        """See Deployment."""
        self._say("now start the recorders and the sealer")


def operator_runs(compose: Compose, command: str, *words: str) -> None:
    """Run a `pcare` command in the compose project, by the service that is there for it."""
    if command == MIGRATE:
        compose.run(MIGRATE)
        compose.run(LOGINS)  # a new server has none, and the next commands log in
    else:
        compose.run(OPERATOR, command, *words)
