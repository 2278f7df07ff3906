"""Apache Kafka's jars: fetched from Maven Central by coordinates, each checked against the lock, kept for later.

A jar takes its place in the cache by a rename, after its SHA-256 was found right: a download that was cut off is
never taken for a jar.
"""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pcare_local.cache import cache_directory

LOCK = Path(__file__).with_name("kafka.lock")
AT_ONCE = 6
ATTEMPTS = 3
SECONDS_WITHOUT_A_BYTE = 30
STALE_SECONDS = 86_400.0
WAYS_OUT = (
    "Start the whole system with `docker compose up`, or set PCARE_KAFKA_BOOTSTRAP_SERVERS to a broker that exists."
)


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock: Maven coordinates and the SHA-256 of the file, 64 hexadecimal digits."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


class KafkaUnavailableError(Exception):
    """Kafka cannot be had on this machine. The message is one line that names the ways out."""


Download = Callable[[Jar, Path], Path]  # fetches a jar and returns its path, somewhere below the directory given
Progress = Callable[[int, int], None]  # called with: jars fetched, jars to fetch


def read_lock(text: str) -> tuple[Jar, ...]:
    """Parse a lock: lines `group:artifact:version sha256`; empty lines and those that begin with # are skipped.

    Raises ValueError naming the line that is not like that.
    """
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r"([\w.-]+):([\w.-]+):([\w.-]+) ([0-9a-f]{64})", line.strip())
        if found is None:
            raise ValueError(f"line {number} of the lock is not `group:artifact:version sha256`: {line!r}")
        jars.append(Jar(*found.groups()))
    if not jars:
        raise ValueError("the lock names no jar")
    return tuple(jars)


def kafka_version(jars: Sequence[Jar]) -> str:
    """Return the version of Kafka that a lock pins."""
    return next(jar.version for jar in jars if jar.group == "org.apache.kafka" and jar.artifact == "kafka-clients")


def kafka_classpath(
    progress: Progress | None = None,
    *,
    lock: Path = LOCK,
    cache: Path | None = None,
    download: Download | None = None,
) -> list[Path]:
    """Return the paths of all jars in the order of the lock, fetching what the cache does not hold.

    Several programs may call this at once: one fetches, the others wait for it. `progress` is called as each arrives,
    and not at all when nothing is to be fetched. Raises KafkaUnavailableError when a jar cannot be had or is not the
    one that the lock names.
    """
    jars = read_lock(lock.read_text())
    directory = (cache or cache_directory()) / f"kafka-{kafka_version(jars)}"
    directory.mkdir(parents=True, exist_ok=True)
    _sweep(directory)
    if _missing(jars, directory):
        with _one_at_a_time(directory):
            if missing := _missing(jars, directory):
                _fetch_all(missing, directory, download or _from_maven_central, progress or _silent)
    return [directory / jar.filename for jar in jars]


def _silent(_fetched: int, _wanted: int) -> None:
    pass


def _sweep(directory: Path) -> None:
    """Remove what programs that were killed left half-written a day ago or more."""
    for pattern in (".download-*", "classes-*.*"):
        for path in directory.glob(pattern):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    held = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _missing(jars: Sequence[Jar], directory: Path) -> list[Jar]:
    return [jar for jar in jars if not _is_right(directory / jar.filename, jar)]


def _is_right(path: Path, jar: Jar) -> bool:
    return path.is_file() and sha256(path) == jar.sha256


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch_all(missing: Sequence[Jar], directory: Path, download: Download, progress: Progress) -> None:
    progress(0, len(missing))
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="jars") as pool:
        futures = [pool.submit(_fetch, jar, directory, download) for jar in missing]
        try:
            for fetched, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(fetched, len(missing))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(jar: Jar, directory: Path, download: Download) -> None:
    trouble = ""
    for _ in range(ATTEMPTS):
        # Beside its destination, so that the rename stays within one file system.
        with tempfile.TemporaryDirectory(prefix=".download-", dir=directory) as scratch:
            try:
                path = download(jar, Path(scratch))
            except (OSError, RuntimeError) as error:  # requests' errors are OSErrors, jgo's RuntimeErrors
                trouble = f"{type(error).__name__}: {error}"
                continue
            found = sha256(path)
            if found == jar.sha256:
                shutil.move(path, directory / jar.filename)
                return
            trouble = f"the file's SHA-256 is {found}, the lock says {jar.sha256}"
    raise KafkaUnavailableError(
        f"Kafka cannot be had: {jar.filename} could not be fetched from Maven Central "
        f"({' '.join(trouble.split())[:200]}). {WAYS_OUT}"
    )


def _from_maven_central(jar: Jar, directory: Path) -> Path:
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - a later start needs no downloader

    context = MavenContext(
        repo_cache=directory, local_repos=[], resolver=PythonResolver(), timeout=SECONDS_WITHOUT_A_BYTE
    )
    return Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())
