"""The parts of a replay, shared out to processes of their own: one interpreter is as fast as one processor.

Each has its own clients, sees the same snapshot of the tables, and writes files of its own. What a part found is small.
"""

import asyncio
import errno
import gc
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from aiokafka.errors import KafkaError

from pcare_audit.replaying import joining, linking
from pcare_audit.replaying.findings import Findings
from pcare_audit.replaying.folding import Applied, Folded, fold_of
from pcare_audit.replaying.frame import Frame, Span
from pcare_audit.replaying.reading import UnreadableError, topic_reader
from pcare_audit.replaying.spilling import Spill, take
from pcare_cli.postgres_errors import in_words as in_words_of_postgres
from pcare_cli.replaying import database, part_log, part_submitted, part_tables, part_topics
from pcare_cli.replaying.part import KpiCounting, Part
from pcare_common.errors import OperatorError
from pcare_common.kafka import KafkaSettings
from pcare_common.kafka_errors import in_words
from pcare_common.settings import load
from pcare_kpi_aggregator.partition import FoldError
from pcare_schemas.kpis.catalogue import Catalogue

EVENTS, LINKS = "events", "links"
_GARBAGE_AFTER = 200_000
_TLS = "ssl_context"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Task(NamedTuple):
    """A part: what is done, and with what."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What every process is given. `at` is None where KPIs are not counted; `options` are as `handed_over` has them."""

    frame: Frame
    directory: Path
    dsn: str
    snapshot: str
    options: Mapping[str, Any]
    catalogue: Catalogue
    at: Any = None
    applied: Mapping[int, Applied] | None = None


@dataclass(slots=True)
class Outcome:
    """What a part found, and what it counted."""

    findings: Findings
    folded: dict[int, Folded] = field(default_factory=dict)
    merges_seen: set[tuple[str, str]] = field(default_factory=set)


class PartFailedError(Exception):
    """A part could not be done. The message says why, for a person."""


def handed_over(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return of aiokafka's connection options what another process can be given: a TLS context cannot."""
    return {name: value for name, value in options.items() if name != _TLS}


def _completed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with a TLS context of this process's own, made of the same settings."""
    if not str(options.get("security_protocol")).endswith("SSL"):
        return dict(options)
    return {**options, _TLS: load(KafkaSettings).aiokafka_options()[_TLS]}


class Workers:
    """Processes that do one task after the other. Use it in a `with`."""

    def __init__(self, number: int, setting: Setting) -> None:
        context = multiprocessing.get_context("spawn")
        self._connections: list[Connection] = []
        self._processes = []
        for worker in range(number):
            mine, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, setting, worker), daemon=True)
            process.start()
            theirs.close()
            self._connections.append(mine)
            self._processes.append(process)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.join(5)
            if process.is_alive():
                process.terminate()
                process.join()

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [process.pid for process in self._processes if process.pid is not None]

    def run(self, tasks: Sequence[Task], said: Callable[[int], None], frame: Frame | None = None) -> list[Outcome]:
        """Do the tasks in their order, each wherever there is room. Blocks. Raises PartFailedError.

        `frame`, if it is given, takes the place of the one that the processes have.
        """
        waiting, outcomes, busy = list(tasks), [], 0
        idle = list(self._connections)
        while waiting or busy:
            while waiting and idle:
                self._send(idle.pop(), waiting.pop(0), frame)
                busy += 1
            for ready in wait([one for one in self._connections if one not in idle]):
                assert isinstance(ready, Connection)  # noqa: S101 -- what was waited for
                kind, value = self._receive(ready)
                if kind == "said":
                    said(value)
                elif kind == "failed":
                    raise PartFailedError(value)
                else:
                    outcomes.append(value)
                    idle.append(ready)
                    busy -= 1
        return outcomes

    @staticmethod
    def _send(connection: Connection, task: Task, frame: Frame | None) -> None:
        try:
            connection.send((task, frame))
        except OSError as error:
            raise PartFailedError(_GONE) from error

    @staticmethod
    def _receive(connection: Connection) -> tuple[str, Any]:
        try:
            received: tuple[str, Any] = connection.recv()
        except (EOFError, OSError) as error:
            raise PartFailedError(_GONE) from error
        return received


_GONE = "one of the replay's processes ended: what it printed says why; if it printed nothing, the machine lacks memory"


def _serve(connection: Connection, setting: Setting, worker: int) -> None:
    """Do what is asked for until nobody asks any more."""
    gc.set_threshold(_GARBAGE_AFTER, 20, 50)
    try:
        asyncio.run(_served(connection, setting, worker))
    except (UnreadableError, OperatorError, FoldError) as error:
        connection.send(("failed", str(error)))
    except KafkaError as error:
        connection.send(("failed", f"Kafka did not do it ({in_words(error)})"))
    except OSError as error:
        connection.send(("failed", _of_the_system(error, setting.directory)))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        connection.send(("failed", f"PostgreSQL did not do it ({in_words_of_postgres(error)})"))


def _of_the_system(error: OSError, directory: Path) -> str:
    if error.errno in _NO_ROOM:
        return f"there is no room left in {directory.parent}: let TMPDIR name a directory with more ({error.strerror})"
    return f"PostgreSQL did not do it ({type(error).__name__}: {error})"


async def _served(connection: Connection, setting: Setting, worker: int) -> None:
    buckets = setting.frame.buckets
    spills = {name: Spill(setting.directory, name, worker, buckets) for name in (EVENTS, LINKS)}
    counting = None if setting.at is None else KpiCounting(fold_of(setting.catalogue), setting.at, setting.applied)
    frame = setting.frame
    async with (
        topic_reader(_completed(setting.options)) as reader,
        database.snapshot_of(setting.dsn, setting.snapshot) as tables,
    ):
        while True:
            try:
                task, other = await asyncio.to_thread(connection.recv)
            except EOFError:
                return
            frame = other or frame
            part = Part(
                frame,
                reader,
                tables,
                spills[EVENTS],
                spills[LINKS],
                lambda n: connection.send(("said", n)),
                counting,
            )
            await _do(task, part, setting.directory)
            for spill in spills.values():
                spill.flush()
            connection.send(("done", Outcome(part.findings, part.folded, part.merges_seen)))


async def _do(task: Task, part: Part, directory: Path) -> None:
    match task.name:
        case "log":
            await part_log.read_log(part, *task.arguments)
        case "submitted":
            await part_submitted.read_submitted(part, *task.arguments)
        case "rejected":
            await part_topics.read_rejected(part, *task.arguments)
        case "subjects":
            await part_topics.read_subjects(part, *task.arguments)
        case "rows":
            await part_tables.read_rows(part, *task.arguments)
        case "links":
            await part_tables.read_links(part)
        case "compare":
            (bucket,) = task.arguments
            joining.compare(part.frame, take(directory, EVENTS, bucket), part.findings)
            linking.compare(part.frame, take(directory, LINKS, bucket), part.findings)
        case _:
            raise ValueError(f"no part is called {task.name}")


def reading_tasks(frame: Frame, rows: Sequence[tuple[int, int]]) -> list[Task]:
    """Return what is to be read, the longest first, so that the processes end at about the same time."""
    sized: list[tuple[int, Task]] = []
    for name, spans in (
        ("log", frame.recorded),
        ("submitted", frame.submitted),
        ("rejected", frame.rejected),
        ("subjects", frame.subjects),
    ):
        sized += [(_length(span), Task(name, (where, span))) for where, span in spans.items()]
    sized.sort(key=lambda one: -one[0])
    tasks = [task for _, task in sized]
    if frame.recorded:
        tasks += [Task("rows", stretch) for stretch in rows]
    if frame.subjects or any(_length(span) for span in frame.submitted.values()):
        tasks.append(Task("links", ()))
    return tasks


def _length(span: Span) -> int:
    return span.end - span.first


def total(frame: Frame, rows: int) -> int:
    """Return about how many things are read, for whoever watches."""
    spans = [frame.recorded, frame.submitted, frame.rejected, frame.subjects]
    return rows + sum(_length(span) for one in spans for span in one.values())
